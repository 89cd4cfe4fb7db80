"""Runs from workbooks, Parquet, links and patterns: end to end, against the simulator."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from importer.cli import commands
from importer.cli.exporting import failures
from importer.errors import ExitStatus
from tests.sources.file_server import FileServer, serving
from tests.sources.workbooks import workbook, write

GOOD: Final = "hs_name,hs_start_date\nSpring sale,2026-04-01\nAutumn sale,2026-10-01\n"
DAYS: Final = {"StartDate", "EndDate"}
FIGURES: Final = {"NumberSent", "NumberOfLeads", "NumberOfContacts"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server() -> Iterator[FileServer]:
    """Serve a file."""
    with serving() as served:
        served.data = GOOD.encode()
        yield served


def run(*sources: str, argv: Sequence[str] = (), **flags: Any) -> int:
    """Run against the simulator; return the exit status."""
    return commands.run(sources, {"simulate": True, **flags}, ["run", *(argv or sources)])


def made(ledger: str) -> list[tuple[str, dict[str, str]]]:
    """Return name and properties of each campaign that a ledger says was sent, sorted."""
    entries = map(json.loads, (Path(ledger) / "journal.jsonl").read_text(encoding="utf-8").splitlines())
    sent = [item["properties"] for entry in entries if "body" in entry for item in entry["body"]["inputs"]]
    return sorted(((item["hs_name"], item) for item in sent), key=str)


def identities(ledger: str) -> set[str]:
    """Return the identities of the campaigns that a ledger says were made."""
    lines = (Path(ledger) / "results.jsonl").read_text(encoding="utf-8").splitlines()
    return {json.loads(line)["identity"] for line in lines}


def typed(column: str, cell: str) -> Any:
    """Return a cell as a person has it in a sheet: days as days, figures as numbers, the rest as text."""
    if column in DAYS and cell:
        return date.fromisoformat(cell)
    return float(cell) if column in FIGURES and cell else cell


def test_a_salesforce_workbook_makes_the_campaigns_of_its_csv(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A real export, typed and under a merged title, makes the same eight campaigns, with the same identities."""
    text = (shared / "data/salesforce-campaigns.csv").read_text(encoding="utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text, newline=""))

    def fill(book: Any, sheet: Any) -> None:
        sheet.merge_range(0, 0, 0, len(header) - 1, "Campaigns of 2023")
        write(book, sheet, [header, *([typed(*pair) for pair in zip(header, row, strict=True)] for row in rows)], row=2)

    Path("x.csv").write_text(text, encoding="utf-8")
    Path("x.xlsx").write_bytes(workbook(fill))
    assert run("x.csv", mapping="salesforce", ledger="a") == run("x.xlsx", mapping="salesforce", ledger="b") == 0
    assert "notice: x.xlsx: the columns are named in row 3; what stands above is left out" in capsys.readouterr().err
    assert len(made("a")) == 8
    assert made("a") == made("b")
    assert identities("a") == identities("b")
    assert run("x.xlsx", mapping="salesforce", ledger="a", json=True) == 0  # the other file's ledger knows them all
    assert json.loads(capsys.readouterr().out)["books"]["skipped"] == 8


def test_a_mailchimp_workbook_has_typed_dates(shared: Path) -> None:
    """Dates that a sheet holds as dates are read, although the mapping states how the export writes them as text."""
    text = (shared / "data/mailchimp-campaigns.csv").read_text(encoding="utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    at = header.index("Send Date")
    for row in rows:
        row[at] = datetime.strptime(row[at], "%b %d, %Y %I:%M %p")  # type: ignore[call-overload]  # noqa: DTZ007 - cells have no zone
    Path("x.csv").write_text(text, encoding="utf-8")
    Path("x.xlsx").write_bytes(workbook(lambda book, sheet: write(book, sheet, [header, *rows])))
    assert run("x.csv", mapping="mailchimp", ledger="a") == run("x.xlsx", mapping="mailchimp", ledger="b") == 0
    assert made("a") == made("b")


def test_an_error_in_a_cell_fails_its_row_and_is_mended(capsys: pytest.CaptureFixture[str]) -> None:
    """#N/A where a date is wanted is told with sheet row and column, and harms nobody in a column of no use."""

    def fill(book: Any, sheet: Any) -> None:
        write(book, sheet, [["hs_name", "hs_start_date", "Helper"], ["Spring sale", "2026-04-01"], ["Autumn sale"]])
        sheet.write_formula("B3", "=NA()", None, "#N/A")
        sheet.write_formula("C2", "=NA()", None, "#N/A")

    Path("x.xlsx").write_bytes(workbook(fill))
    Path("m.toml").write_text(
        'name = "m"\nignore = ["Helper"]\n[properties]\nhs_name = "hs_name"\n'
        'hs_start_date = { column = "hs_start_date", date = ["iso"] }\n'
    )
    assert run("x.xlsx", mapping="m.toml", ledger="a") == ExitStatus.SOME_FAILED
    said = capsys.readouterr().err
    assert "x.xlsx:3 hs_start_date: #N/A is an error of the spreadsheet, not a value" in said
    assert failures("a", {"output": "fix.csv"}, []) == 0
    fixed = Path("fix.csv").read_text().replace("#N/A", "2026-10-01", 1)
    Path("fix.csv").write_text(fixed)
    assert run("fix.csv", mapping="m.toml", ledger="a") == 0
    assert [name for name, _ in made("a")] == ["Autumn sale", "Spring sale"]


def test_parquet_reads_what_is_imported(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns that are not imported are named, left unread and missing in failed rows; a misspelt one is still met."""
    columns = {"Title": ["Spring sale", None], "Begin": [date(2026, 4, 1)] * 2, "Note": ["x", "y"]}
    pq.write_table(pa.table(columns), "x.parquet")
    Path("m.toml").write_text('name = "m"\n[properties]\nhs_name = "Title"\nhs_start_date = "Begin"\n')
    assert run("x.parquet", mapping="m.toml", ledger="a") == ExitStatus.SOME_FAILED
    said = capsys.readouterr().err
    assert "not imported: Note" in said
    assert "x.parquet:2 Title" in said
    assert made("a") == [("Spring sale", {"hs_name": "Spring sale", "hs_start_date": "2026-04-01"})]
    failed = json.loads((Path("a") / "failures.jsonl").read_text().splitlines()[0])
    assert failed["row"] == {"Title": None, "Begin": "2026-04-01"}
    Path("m.toml").write_text('name = "m"\n[properties]\nhs_name = "Title"\nhs_notes = "Notes"\n')
    assert run("x.parquet", mapping="m.toml", ledger="b") == ExitStatus.USAGE
    assert 'did you mean "Note"?' in capsys.readouterr().err


def test_a_link_leaves_no_secret_anywhere(server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in the ledger nor on the screen, in a run that works, one that is to be repeated, and those that fail."""
    link = server.url("/x.csv?signature=hush", user="hush:hush@")
    assert run(link, ledger="a", json=True) == 0
    server.data = GOOD.encode() + b",2026-04-01\n"
    assert run(link, ledger="a", argv=[link, "--ledger", "a"]) == ExitStatus.SOME_FAILED
    server.statuses = [(403, {})]
    assert run(link, ledger="a") == ExitStatus.SOURCE
    assert run(link) == ExitStatus.USAGE
    assert run(link, link.replace("signature", "other"), ledger="a") == ExitStatus.USAGE
    said = capsys.readouterr()
    assert "run 'http://…@127.0.0.1" in said.err
    held = b"".join(path.read_bytes() for path in Path("a").rglob("*") if path.is_file())
    assert server.url("/x.csv").encode() in held
    assert b"hush" not in held
    assert "hush" not in said.out + said.err


def test_a_transfer_that_breaks_off_ends_the_run_and_the_next_goes_on(server: FileServer) -> None:
    """What came before the break is imported; the same command adds the rest, and nothing twice."""
    rows = [f"campaign {i},2026-04-01" for i in range(5000)]
    server.data = "\n".join(["hs_name,hs_start_date", *rows, ""]).encode()
    server.tag, server.cuts = None, [100_000]
    assert run(server.url(), ledger="a") == ExitStatus.SOURCE
    before = len(made("a"))
    assert 1000 < before < 5000
    assert run(server.url(), ledger="a") == 0
    assert sorted(name for name, _ in made("a")) == sorted(row.partition(",")[0] for row in rows)


def test_a_pattern_is_one_pass_over_its_files(capsys: pytest.CaptureFixture[str]) -> None:
    """Each file by its own header and delimiter; a later run with the same pattern adds what is new."""
    Path("b.csv").write_text("hs_start_date;hs_name\n2026-04-01;Spring sale\n")
    Path("a.csv").write_text("hs_name,hs_start_date\nAutumn sale,2026-10-01\n,2026-10-01\n")
    assert run("*.csv", ledger="l", argv=["*.csv", "--ledger", "l"]) == ExitStatus.SOME_FAILED
    said = capsys.readouterr().err
    assert "sources: 2 (a.csv, b.csv)" in said
    assert "a.csv:3 hs_name" in said
    assert "run '*.csv' --ledger l" in said
    Path("c.csv").write_text("hs_name,hs_start_date\nWinter sale,2026-12-01\n")
    assert run("*.csv", ledger="l", json=True) == ExitStatus.SOME_FAILED
    books = json.loads(capsys.readouterr().out)["books"]
    assert (books["created"], books["skipped"], books["failed"]) == (1, 2, 1)


def test_a_pattern_needs_a_ledger_that_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """One file today may be two tomorrow: the ledger beside it would be another, and all would be made again."""
    Path("a.csv").write_text(GOOD)
    assert run("*.csv") == ExitStatus.USAGE
    assert "*.csv may stand for several files" in capsys.readouterr().err
    assert commands.check(["*.csv"], {}, ["check", "*.csv"]) == 0
    assert run("*.tsv", ledger="l") == ExitStatus.USAGE
    assert "*.tsv stands for no file" in capsys.readouterr().err


def test_the_file_whose_header_does_not_fit_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Among several sources, a misspelt column is told with its file, and nothing is sent."""
    Path("a.csv").write_text(GOOD)
    Path("b.csv").write_text("hs_nme,hs_start_date\nSpring sale,2026-04-01\n")
    assert run("a.csv", "b.csv", ledger="l") == ExitStatus.USAGE
    assert "error: b.csv: the columns do not carry the names of properties" in capsys.readouterr().err
