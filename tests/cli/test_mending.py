"""Failed rows on their way back: written as the sources are, told once, and gone from the list when they are made."""

import json
import shlex
from pathlib import Path

import pytest

from importer.cli.commands import plan_of_ledger
from importer.errors import ExitStatus
from importer.settings import load
from tests.in_process import importer

pytestmark = pytest.mark.usefixtures("folder")

GERMAN = """\
Kampagnen-ID;Name;Startdatum;Enddatum;Währung;Status
K-1;Frühjahr;01.03.2026;31.03.2026;EUR;Abgeschlossen
K-2;Köln;05.10.2026;09.10.2026;EUR;Geplant
K-3;Österreich;01.12.2026;31.02.2026;EUR;Geplant
"""
KEYED = "hs_name,hs_start_date,Nr\nA,2026-01-01,1\nB,soon,2\nC,later,3\n"
MAPPING = """\
[mapping]
name = "plan"
key = ["Nr"]
[mapping.properties]
hs_name = "hs_name"
hs_start_date = "hs_start_date"
"""


def written(ledger: str, name: str = "fix.csv") -> bytes:
    """Return the file of failed rows."""
    importer("failures", ledger, "-o", name)
    return Path(name).read_bytes()


def mend(before: str, after: str, *, encoding: str = "utf-8") -> None:
    """Put `after` for `before` in the file of failed rows."""
    text = Path("fix.csv").read_text(encoding=encoding)
    assert before in text
    Path("fix.csv").write_text(text.replace(before, after), encoding=encoding)


@pytest.mark.parametrize("saved", ["utf-8-sig", "cp1252"])
def test_a_german_sheet_comes_back(folder: Path, saved: str) -> None:
    """Semicolons stay, and a mark tells the encoding: with `importer.toml` of the source, the mended file is read.

    So is what a German Excel makes of it, which saves it as Windows-1252.
    """
    (folder / "plan.csv").write_bytes(GERMAN.encode("cp1252"))
    importer("init", "plan.csv")
    importer("run", "--simulate", "plan.csv", status=ExitStatus.SOME_FAILED)
    found = written("plan.csv.simulated.ledger")
    assert found.startswith("\ufeffKampagnen-ID;Name;Startdatum;Enddatum;Währung;Status;_code;".encode())
    (folder / "fix.csv").write_bytes(found.decode("utf-8-sig").encode(saved))
    mend("31.02.2026", "31.12.2026", encoding=saved)
    importer("run", "--simulate", "--ledger", "plan.csv.simulated.ledger", "fix.csv")
    assert "Österreich" in (folder / "plan.csv.simulated.ledger/results.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "encoding"), [(["--delimiter", "|"], "utf-8"), (["--encoding", "utf-16"], "utf-16")]
)
def test_the_options_of_the_source_read_its_failed_rows(folder: Path, options: list[str], encoding: str) -> None:
    """What `run` was told of the source holds for the mended file."""
    text = "hs_name,hs_start_date\nA,2026-01-01\nB,soon\n"
    text = text.replace(",", "|") if "|" in options else text
    (folder / "a.csv").write_text(text, encoding=encoding)
    importer("run", "--simulate", *options, "a.csv", status=ExitStatus.SOME_FAILED)
    written("a.csv.simulated.ledger")
    mend("soon", "2026-02-02")
    importer("run", "--simulate", *options, "--ledger", "a.csv.simulated.ledger", "fix.csv")


def test_a_source_that_is_gone_has_commas(folder: Path) -> None:
    """Its delimiter cannot be asked any more; a file of commas is read by any command that names none."""
    (folder / "a.csv").write_text("hs_name;hs_start_date\nA;soon\nB;2026-01-01\n")
    importer("run", "--simulate", "a.csv", status=ExitStatus.SOME_FAILED)
    (folder / "a.csv").unlink()
    assert written("a.csv.simulated.ledger").startswith(b"hs_name,hs_start_date,_code,")


