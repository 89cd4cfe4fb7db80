"""The oracle of the readers: every byte of a source belongs to a row, to a rejection, or to nothing but white space.

It is told what was read and what was given out, and finds the rows in the bytes by means of its own. An error permits
that the end of a source is missing, and nothing else.
"""

import json
from itertools import zip_longest
from typing import Any

from importer.model import Rejection, Row
from importer.problems import CODES

Items = list[Row | Rejection]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    assert len(made) == len(pairs), "a key that is twice there has passed"
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_once)
_ONE_LINE = frozenset({"row_malformed", "row_too_long"})  #: codes of rows that are given up after one line


def check_items(items: Items, *, rows_max: int, chunks: list[int]) -> None:
    """Check what holds in every format: ordinals without a gap, known codes, chunks as small as they are told to be."""
    rows = [_row(item) for item in items]
    assert [row.ordinal for row in rows] == list(range(len(rows))), "an ordinal is missing or twice there"
    assert sum(chunks) == len(items)
    assert all(count <= rows_max for count in chunks), "a chunk is too large"
    for item in items:
        if isinstance(item, Rejection):
            assert item.problems, "a rejection without a problem"
            assert all(problem.code in CODES and problem.message for problem in item.problems)


def check_table(data: bytes, items: Items, *, ended: bool) -> None:
    """Check a CSV or TSV whose first line is its header: between two rows stand only line ends."""
    lines = data.split(b"\n")
    starts = _starts(lines)
    following = 2
    for item in items:
        row = _row(item)
        assert row.line_number is not None
        _blank(lines[following - 1 : row.line_number - 1])
        assert row.line_number >= following, "two rows share a line"
        assert row.byte_offset == starts[row.line_number - 1], "the offset is not the line's"
        single = isinstance(item, Rejection) and item.problems[0].code in _ONE_LINE
        following = row.line_number + 1 + (0 if single else _line_ends(row))
    if ended:
        _blank(lines[following - 1 :])


def check_json_lines(data: bytes, items: Items, *, ended: bool, row_bytes_max: int) -> None:
    """Check JSON Lines: each line that is not blank is one row, and each row is its line."""
    text = data.removeprefix(b"\xef\xbb\xbf")
    start = len(data) - len(text)
    if b"\n" not in text:  # lines of old Macs
        text = text[:-1].replace(b"\r", b"\n") + text[-1:]
    lines = text.split(b"\n")
    starts = _starts(lines, start)
    wanted = [n for n, line in enumerate(lines) if line.strip(b" \t\r") or len(line) > row_bytes_max]
    found = [(_row(item).line_number or 0) - 1 for item in items]
    assert found == wanted if ended else found == wanted[: len(found)], "a line is lost, or twice there"
    for item, n in zip(items, found, strict=True):
        assert _row(item).byte_offset == starts[n], "the offset is not the line's"
        if isinstance(item, Row):
            assert repr(_DECODER.decode(lines[n].decode())) == repr(item.cells), "the row is not what its line says"


def check_array(data: bytes, items: Items, *, ended: bool) -> None:
    """Check a JSON array: the elements that pass stand where they are said to, with one comma before the next."""
    text_at = 0
    for item, following in zip_longest(items, items[1:]):
        at = _row(item).byte_offset
        assert at is not None
        assert at >= text_at, "two elements overlap"
        text_at = at + 1
        if isinstance(item, Rejection):
            continue
        value, length = _DECODER.raw_decode(data[at:].decode(errors="surrogateescape"))
        assert repr(value) == repr(item.cells), "the row is not what its element says"
        text_at = at + len(data[at:].decode(errors="surrogateescape")[:length].encode(errors="surrogateescape"))
        if following is not None:
            between = data[text_at : _row(following).byte_offset]
            assert between.strip(b" \t\r\n") == b",", "something is lost between two elements"
        elif ended:
            assert data[text_at:].strip(b" \t\r\n") == b"]", "something is lost after the last element"
    if ended and not items:
        stripped = data.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
        assert stripped[:1] == b"["
        assert stripped[1:].strip(b" \t\r\n") == b"]", "all elements are lost"


def _row(item: Row | Rejection) -> Row:
    return item.row if isinstance(item, Rejection) else item


def _starts(lines: list[bytes], at: int = 0) -> list[int]:
    starts = []
    for line in lines:
        starts.append(at)
        at += len(line) + 1
    return starts


def _blank(lines: list[bytes]) -> None:
    assert all(not line.strip(b"\r") for line in lines), "a line is in no row"


def _line_ends(row: Row) -> int:
    """Return how many line ends stand inside the row's cells."""
    return sum(_ends_in(cell) for cell in row.cells.values()) if row.cells else 0


def _ends_in(cell: Any) -> int:
    return cell.count("\n") if isinstance(cell, str) else sum(map(_ends_in, cell))
