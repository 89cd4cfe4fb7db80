"""CSV and TSV: numbers, offsets, broken rows that fail alone."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from importer.errors import SourceError

Read = Callable[..., Any]


def test_line_numbers_are_those_of_an_editor(read: Read) -> None:
    """The header is line 1, blank lines count but are no rows, a row of several lines counts where it starts."""
    reading = read(b'a,b\n1,2\n\n"x\ny\n",3\r\n\r\n4,5')
    assert reading.lines == [2, 4, 8]
    assert reading.cells[1] == {"a": "x\ny\n", "b": "3"}
    assert [row.ordinal for row in reading.rows] == [0, 1, 2]


def test_byte_offsets_point_at_the_row(read: Read) -> None:
    """Each offset is that of the row's first byte, multi-byte characters and a byte order mark counted."""
    data = '\ufeffa,b\né,2\n\n"ü\n",3\n4,5\n'.encode()
    for row in read(data).rows:
        first = str(row.cells["a"]).encode()
        assert data[row.byte_offset :].removeprefix(b'"').startswith(first)


def test_a_broken_row_fails_alone(read: Read) -> None:
    """Text behind a closing quote rejects its row; the rows around it stand and keep their numbers."""
    reading = read(b'a,b\n1,2\n"x"y,3\n4,5\n')
    assert reading.codes == [None, "row_malformed", None]
    assert reading.lines == [2, 3, 4]
    assert reading.rows[1].cells == {"_raw": '"x"y,3'}


def test_a_stray_quote_does_not_swallow_the_rows_after_it(read: Read) -> None:
    """A strict error some lines below rejects only the line of the stray quote; the others are read afresh."""
    reading = read(b'a,b\n1,"stray\n2,x\n3,"two\nlines"\n4,"fine"\n5,y\n')
    assert reading.codes == ["row_malformed", None, None, None, None]
    assert reading.lines == [2, 3, 4, 6, 7]
    assert reading.cells[1] == {"a": "3", "b": "two\nlines"}


def test_a_row_of_several_lines_with_a_broken_row_later_keeps_numbers(read: Read) -> None:
    """Line numbers hold across several lines in a cell, a broken row and a block border."""
    filler = b"".join(b'%d,"a\nb"\n' % i for i in range(30_000))
    reading = read(b"n,t\n" + filler + b'x,"y"z\n' + b"end,1\n")
    assert reading.codes[-2:] == ["row_malformed", None]
    assert reading.lines[:2] == [2, 4]
    assert reading.lines[-2:] == [60_002, 60_003]


def test_a_quote_never_closed_is_bounded_by_the_row_cap(read: Read) -> None:
    """A row that grows beyond the cap inside quotes loses its first line only."""
    reading = read(b'a,b\n1,"open\n' + b"2,x\n" * 500 + b'3,"y"\n', row_bytes_max=100)
    assert reading.error is None
    assert reading.codes == ["row_malformed"] + [None] * 501
    assert "not closed within 100 bytes" in reading.rejections[0].problems[0].message


def test_a_row_beyond_the_cap_is_judged_alike_wherever_blocks_end(
    read: Read, dribble: Callable[[bytes, int], BinaryIO]
) -> None:
    """The verdict over a long quoted row does not depend on how the bytes arrive."""
    data = b'a,b\n1,"' + b"x\n" * 80 + b'"\n2,y\n'
    whole = read(data, row_bytes_max=100)
    assert whole.codes[0] == "row_malformed"
    for step in (1, 7, 64, 128):
        assert read(dribble(data, step), row_bytes_max=100).items == whole.items


def test_rereading_is_bounded(read: Read) -> None:
    """A file made so that each line swallows all that follow ends in an error, not in quadratic work."""
    reading = read(b"a,b\n" + b'a","b\n' * 20_000, row_bytes_max=200)
    assert isinstance(reading.error, SourceError)
    assert "cannot be told apart" in reading.error.message
    assert set(reading.codes) == {"row_malformed"}


def test_end_inside_quotes_names_the_opening_line(read: Read) -> None:
    """A quote still open at the end is an error that names its line; rows before it stand."""
    reading = read(b'a,b\n1,2\n3,"open\n4,5\n')
    assert reading.lines == [2]
    assert isinstance(reading.error, SourceError)
    assert "line 3" in reading.error.message


def test_ragged_rows_keep_their_cells(read: Read) -> None:
    """Too few and too many cells are rejected, by column, the surplus in a list."""
    reading = read(b"a,b\n1\n1,2,3,4\n5,6\n")
    assert reading.codes == ["row_ragged", "row_ragged", None]
    assert reading.rows[0].cells == {"a": "1"}
    assert reading.rows[1].cells == {"a": "1", "b": "2", "_extra": ["3", "4"]}


def test_a_row_of_very_many_cells_is_kept_as_text(read: Read) -> None:
    """A line of delimiters does not become a hundred thousand objects."""
    reading = read(b"a,b\n" + b"," * 100_000 + b"\n")
    assert reading.codes == ["row_ragged"]
    assert reading.rows[0].cells == {"_raw": "," * 2048}