def test_what_was_mended_is_not_listed_again(folder: Path) -> None:
    """Mended in part, the rest is told once; mended whole, nothing is left, and `status` has nothing to say."""
    (folder / "a.csv").write_text(KEYED)
    (folder / "importer.toml").write_text(MAPPING)
    ledger = "a.csv.simulated.ledger"
    importer("run", "--simulate", "a.csv", status=ExitStatus.SOME_FAILED)
    assert f"importer failures {ledger} --output fix.csv" in importer("status", ledger).stdout
    written(ledger)
    mend("soon", "2026-02-02")
    importer("run", "--simulate", "--ledger", ledger, "fix.csv", status=ExitStatus.SOME_FAILED)
    assert [line.split(b",")[0] for line in written(ledger, "rest.csv").splitlines()] == [b"hs_name", b"C"]
    mend("later", "2026-03-03")
    importer("run", "--simulate", "--ledger", ledger, "fix.csv")
    assert "none.csv: no failed rows to mend\n" in importer("failures", ledger, "-o", "none.csv").stderr
    assert "importer " not in importer("status", ledger).stdout


def test_rows_without_an_identity_are_told_once(folder: Path) -> None:
    """Rows that are equal in all cells and failed again in another file are the same; in one file they are two."""
    (folder / "a.csv").write_text("hs_name,hs_start_date\nA,2026-01-01\nB,soon\nB,soon\nC,2026-01-02\n")
    ledger = "a.csv.simulated.ledger"
    importer("run", "--simulate", "a.csv", status=ExitStatus.SOME_FAILED)
    assert written(ledger).count(b"B,soon") == 2
    importer("run", "--simulate", "--ledger", ledger, "fix.csv", status=ExitStatus.SOURCE)
    assert written(ledger, "again.csv").count(b"B,soon") == 2


def test_rows_without_an_identity_are_told_once_in_another_format(folder: Path) -> None:
    """CSV has a column for each key of any row, and texts for numbers: the row that failed again is the same."""
    rows = [{"hs_name": "A"}, {"hs_name": "B", "hs_start_date": "soon", "hs_notes": 3}, {"hs_name": "", "hs_utm": "u"}]
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    importer("run", "--simulate", "a.jsonl", status=ExitStatus.SOME_FAILED)
    written("a.jsonl.simulated.ledger")
    importer("run", "--simulate", "--ledger", "a.jsonl.simulated.ledger", "fix.csv", status=ExitStatus.SOURCE)
    assert len(written("a.jsonl.simulated.ledger", "again.csv").splitlines()) == 3


def test_rows_of_a_key_that_another_row_has_stay_listed(folder: Path) -> None:
    """The row that was made is of the same run: it mends nothing."""
    (folder / "a.csv").write_text("hs_name,hs_start_date,Nr\nA,2026-01-01,1\nB,2026-01-02,1\n")
    (folder / "importer.toml").write_text(MAPPING)
    importer("run", "--simulate", "a.csv", status=ExitStatus.SOME_FAILED)
    assert b"conflicting_duplicate" in written("a.csv.simulated.ledger")


def test_a_source_in_the_place_of_its_ledger(folder: Path) -> None:
    """The ledger is named that was meant, by every command that takes one."""
    (folder / "a.csv").write_text("hs_name\nA\n")
    importer("run", "--simulate", "a.csv")
    for command in ("status", "failures", "verify", "report", "reconcile"):
        refused = importer(command, "a.csv", status=ExitStatus.LEDGER)
        assert "a.csv is not a ledger: it is a file" in refused.stderr, command
        assert "Say a.csv.simulated.ledger." in refused.stderr, command


def test_status_says_how_a_stopped_run_ended_and_what_to_do(folder: Path) -> None:
    """A run that stopped itself is no complete pass: its end, why, and the command that goes on."""
    (folder / "a.csv").write_text("hs_name,hs_start_date\nA,soon\nB,soon\nC,2026-01-01\n")
    importer("run", "--simulate", "--max-failures", "1", "a.csv", status=ExitStatus.THRESHOLD)
    told = importer("status", "a.csv.simulated.ledger").stdout
    assert "stopped: a.csv, run 1, " in told
    assert "more than --max-failures 1 permits" in told
    assert "to go on: importer run --simulate --max-failures 1 a.csv" in told
    importer("run", "--simulate", "a.csv", status=ExitStatus.SOME_FAILED)
    assert "stopped:" not in importer("status", "a.csv.simulated.ledger").stdout


