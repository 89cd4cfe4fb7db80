"""Failed rows, whatever the format of their source: written in it, mended in it, and imported from it."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from importer.errors import ExitStatus
from importer.failed_rows import OWN, failed_rows, write_rows, write_sheet
from importer.ledger import codec
from importer.model import CellError, Row
from importer.sources import open_source
from importer.workbook import write_workbook
from tests.pipeline.conftest import World, made

COLUMNS: Final = ("hs_notes", "hs_name", "hs_start_date")
ROWS: Final = [
    {"hs_notes": f"note {n}", "hs_name": f"Campaign {n}", "hs_start_date": "soon" if n % 3 == 0 else "2026-04-05"}
    for n in range(12)
]


def as_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV, or as TSV where the name says so."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(rows)


def as_json(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as one array, or a line each where the name says so."""
    text = json.dumps(rows) if path.suffix == ".json" else "\n".join(map(json.dumps, rows))
    path.write_text(text + "\n")


def as_workbook(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as a sheet with a title above its header and real dates."""
    with xlsxwriter.Workbook(path) as book:
        sheet, day = book.add_worksheet("Plan"), book.add_format({"num_format": "dd.mm.yyyy"})
        sheet.write_string(0, 0, "Campaigns of the year")
        sheet.write_row(2, 0, COLUMNS)
        for at, row in enumerate(rows, 3):
            for column, name in enumerate(COLUMNS):
                try:
                    sheet.write_datetime(at, column, datetime.fromisoformat(row[name]), day)
                except ValueError:
                    sheet.write_string(at, column, row[name])


def as_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as columns of text."""
    pq.write_table(pa.table({name: [row[name] for row in rows] for name in COLUMNS}), path)


WRITERS: Final[dict[str, Callable[[Path, Sequence[Mapping[str, Any]]], None]]] = {
    "csv": as_csv, "tsv": as_csv, "jsonl": as_json, "json": as_json, "xlsx": as_workbook, "parquet": as_parquet,
}  # fmt: skip
ALIKE: Final = {"parquet": "jsonl"}  #: what takes the place of a format that nobody mends by hand


def written(world: World, form: str, *, mended: bool) -> Path:
    """Write the failed rows of the world's ledger in a format, their dates as they should have been if `mended`."""
    path = world.folder / f"fix.{form}"

    def rows(**how: Any) -> Any:
        for row in failed_rows(world.ledger, **how):
            yield row | ({"hs_start_date": "2026-04-05"} if mended else {})

    if form == "xlsx":
        write_sheet(lambda: rows(typed=True), path)
    else:
        with path.open("w", newline="") as file:
            write_rows(rows, file, form)  # type: ignore[arg-type] # one of them
    return path


@pytest.mark.parametrize("form", WRITERS)
async def test_every_format_comes_back_mended(world: World, form: str) -> None:
    """The file of failed rows of any format, mended, makes just those campaigns; not mended, it makes none."""
    source = world.folder / f"plan.{form}"
    WRITERS[form](source, ROWS)
    async with world.simulator() as simulator:
        first = await world.run(simulator, source)
        assert (first.books.created, first.books.failed) == (8, 4)
        again = await world.run(simulator, written(world, ALIKE.get(form, form), mended=False))
        assert (again.books.read, again.books.failed) == (4, 4)
        assert again.status is ExitStatus.SOURCE  # nothing in it is valid
        (world.folder / f"fix.{ALIKE.get(form, form)}").unlink()
        mended = await world.run(simulator, written(world, ALIKE.get(form, form), mended=True))
        assert (mended.books.created, mended.books.failed) == (4, 0)
        counts = made(simulator)
    assert sorted(counts) == sorted(row["hs_name"] for row in ROWS)
    assert set(counts.values()) == {1}


async def test_a_sheet_keeps_its_columns_and_its_dates(world: World) -> None:
    """The header is that of the sheet, in its order, ours after it; a day is a day, what was no day is a text."""
    rows = [{**row, "hs_notes": "2026-02-03"} for row in ROWS[:1]]
    as_workbook(world.folder / "plan.xlsx", rows)
    async with world.simulator() as simulator:
        await world.run(simulator, world.folder / "plan.xlsx")
    sheet = CalamineWorkbook.from_path(written(world, "xlsx", mended=False)).get_sheet_by_index(0).to_python()
    assert sheet[0] == [*COLUMNS, *OWN]
    assert sheet[1][:4] == [date(2026, 2, 3), "Campaign 0", "soon", "invalid_date"]
    assert sheet[1][5] == "4"  # the row of the sheet


DAYS = st.dates(min_value=date(1900, 3, 1))
MOMENTS = st.datetimes(min_value=datetime(1900, 3, 1)).map(lambda at: at.replace(microsecond=0).isoformat())  # noqa: DTZ001
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).map(str.strip)
CELLS = (
    TEXTS | DAYS.map(date.isoformat) | MOMENTS | st.dates().map(date.isoformat) | st.sampled_from(["007", "1900-01-01"])
)