def test_a_column_called_extra_is_not_overwritten(read: Read) -> None:
    """Surplus cells find another key when the header has theirs."""
    assert read(b"a,_extra\n1,2,3\n").rows[0].cells == {"a": "1", "_extra": "2", "_extra_": ["3"]}


def test_cells_stay_as_they_are(read: Read) -> None:
    """No trimming; separators of Unicode and columns of a failures file survive."""
    reading = read("a,_error,_line\n x \u2028y\u0085\x1c,\u200b,\t\n".encode())
    assert reading.cells == [{"a": " x \u2028y\u0085\x1c", "_error": "\u200b", "_line": "\t"}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(read: Read, delimiter: str) -> None:
    """The delimiter which gives header and rows as many cells wins over others that occur in the text."""
    text = io.StringIO()
    rows = [["Name", "Notes", "Budget"], ["Spring", "a; b | c, d", "1"], ["Summer", "x; y\tz", "2,5"]]
    csv.writer(text, delimiter=delimiter).writerows(rows)
    reading = read(text.getvalue().encode())
    assert reading.columns == ("Name", "Notes", "Budget")
    assert len(reading.cells) == 2


def test_a_named_delimiter_is_obeyed(read: Read) -> None:
    """The option wins over what the text suggests."""
    assert read(b"a,b;c\n1,2;3\n", delimiter=";").columns == ("a,b", "c")


def test_one_column_is_a_table_too(read: Read) -> None:
    """A file without any delimiter has one column; a quoted empty cell is a row there."""
    assert read(b'Name\nSpring\n""\n\nSummer\n').cells == [{"Name": "Spring"}, {"Name": ""}, {"Name": "Summer"}]


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_line_ends_of_all_systems(read: Read, ends: bytes) -> None:
    """Unix, Windows and old Macintosh line ends give the same rows."""
    reading = read(ends.join([b"a,b", b"1,2", b"", b"3,4", b""]))
    assert reading.cells == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert reading.lines == [2, 4]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a,a\n1,2\n", "two columns are called 'a'"),
        (b"a, a\n1,2\n", "two columns are called 'a'"),
        (b"a,,c\n1,2,3\n", "column 2 holds data"),
        (b" , \n1,2\n", "names no column"),
        (b'"a"b,c\n1,2\n', "quoting of the header"),
        (b'"a,c\n1,2\n', "quoting of the header"),
        (b"a,caf\xe9\n1,2\n", "not plain UTF-8"),
        ("a,b\n1,2\n".encode("utf-16-le"), "not plain UTF-8"),
        (b"a,b" * 50 + b"\n1,2\n", "longer than a row"),
    ],
)
def test_a_header_that_cannot_be_trusted_is_refused(read: Read, data: bytes, says: str) -> None:
    """Duplicate, nameless, broken and undecodable headers end the reading with the reason."""
    reading = read(data, row_bytes_max=100)
    assert isinstance(reading.error, SourceError)
    assert says in reading.error.message
    assert reading.error.hint


def test_trailing_empty_columns_of_a_spreadsheet_are_left_out(read: Read) -> None:
    """Nameless columns without data do no harm."""
    reading = read(b"a,b,,\n1,2,,\n3,4, ,\n")
    assert reading.columns == ("a", "b")
    assert reading.cells == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"a,b\n", b"a,b", b"\xef\xbb\xbf"])
def test_nothing_in_it_is_no_error_here(read: Read, data: bytes) -> None:
    """An empty file and a header alone have zero rows; the pipeline judges that."""
    reading = read(data)
    assert (reading.items, reading.error) == ([], None)


def test_chunks_end_by_rows_and_by_bytes(read: Read) -> None:
    """No chunk has more than the permitted rows, and a chunk ends with the block that reaches its bytes."""
    data = b"a,b\n" + b"1,2\n" * 25
    assert read(data, chunk_rows=10).chunks == [10, 10, 5]
    chunks = read(b"a,b\n" + b"1,2\n" * 100_000, chunk_rows=1_000_000, chunk_bytes=200_000).chunks
    assert chunks == [65_535, 34_465]


def test_the_standard_reader_agrees(read: Read) -> None:
    """A large file across many blocks gives the cells that the csv module gives."""
    text = io.StringIO()
    writer = csv.writer(text)
    rows = [[f"ä{i}", 'q"' * (i % 7), "line\n" * (i % 3), "," * (i % 5)] for i in range(20_000)]
    writer.writerows([["a", "b", "c", "d"], *rows])
    assert [list(cells.values()) for cells in read(text.getvalue().encode()).cells] == rows


def test_real_export_files(read: Read, shared: Path) -> None:
    """A Salesforce export (byte order mark, 34 columns) and a Mailchimp export read without a rejection."""
    salesforce = read(shared / "data" / "salesforce-campaigns.csv")
    mailchimp = read(shared / "data" / "mailchimp-campaigns.csv")
    assert (salesforce.columns[0], len(salesforce.columns), len(salesforce.cells)) == ("Id", 34, 8)
    assert (mailchimp.columns[-1], len(mailchimp.cells)) == ("Unique Id", 43)
    assert salesforce.rejections == mailchimp.rejections == []