def test_what_asks_a_simulated_account_later_is_as_fast_as_the_run(folder: Path) -> None:
    """Its rate limit is that of the run, and none of the faults that the run was to meet strikes."""
    (folder / "a.csv").write_text("hs_name\nA\n")
    importer("run", "--simulate", "--fault", "504@9", "a.csv")
    plan = plan_of_ledger(load({}), Path("a.csv.simulated.ledger"))
    assert plan.simulator is not None
    assert (plan.simulator.rate, plan.simulator.faults) == (250, ())


def test_the_command_that_imports_the_mended_file(folder: Path) -> None:
    """It stands there to be pasted, with the options of the run; where that cannot be known, it does not."""
    (folder / "my plan.csv").write_text("hs_name,hs_start_date\nA,soon\nB,2026-01-01\n")
    run = ["run", "--simulate", "--key", "hs_name", "--ledger", "my ledger"]
    importer(*run, "my plan.csv", status=ExitStatus.SOME_FAILED)
    told = importer("failures", "my ledger", "-o", "fix.csv").stderr
    assert "once mended: " in told
    line = told.split("once mended: ")[1].splitlines()[0]
    assert line.endswith(" run --simulate --key hs_name --ledger 'my ledger' fix.csv")
    mend("soon", "2026-02-02")
    importer("run", *shlex.split(line.partition(" run ")[2]))
    importer(*run, "*.csv", status=ExitStatus.SOME_FAILED)  # a pattern is no source by its name
    assert "once mended: " not in importer("failures", "my ledger", "-o", "again.csv").stderr


@pytest.mark.parametrize("name", ["stdout.csv", "fix.jsonl", "fix.json", "fix.tsv", "fix.csv"])
@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_letters_stay_in_every_format_where_the_command_names_an_encoding(
    folder: Path, name: str, encoding: str
) -> None:
    """The mended file is UTF-8 and says so, on stdout too: the command of the source makes no other names of it."""
    (folder / "a.csv").write_text("Nr;hs_name;hs_start_date\n1;Köln;soon\n2;Ulm;2026-01-01\n", encoding=encoding)
    run = ["run", "--simulate", "--encoding", encoding, "--delimiter", ";", "--key", "Nr", "--ledger", "l"]
    importer(*run, "a.csv", status=ExitStatus.SOME_FAILED)
    if name == "stdout.csv":
        Path(name).write_text(importer("failures", "l").stdout, encoding="utf-8")
    else:
        written("l", name)
    Path(name).write_text(Path(name).read_text("utf-8").replace("soon", "2026-02-02"), "utf-8")
    importer(*run, name)
    made = [json.loads(line)["name"] for line in Path("l/results.jsonl").read_text("utf-8").splitlines()]
    assert made == ["Ulm", "Köln"]


@pytest.mark.parametrize("spelt", ["tab", "\\t", "\t"])
def test_a_tab_may_have_been_spelt_out(folder: Path, spelt: str) -> None:
    """The failed rows stand between tabs, too."""
    (folder / "a.csv").write_text("hs_name\ths_start_date\nA\tsoon\nB\t2026-01-01\n")
    importer("run", "--simulate", "--delimiter", spelt, "a.csv", status=ExitStatus.SOME_FAILED)
    assert written("a.csv.simulated.ledger").startswith(b"hs_name\ths_start_date\t_code\t")


@pytest.mark.parametrize("name", ["fix.jsonl", "fix.csv"])
def test_the_command_for_the_mended_file_leaves_its_format_to_its_name(folder: Path, name: str) -> None:
    """The source had to be told to be CSV; the file of failed rows may be something else."""
    (folder / "plan.txt").write_text("hs_name,hs_start_date\nA,soon\nB,2026-01-01\n")
    importer("run", "--simulate", "--format", "csv", "--ledger", "l", "plan.txt", status=ExitStatus.SOME_FAILED)
    told = importer("failures", "l", "-o", name).stderr
    assert told.splitlines()[-1].endswith(f" run --simulate --ledger l {name}")