@given(cells=st.lists(CELLS | st.booleans(), min_size=1, max_size=6))
def test_a_sheet_reads_as_the_row_that_it_is_of(tmp_path_factory: pytest.TempPathFactory, cells: list[Any]) -> None:
    """Whatever a row of a sheet held as plain values: read again from the workbook, it holds the same."""
    folder = tmp_path_factory.mktemp("ledger")
    names = ["hs_name", *(f"c{at}" for at in range(len(cells)))]
    held = dict(zip(names, ["A", *cells], strict=True))
    row = {"source": "plan.xlsx", "state": "failed", "run": 1, "row": held, "properties": None, "ordinal": 0}
    row |= {"line_number": 2, "code": "invalid_date", "message": "no day", "identity": None, "name": "A"}
    ledger_of(folder, row)
    write_sheet(lambda: failed_rows(folder, typed=True), folder / "fix.xlsx", raw=True)
    with open_source(folder / "fix.xlsx") as source:
        read = [one.cells for chunk in source.chunks() for one in chunk if isinstance(one, Row)]
    told = {name: "" if value is None else value for name, value in (read[0] or {}).items() if name not in OWN}
    assert told == held


def ledger_of(folder: Path, row: Mapping[str, Any]) -> None:
    """Make the least that `failed_rows` reads: a header, and one failure."""
    header = {"t": "header", "schema": 1, "journal": "x", "tool": "0", "base_url": "", "account": None}
    line, _crc = codec.seal(codec.encode(header | {"simulated": True}), 0, codec.SEED)
    (folder / "journal.jsonl").write_bytes(line)
    (folder / "failures.jsonl").write_text(json.dumps(row) + "\n")


def test_an_error_of_a_sheet_stays_one(tmp_path: Path) -> None:
    """A cell that held #N/A is no text `#N/A` afterwards: unmended it fails again."""
    write_workbook(tmp_path / "fix.xlsx", ["hs_name", "hs_notes"], [["A", CellError.NOT_AVAILABLE]])
    with open_source(tmp_path / "fix.xlsx") as source:
        read = [one.cells for chunk in source.chunks() for one in chunk if isinstance(one, Row)]
    assert read == [{"hs_name": "A", "hs_notes": CellError.NOT_AVAILABLE}]


@pytest.mark.parametrize("name", ["Plan", "", "a/b", "x" * 32, "History", "'x"])
def test_the_sheet_is_called_as_it_was(tmp_path: Path, name: str) -> None:
    """The name that --sheet named is that of the mended sheet; what Excel takes for no name is not."""
    write_workbook(tmp_path / "fix.xlsx", ["a"], [["x"]], sheet=name)
    assert CalamineWorkbook.from_path(tmp_path / "fix.xlsx").sheet_names == [
        "Plan" if name == "Plan" else "failed rows"
    ]


def test_an_array_holds_every_row() -> None:
    """JSON is one array, also of none."""
    for rows in ([], [{"a": 1}], [{"a": 1}, {"b": "x"}]):
        out = io.StringIO()
        assert write_rows(lambda rows=rows: iter(rows), out, "json") == len(rows)  # type: ignore[misc]
        assert json.loads(out.getvalue()) == rows
