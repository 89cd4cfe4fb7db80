"""Reports gathered from real ledgers: of runs that ended, that were killed, that left something in doubt."""

import json
import re
import shutil
import stat
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anyio
import pytest

from importer import reporting, runs
from importer.cli import commands
from importer.cli.planning import build_plan
from importer.errors import ExitStatus, LedgerError, UsageError
from importer.report.books import Tally
from importer.reporting import gather, latest_run, write_report
from importer.settings import load
from importer.settling import decide
from importer.stopping import Stop

ROWS = "hs_name,hs_start_date\nSpring sale,2026-04-01\nAutumn sale,2026-10-01\n,2026-04-01\nNo day,2026-02-30\n"
LEDGER = Path("a.csv.simulated.ledger")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a source that has two good rows and two bad ones."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(ROWS)
    return tmp_path


def run(**flags: Any) -> int:
    """Run the import against the simulator as the command line does."""
    return commands.run(["a.csv"], {"simulate": True, "quiet": True} | flags, ["run", "--simulate", "a.csv"])


def killed(*, fault: str | None = None) -> None:
    """Run the import as a library does, and leave no summary: what a killed run looks like afterwards."""
    plan = build_plan(load({"simulate": True, "fault": [fault] if fault else None}), ["a.csv"])
    anyio.run(lambda: runs.run(plan, tally=Tally(), stop=Stop()))


def test_a_run_that_ended_has_everything() -> None:
    """Books, failures by code, settings with their origin and the next commands are those of the run."""
    assert run(rate="50") == ExitStatus.SOME_FAILED
    facts = gather(LEDGER, 1)
    assert facts.books is not None
    assert (facts.status, facts.books.created, facts.books.failed) == (ExitStatus.SOME_FAILED, 2, 2)
    assert facts.failures.counts == {"name_missing": 1, "invalid_date": 1}
    assert [failure.place for failure in facts.failures.rows] == ["a.csv:4 hs_name", "a.csv:5 hs_start_date"]
    origins = {setting.name: setting.origin for setting in facts.settings if setting.origin}
    assert origins == {"--rate": "--rate", "--simulate": "--simulate", "--quiet": "--quiet"}
    assert [step.command.split()[-4:] for step in facts.next_steps] == [
        ["failures", str(LEDGER), "--output", "fix.csv"],
        ["importer", "run", "--simulate", "a.csv"],
    ]
    assert (facts.account, facts.simulated, facts.doubts) == ("a simulated HubSpot account", True, ())


@pytest.mark.posix("files have no modes there")
def test_the_report_is_private_and_replaced() -> None:
    """The latest run's report is the ledger's, 0600; an earlier one's stands with that run."""
    run()
    first = (LEDGER / "report.html").read_bytes()
    assert stat.S_IMODE((LEDGER / "report.html").stat().st_mode) == 0o600
    run()
    assert (LEDGER / "report.html").read_bytes() != first
    assert write_report(LEDGER) == LEDGER / "report.html"
    assert write_report(LEDGER, 1) == LEDGER / "runs" / "0001" / "report.html"
    assert write_report(LEDGER, 1, Path("mine.html")) == Path("mine.html")
    assert b"run 1" in Path("mine.html").read_bytes()


