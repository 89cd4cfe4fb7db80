"""The end of a run: the sum that holds, failures grouped with their remedy, and the next command."""

import io
import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from importer.cli.ending import Ending, last_line, next_steps, place, show
from importer.cli.pasting import program
from importer.cli.screen import Screen
from importer.errors import ExitStatus
from importer.estimating import Allowance, estimate
from importer.model import Problem, Rejection, Row
from importer.pacing import RatePolicy
from importer.problems import CODES
from importer.report.books import Books, Summary

ARGV = ["run", "--mapping", "my mapping.toml", "a.csv"]
DONE = Summary(
    run=1,
    status=ExitStatus.OK,
    reason=None,
    hint=None,
    books=Books(read=12_000, created=11_842, skipped=151, failed=7),
    counts={"requests": 240, "resent": 3},
    ledger="a.csv.ledger",
    sources=("a.csv",),
    account="123",
    base_url="https://api.hubapi.com",
    started_at="2026-11-23T10:00:00+00:00",
    seconds=14.2,
)


def shown(summary: Summary, *, as_json: bool = False, quiet: bool = False, **more: object) -> tuple[str, str]:
    """Return what is said to stdout and to stderr."""
    out, err = io.StringIO(), io.StringIO()
    show(Ending(summary=summary, argv=ARGV, **more), Screen(out, err, quiet=quiet), as_json=as_json)  # type: ignore[arg-type]
    return out.getvalue(), err.getvalue()


def test_the_last_line_adds_up() -> None:
    """The sum, the seconds, the requests: as the documentation shows it."""
    expected = "12,000 read = 11,842 created + 151 skipped + 7 failed + 0 unresolved (14 s, 240 requests, 3 resent)"
    assert last_line(DONE) == expected
    assert shown(DONE)[0] == expected + "\n"


def test_json_goes_to_stdout_and_the_line_to_stderr() -> None:
    """Under --json stdout is one object and nothing else."""
    out, err = shown(DONE, as_json=True)
    assert json.loads(out)["books"]["read"] == 12_000
    assert last_line(DONE) in err


def test_settling_says_what_it_settled() -> None:
    """A run without sources has no rows to add up."""
    summary = replace(DONE, run=None, sources=(), books=Books(), counts={"recovered": 50, "doubted": 2, "looks": 3})
    assert last_line(summary) == "50 settled + 2 still open (14 s, 3 looks)"


@pytest.mark.parametrize(
    ("summary", "steps"),
    [
        (DONE, []),
        (replace(DONE, run=None, status=ExitStatus.ACCESS), []),
        (replace(DONE, dry_run=True, status=ExitStatus.SOME_FAILED), []),
        (replace(DONE, status=ExitStatus.SOME_FAILED), ["once the rows are mended: run"]),
        (replace(DONE, status=ExitStatus.INTERRUPTED), ["to go on: run"]),
        (replace(DONE, status=ExitStatus.PAUSED), ["to go on: run"]),
        (replace(DONE, status=ExitStatus.SOURCE), ["once the source is mended: run"]),
        (replace(DONE, status=ExitStatus.UNRESOLVED, books=Books(read=1, in_doubt=1)), ["to go on: run"]),
        (replace(DONE, status=ExitStatus.UNRESOLVED, books=Books(read=1, unresolved=1)), ["to look again: reconcile"]),
    ],
)
def test_every_stop_ends_with_the_next_command(summary: Summary, steps: list[str]) -> None:
    """None after a success and none when nothing ran; else what goes on, ready to paste."""
    found = list(next_steps(summary, ARGV))
    assert len(found) == len(steps)
    for line, step in zip(found, steps, strict=True):
        words, command = step.split(": ")
        assert line.startswith(words)
        pasted = shlex.split(line.split(": ", 1)[1])
        expected = ARGV if command == "run" else ["reconcile", "a.csv.ledger"]
        assert pasted == [*program().split(), *expected]


