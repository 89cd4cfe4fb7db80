"""XLSX: which sheet, where its header is, and what its cells say."""

import gzip
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from importer.errors import SourceError, UsageError
from importer.model import CellError, Row
from importer.sources import ReadPolicy, open_source
from tests.sources.workbooks import table, workbook, write

Read = Callable[..., Any]

HEADER = ["Name", "Start", "Budget"]
ROWS = [["Spring", date(2026, 3, 1), 1000], ["Summer", date(2026, 6, 1), 2500.5]]
TEXTS = [
    {"Name": "Spring", "Start": "2026-03-01", "Budget": "1000"},
    {"Name": "Summer", "Start": "2026-06-01", "Budget": "2500.5"},
]


def test_a_sheet_is_read_as_people_typed_it(read: Read) -> None:
    """Days are ISO days, whole numbers have no decimals, row numbers are those of the sheet."""
    reading = read(table([HEADER, *ROWS]))
    assert reading.error is None
    assert (reading.format, reading.columns) == ("xlsx", ("Name", "Start", "Budget"))
    assert (reading.cells, reading.lines) == (TEXTS, [2, 3])


@pytest.mark.parametrize("options", [{}, {"date_1904": True}])
def test_dates_do_not_depend_on_where_days_are_counted_from(read: Read, options: dict[str, Any]) -> None:
    """Workbooks of old Macs count days from 1904; the days are the same."""
    assert read(table([HEADER, *ROWS], **options)).cells == TEXTS


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (701.0, "701"),
        (1e15, "1000000000000000"),
        (0.0000001, "0.0000001"),
        (-2.5, "-2.5"),
        (-0.0, "0"),
        ("00123", "00123"),
        ("12345678901234567890", "12345678901234567890"),
        ("1E5", "1E5"),
        (" padded ", " padded "),
        ("=1+1", "=1+1"),
        (True, True),
        (date(1900, 3, 1), "1900-03-01"),
        (datetime(2026, 3, 1), "2026-03-01"),  # noqa: DTZ001 - sheets know no zones - cells of a sheet have no time zone
        (datetime(2026, 3, 1, 9, 30), "2026-03-01T09:30:00"),  # noqa: DTZ001
        (time(9, 30), "09:30:00"),
        (timedelta(hours=51, minutes=5), "51:05:00"),
    ],
)
def test_cells(read: Read, cell: Any, text: Any) -> None:
    """Each type of cell becomes what its reader would type; text is never touched."""
    assert read(table([["a", "b"], ["x", cell]])).cells == [{"a": "x", "b": text}]


def test_titles_and_notes_above_the_header_are_passed_over(tmp_path: Path) -> None:
    """The header is found below a merged title and notes, and it is said where."""

    def fill(book: Any, sheet: Any) -> None:
        sheet.merge_range("A1:C1", "Campaigns 2026")
        sheet.write_string("A2", "as of")
        sheet.write_number("B2", 46000)
        write(book, sheet, [HEADER, *ROWS], row=4)

    path = tmp_path / "x.xlsx"
    path.write_bytes(workbook(fill))
    with open_source(path) as source:
        rows = [row for chunk in source.chunks() for row in chunk]
        assert source.columns == tuple(HEADER)
        assert source.notices == ("the columns are named in row 5; what stands above is left out",)
    assert [row.line_number for row in rows] == [6, 7]  # type: ignore[union-attr]  # no row is broken


def test_a_header_of_two_rows_is_read_from_its_lower_one(read: Read) -> None:
    """Columns named by cells two rows high, beside groups with names below them, all have their names."""

    def fill(book: Any, sheet: Any) -> None:
        sheet.merge_range("A1:A2", "Name")
        sheet.merge_range("B1:C1", "Dates")
        write(book, sheet, [["Start", "End"]], row=1, column=1)
        write(book, sheet, [["Spring", "2026-03-01", "2026-03-31"]], row=2)

    assert read(workbook(fill)).cells == [{"Name": "Spring", "Start": "2026-03-01", "End": "2026-03-31"}]


def test_blank_rows_and_columns_are_left_out(read: Read) -> None:
    """A table may stand anywhere; blank rows in it and formats around it are no data."""

    def fill(book: Any, sheet: Any) -> None:
        write(book, sheet, [HEADER, ROWS[0], [], ["", " "], ROWS[1]], row=3, column=2)
        for cell in ("A1", "Z9", "C40"):
            sheet.write_blank(cell, None, book.add_format({"bold": True}))

    reading = read(workbook(fill))
    assert reading.columns == tuple(HEADER)
    assert [cells for cells in reading.cells if cells["Name"]] == TEXTS
    assert reading.lines[0] == 5


def test_errors_are_errors_of_their_cells(read: Read) -> None:
    """A formula without a value is no blank and no text: whoever uses the cell finds an error in it."""

    def fill(book: Any, sheet: Any) -> None:
        write(book, sheet, [["a", "b", "c"]])
        sheet.write_formula("A2", "=NA()", None, "#N/A")
        sheet.write_formula("B2", '="#N/A"', None, "text")
        sheet.write_formula("C2", "=1/0", None, "#DIV/0!")
        sheet.write_string("A3", "sound")

    reading = read(workbook(fill))
    assert reading.cells[0] == {"a": CellError.NOT_AVAILABLE, "b": "text", "c": CellError.DIVIDED_BY_ZERO}
    assert reading.cells[1] == {"a": "sound", "b": "", "c": ""}


