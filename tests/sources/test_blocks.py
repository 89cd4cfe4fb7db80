"""Rows of a whole block are those of csv.reader, wherever the block is cut; what is odd is left to it."""

import csv
import io
from itertools import accumulate, pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from importer.sources.blocks import PlainRows, plain_rows

TEXT = st.text(st.sampled_from('a,b;\t"\\\n\r []ä日🎯\x7f'), max_size=6)
CELLS = st.text(st.sampled_from('a,;\t"\\\n\r []ä日🎯{}:u0041'), max_size=6)
TABLES = st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1))
DELIMITERS = st.sampled_from([",", ";", "\t", "|", " ", "[", "n"])


def reference(text: str, delimiter: str = ",") -> list[list[str]]:
    """Return the rows of csv.reader, or raise csv.Error."""
    return list(csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True))


def by_blocks(data: bytes, size: int, delimiter: bytes = b",") -> list[list[str]]:
    """Read `data` some bytes at a time, as far as whole rows come."""
    rows, held = [], b""
    for at in range(0, len(data), size):
        held += data[at : at + size]
        found = plain_rows(held, delimiter, last=at + size >= len(data))
        assert found is not None
        rows += found.rows
        held = held[found.taken :]
    assert not held
    return rows


@given(TABLES, DELIMITERS, st.sampled_from(["\n", "\r\n"]), st.integers(1, 40), st.booleans())
def test_what_a_writer_writes_is_never_odd(
    table: list[list[str]], delimiter: str, end: str, size: int, quoted: bool
) -> None:
    """Quotes, delimiters and line breaks in cells, wherever the blocks are cut."""
    text = io.StringIO(newline="")
    writer = csv.writer(
        text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    )
    writer.writerows(table)
    assume(quoted or "\r" not in "".join(map("".join, table)) or end == "\r\n")
    assert by_blocks(text.getvalue().encode(), size, delimiter.encode()) == table


@example('a\n""', False)
@given(TEXT | st.lists(TEXT, max_size=8).map("".join), st.booleans())
def test_what_is_read_is_what_the_reader_reads(text: str, ended: bool) -> None:
    """Of any text, however broken, either nothing or the same rows, with the bytes and lines that they take."""
    data = text.encode() + b"\n" * ended
    found = plain_rows(data, b",", last=True)
    if found is None or not found.taken:
        return
    whole = data[: found.taken].decode()
    assert [row or [""] for row in reference(whole)] == found.rows
    check_places(found, whole.encode())


@given(TABLES)
def test_places(table: list[list[str]]) -> None:
    """Lengths and lines say where each row stands: cut there, each is read alone."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(table)
    found = plain_rows(text.getvalue().encode(), b",", last=True)
    assert found is not None
    check_places(found, text.getvalue().encode())


def check_places(found: PlainRows, data: bytes) -> None:
    """Read each row alone from where it is said to stand, and count its lines."""
    lines = found.lines or [1] * len(found.rows)
    bounds = list(accumulate(found.lengths, initial=0))
    assert bounds[-1] == len(data)
    for (begin, end), row, count in zip(pairwise(bounds), found.rows, lines, strict=True):
        alone = data[begin:end].decode()
        assert [cells or [""] for cells in reference(alone)] == [row]
        assert count == alone.count("\n") + (not alone.endswith("\n"))


@pytest.mark.parametrize(
    "data",
    [
        b'a,b"c"\n',
        b'a,"b"c\n',
        b'a, "b"\n',
        b"a,\0\n",
        b"a,\x01\n",
        b"a,\xff\n",
        b"a,\xc3\n",
        b"a\rb,c\n",
        b'"a""b" ,c\n',
    ],
)
def test_what_is_odd_is_left_alone(data: bytes) -> None:
    """Stray quotes, control characters, bytes that are not UTF-8, old Mac's line ends."""
    assert plain_rows(data, b",", last=True) is None


def test_a_row_without_its_end_is_waited_for() -> None:
    """Whole rows are given; the rest comes with the next block, or with the end of the source."""
    assert plain_rows(b'a,b\nc,"d\n', b",", last=False) == PlainRows([["a", "b"]], [4], None, 4)
    assert plain_rows(b"a,b", b",", last=False) == PlainRows([], [], None, 0)
    assert plain_rows(b"a,b", b",", last=True) == PlainRows([["a", "b"]], [3], None, 3)
    assert plain_rows(b'a,"b\n', b",", last=True) == PlainRows([], [], None, 0)