def test_failures_of_a_run_are_grouped_and_the_first_few_shown(tmp_path: Path) -> None:
    """By code, most frequent first: meaning, places, remedy; earlier runs and torn lines are passed over."""
    rows = [
        {"run": 1, "code": "invalid_date", "source": "a.csv", "ordinal": n, "line_number": n + 2, "column": "Start",
         "message": f'"31/02/{n}\x1b[2J" is no day'}
        for n in range(9)
    ]  # fmt: skip
    rows.append({"run": 0, "code": "name_missing", "source": "old.csv", "line_number": 1, "message": "old"})
    lines = [json.dumps(row) for row in rows]
    (tmp_path / "failures.jsonl").write_text("\n".join([*lines, "[1]", '{"torn']))
    counts = {"codes": {"name_missing": 1, "invalid_date": 9}}
    summary = replace(DONE, ledger=str(tmp_path), status=ExitStatus.SOME_FAILED, counts=counts)
    out, err = shown(summary)
    told = err.splitlines()
    assert told[0].startswith("9 invalid_date: the value is not a date")
    assert told[1] == '  a.csv:2 Start: "31/02/0\\x1b[2J" is no day'
    assert told[4].startswith("  Write the date as the mapping states it")
    assert told[5].startswith("1 name_missing")
    assert "old.csv" not in err
    assert str(tmp_path / "failures.jsonl") in err
    assert "\x1b" not in out + err


def test_failures_of_a_dry_run_come_from_memory() -> None:
    """A dry run has no failures file; the rows kept by the tally are shown."""
    rejection = Rejection(Row("a.json", 4, None, None, None), (Problem("name_missing", "hs_name is blank"),))
    summary = replace(
        DONE, run=None, dry_run=True, books=Books(read=121, not_sent=120, failed=1),
        counts={"codes": {"name_missing": 1}},
        estimate=estimate(Books(read=121, not_sent=120, failed=1), 3, RatePolicy(), Allowance(untold="none")).as_dict(),
    )  # fmt: skip
    err = shown(summary, samples={"name_missing": [rejection]})[1]
    assert "  a.json row 4: hs_name is blank" in err
    assert "failures.jsonl" not in err
    assert "A run would create 120, skip 0, reject 1." in err
    assert "5 requests, about 1.0 s at 100 requests per 10 s" in err


def test_many_codes_do_not_flood_the_screen() -> None:
    """The most frequent ones are shown and the rest is counted; quiet shows none."""
    summary = replace(DONE, run=None, counts={"codes": {f"code_{n}": 20 - n for n in range(12)}})
    assert "and 4 more codes" in shown(summary)[1]
    assert "code_0" not in shown(summary, quiet=True)[1]


def test_reason_hint_and_remarks_are_said() -> None:
    """Why it stopped and what helps come even under --quiet; remarks are notices."""
    counts = {"recovered": 2, "changed": 3, "gone": 4, "unexpected": 1, "throttled": 5}
    summary = replace(DONE, status=ExitStatus.PAUSED, reason="the daily quota is used up", hint="Go on tomorrow.")
    loud, quiet = (shown(replace(summary, counts=counts), quiet=quiet)[1] for quiet in (False, True))
    for err in (loud, quiet):
        assert "paused: the daily quota is used up\nhint: Go on tomorrow.\n" in err
        assert "1 campaigns in HubSpot's answers belong to none of these rows" in err
    for words in ("2 settled of", "3 skipped although changed", "4 made earlier", "5 pauses that HubSpot asked for"):
        assert words in loud
        assert words not in quiet


def test_a_place_is_written_as_editors_take_it() -> None:
    """File and line, or row where there are no lines."""
    assert place({"source": "a.csv", "line_number": 812, "column": "Start"}) == "a.csv:812 Start"
    assert place({"source": "a.json", "line_number": None, "ordinal": 7}) == "a.json row 7"


def test_what_was_probably_meant_stands_beside_the_row(tmp_path: Path) -> None:
    """A near miss follows its row's message; the remedy of a code is said once, below all rows."""
    choice = {"code": "invalid_choice", "message": '"planed" is none', "column": "hs_campaign_status", "run": 1}
    place = {"source": "a.csv", "ordinal": 0, "line_number": 2}
    rows = [choice | place | {"fix": 'Did you mean "planned"?'}, choice | place | {"fix": CODES["invalid_choice"].fix}]
    (tmp_path / "failures.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    _out, err = shown(replace(DONE, ledger=str(tmp_path), counts={"codes": {"invalid_choice": 2}}))
    assert 'a.csv:2 hs_campaign_status: "planed" is none. Did you mean "planned"?\n' in err
    assert 'a.csv:2 hs_campaign_status: "planed" is none\n' in err
    assert err.count(CODES["invalid_choice"].fix) == 1