def test_an_error_that_nobody_knows_is_an_error_all_the_same() -> None:
    """Excel gets new ones now and then."""
    assert CellError.of(" #REF! ") is CellError.REFERENCE
    assert CellError.of("#PYTHON!") is CellError.UNKNOWN


def many(book: Any, sheet: Any) -> None:
    """Fill a blank first sheet, a hidden one, and two with data."""
    hidden, first, second = (book.add_worksheet(name) for name in ("Secret", "Campaigns", "Archive"))
    hidden.hide()
    for other, what in ((hidden, "hidden"), (first, "first"), (second, "second")):
        write(book, other, [["Name", "What"], ["Spring", what]])
    del sheet


def test_the_first_visible_sheet_with_data_is_read(tmp_path: Path) -> None:
    """Blank and hidden sheets are passed over; which was read, and that one is hidden, is said."""
    path = tmp_path / "x.xlsx"
    path.write_bytes(workbook(many, name="Cover"))
    with open_source(path) as source:
        assert [row.cells for chunk in source.chunks() for row in chunk if isinstance(row, Row)] == [
            {"Name": "Spring", "What": "first"}
        ]
        assert source.notices == (
            'read is the sheet "Campaigns", not "Cover", "Archive"; --sheet NAME reads another',
            'the hidden sheet "Secret" is not read',
        )


@pytest.mark.parametrize(("asked", "what"), [("Archive", "second"), ("archive ", "second"), ("Secret", "hidden")])
def test_a_sheet_is_read_by_its_name(read: Read, asked: str, what: str) -> None:
    """--sheet names any sheet, whatever the case, and a hidden one too."""
    assert read(workbook(many), sheet=asked).cells == [{"Name": "Spring", "What": what}]


def test_a_wrong_sheet_is_met_with_the_near_miss(read: Read) -> None:
    """A sheet that is not there is a wrong argument; the sheets are listed."""
    error = read(workbook(many), sheet="Campaign").error
    assert isinstance(error, UsageError)
    assert 'did you mean "Campaigns"?' in error.message
    assert error.hint == "Its sheets: Data, Campaigns, Archive, Secret."


def test_other_formats_have_no_sheets(read: Read) -> None:
    """--sheet with a text is refused, not ignored."""
    assert isinstance(read(b"a,b\n1,2\n", sheet="Data").error, UsageError)


def test_data_below_no_name_is_refused(read: Read) -> None:
    """As in a CSV, nothing is dropped silently: the column and the row are named."""
    error = read(table([["Name", "", "What"], ["Spring", None, "x"], ["Summer", 7, "y"]])).error
    assert isinstance(error, SourceError)
    assert 'sheet "Data", row 3: column B holds data but has no name in the header (row 1)' in error.message
    error = read(table([["Name", "What"], ["Spring", "x"], ["Summer", "y", 7]])).error
    assert isinstance(error, SourceError)
    assert "row 3: column C" in error.message


def test_two_columns_of_one_name_are_refused(read: Read) -> None:
    """As in a CSV."""
    error = read(table([["Name", "Start", "Name"], ["Spring", "2026-03-01", "x"]])).error
    assert isinstance(error, SourceError)
    assert "row 1: two columns are called 'Name'" in error.message


def test_a_workbook_without_data_has_no_rows(read: Read) -> None:
    """Nothing in it, or a header alone, is no error of the reader."""
    assert read(table([])).items == []
    reading = read(table([["Title"], HEADER]))
    assert (reading.columns, reading.items) == (tuple(HEADER), [])


def test_it_comes_in_chunks(read: Read) -> None:
    """A large sheet is handed out in pieces, in order."""
    reading = read(table([["Name"], *([f"n{i}"] for i in range(2500))]))
    assert reading.chunks == [500] * 5
    assert [cells["Name"] for cells in reading.cells] == [f"n{i}" for i in range(2500)]


def test_it_comes_through_a_pipe_or_compressed(
    read: Read, dribble: Callable[[bytes, int], BinaryIO], tmp_path: Path
) -> None:
    """What cannot be sought in is put aside first; a compressed file too."""
    data = table([HEADER, *ROWS])
    assert read(dribble(data, 777)).cells == TEXTS
    path = tmp_path / "x.xlsx.gz"
    path.write_bytes(gzip.compress(data))
    assert read(path).cells == TEXTS


def test_progress_is_that_of_the_rows(tmp_path: Path) -> None:
    """A sheet is loaded at once, and yet the bytes read grow with the rows that were handed out."""
    path = tmp_path / "x.xlsx"
    path.write_bytes(table([["Name"], *([f"n{i}"] for i in range(3000))]))
    with open_source(path, ReadPolicy()) as source:
        seen = [source.bytes_read for _ in source.chunks()]
        assert seen == sorted(seen)
        assert 0 < seen[0] < seen[1] < seen[-1] <= (source.size_bytes or 0)
        assert source.bytes_read == source.size_bytes