def test_failures_are_those_of_the_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of other runs, and torn lines, are passed over; beyond the cap all are counted and the first kept."""
    run()
    path = LEDGER / "failures.jsonl"
    row = json.loads(path.read_text().splitlines()[0])
    with path.open("a") as file:
        for number in range(5):
            file.write(json.dumps(row | {"ordinal": number}, separators=(",", ":")) + "\n")
        file.write(json.dumps(row | {"run": 10, "row": {"run": 1}}, separators=(",", ":")) + '\n{"torn')
    monkeypatch.setattr(reporting, "FAILURES_MAX", 4)
    failures = gather(LEDGER, 1).failures
    assert (failures.total, len(failures.rows)) == (7, 4)
    assert failures.counts == {"name_missing": 6, "invalid_date": 1}
    assert {code: len(rows) for code, rows in failures.first.items()} == {"name_missing": 3, "invalid_date": 1}


def test_what_was_in_doubt_is_told_with_how_it_was_settled() -> None:
    """A request whose answer was lost is listed, with its cause and the finding."""
    run(fault=["504_after_commit@1"])
    (doubt,) = gather(LEDGER, 1).doubts
    assert (doubt.records, doubt.names, doubt.earlier) == (2, ("Spring sale", "Autumn sale"), False)
    assert doubt.why
    assert doubt.settled[0].startswith("2 found in HubSpot: made")


def test_a_later_run_s_finding_shows_in_both_reports() -> None:
    """What a killed run left on its way and the next one found is in the report of either."""
    run()
    journal = LEDGER / "journal.jsonl"
    lines = journal.read_bytes().splitlines(True)
    intent = next(at for at, line in enumerate(lines) if b'"t":"intent"' in line)
    journal.write_bytes(b"".join(lines[: intent + 1]))  # as a kill leaves it; the rest follows from the journal
    for name in ("index", "runs"):
        shutil.rmtree(LEDGER / name)
    for name in ("results.jsonl", "failures.jsonl"):
        (LEDGER / name).unlink()
    run()
    (first,), (second,) = gather(LEDGER, 1).doubts, gather(LEDGER, 2).doubts
    assert (first.why, first.earlier, second.earlier) == ("the run ended before the answer came", False, True)
    assert first.settled == second.settled
    assert first.settled[0].startswith("2 found in HubSpot: made")


def test_a_person_s_decision_is_told() -> None:
    """Who decided, what, and why stands with the request, after what HubSpot could not tell."""
    run(fault=["504_before@1", "list/500_before@2-999"], settle="0.05", settle_max="0.1", timeout="0.5")
    rows = [json.loads(line) for line in (LEDGER / "failures.jsonl").read_text().splitlines()]
    identity = next(row["identity"] for row in rows if row["state"] == "unresolved")
    anyio.run(decide, LEDGER, identity, "absent", "looked for it")
    (doubt,) = gather(LEDGER, 1).doubts
    untold, decided = doubt.settled
    assert untold.startswith("2 cannot be told: a person has to look")
    assert re.fullmatch(r"1 decided by \S+: absent: looked for it", decided)


def test_a_run_that_left_no_summary_is_told_from_the_journal() -> None:
    """The journal knows begin, sources and books; without an end nothing is made up."""
    killed()
    assert latest_run(LEDGER) == 1
    facts = gather(LEDGER, 1)
    assert (facts.status, facts.sources) == (None, ("a.csv",))
    assert facts.books is not None
    assert facts.books.created == 2
    assert facts.failures.total == 2
    journal = LEDGER / "journal.jsonl"
    journal.write_bytes(b"".join(line for line in journal.read_bytes().splitlines(True) if b'"t":"end"' not in line))
    bare = gather(LEDGER, 1)
    assert bare.books is None
    assert write_report(LEDGER) == LEDGER / "report.html"


def test_damaged_files_of_a_run_cost_only_what_they_held() -> None:
    """A summary or details that cannot be read are done without."""
    run()
    for name in ("summary.json", "details.json"):
        (LEDGER / "runs" / "0001" / name).write_text('{"torn')
    facts = gather(LEDGER, 1)
    assert (facts.status, facts.settings, facts.failures.total) == (None, (), 2)
    assert asdict(facts)["account"] == "a simulated HubSpot account"


def test_what_is_not_there_is_said() -> None:
    """No ledger, no run of that number, a ledger without runs."""
    with pytest.raises(LedgerError):
        write_report(Path("missing"))
    run()
    for number in (0, 2):
        with pytest.raises(UsageError, match="has no run"):
            write_report(LEDGER, number)
    journal = LEDGER / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().splitlines(True)[0])
    (LEDGER / "runs").rename("elsewhere")
    with pytest.raises(LedgerError, match="has no runs yet"):
        latest_run(LEDGER)


def test_rows_of_earlier_runs_are_passed_over_by_halves(tmp_path: Path) -> None:
    """In a file of many blocks each run's rows are found, whole, whatever stands before, after or torn at the end."""
    sizes = [400, 0, 1, 700, 5, 300]
    rows = [
        {"source": "a.csv", "line_number": at, "ordinal": at, "name": "x" * (at % 97) * 10, "code": "refused",
         "message": "no", "run": run}
        for run, size in enumerate(sizes, 1) for at in range(size)
    ]  # fmt: skip
    path = tmp_path / "failures.jsonl"
    path.write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows) + '{"torn')
    assert path.stat().st_size > 8 * reporting._BLOCK_BYTES
    for run, size in enumerate(sizes, 1):
        assert [row.ordinal for row in reporting._failures(path, run).rows] == list(range(size))
    with path.open("rb") as file:
        assert reporting.begin_of(file, 1) == 0
        assert reporting.begin_of(file, len(sizes)) > path.stat().st_size / 2
