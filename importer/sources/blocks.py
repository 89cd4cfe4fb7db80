r"""A block of CSV text → rows, all at once, where nothing about it is odd.

The block is rewritten as JSON by a handful of replacements and read by a JSON reader, which is many times quicker than
going through it by the character. Quotes cut the block into pieces, by turns outside and inside of quoted cells; where
each piece begins and ends as it must, what is inside is taken as it stands, and commas and line breaks outside are what
parts cells and rows. Whatever is odd is left to `csv.reader`; a law in the tests holds the two to the same rows. This
module is pure.
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

import orjson

# Bytes that no UTF-8 text holds stand for what a quoted cell holds, until the rows have been parted.
_DELIMITER, _RETURN, _LINE_END, _QUOTE = b"\xfc", b"\xfd", b"\xfe", b"\xff"
_MARKS: Final = (_DELIMITER, _RETURN, _LINE_END, _QUOTE)

_first, _last = itemgetter(slice(1)), itemgetter(slice(-1, None))


class PlainRows(NamedTuple):
    """The whole rows at a block's beginning."""

    rows: list[list[str]]
    lengths: list[int]  #: bytes of each row, its line break counted
    lines: list[int] | None  #: lines of each row; None: one each
    taken: int  #: bytes that they are; behind them is a row that has not come to its end


def plain_rows(block: bytes, delimiter: bytes, *, last: bool) -> PlainRows | None:
    r"""Return the rows of a block that begins with a row's first byte, or None where anything about it is odd.

    `last` says that the source ends with the block, so that its last row may lack a line break. Not odd: quoted cells,
    doubled quotes, commas, tabs and line breaks in them, \r\n for \n.
    """
    if any(mark in block for mark in _MARKS):
        return None
    pieces = block.split(b'"')
    taken = _whole(pieces, len(block), last=last)
    if taken == 0:
        return PlainRows([], [], None, 0)
    if taken < len(block):
        block = block[:taken]
        pieces = block.split(b'"')
    quoted = len(pieces) > 1
    if quoted:
        if not _sound(pieces, delimiter):
            return None
        inside = b'"'.join(pieces[1::2]).replace(delimiter, _DELIMITER)
        pieces[1::2] = inside.replace(b"\r", _RETURN).replace(b"\n", _LINE_END).split(b'"')
        block = b'"'.join(pieces)  # as long as before, and each line of it a row
        pieces[2:-2:2] = [piece or _QUOTE for piece in pieces[2:-2:2]]
    try:
        rows = orjson.loads(_as_json(b"".join(pieces), delimiter, ended=block.endswith(b"\n")))
    except orjson.JSONDecodeError:  # characters that JSON escapes, bytes that are not UTF-8
        return None
    ends = block.split(b"\n")[: len(rows)]
    more = _LINE_END  # counted only where there is one: a search is many times quicker than a count
    lines = [1 + end.count(more) if more in end else 1 for end in ends] if more in block else None
    lengths = [len(end) + 1 for end in ends]
    lengths[-1] -= not block.endswith(b"\n")
    return PlainRows(rows, lengths, lines, taken)


def _whole(pieces: Sequence[bytes], size: int, *, last: bool) -> int:
    """Return how many bytes of a block are whole rows: as far as the last line break outside of quotes."""
    open_at_end = len(pieces) % 2 == 0
    if last and not open_at_end:
        return size
    at = len(pieces) - 1 - open_at_end
    end = size - open_at_end * (len(pieces[-1]) + 1)
    while at >= 0:
        found = pieces[at].rfind(b"\n")
        if found >= 0:
            return end - len(pieces[at]) + found + 1
        if at > 0:
            end -= len(pieces[at]) + 1 + len(pieces[at - 1]) + 1
        at -= 2
    return 0


def _sound(pieces: Sequence[bytes], delimiter: bytes) -> bool:
    """Return whether quotes open behind a delimiter or a line break and close before one, or are doubled."""
    before, after = {delimiter, b"\n"}, {delimiter, b"\n", b"\r"}
    return {*map(_last, filter(None, pieces[:-1:2]))} <= before and {*map(_first, filter(None, pieces[2::2]))} <= after


def _as_json(text: bytes, delimiter: bytes, *, ended: bool) -> bytes:
    """Return rows, quotes taken away and what was inside of them marked, as a JSON list of lists of texts.

    `ended` tells that a line break ends the last row: without its quotes an empty last row without one looks the same.
    """
    replacements: Iterable[tuple[bytes, bytes]] = (
        (b"\r\n", b"\n"),
        (b"\\", b"\\\\"),
        (delimiter, b'","'),
        (b"\n", b'"],["'),
        (_DELIMITER, delimiter if delimiter != b"\t" else b"\\t"),
        (_RETURN, b"\\r"),
        (_LINE_END, b"\\n"),
        (_QUOTE, b'\\"'),
        (b"\t", b"\\t"),
    )
    for found, written in replacements:
        text = text.replace(found, written)
    return b'[["' + (text.removesuffix(b'"],["') if ended else text) + b'"]]'
