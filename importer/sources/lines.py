r"""Blocks of bytes → blocks of whole lines, numbered, with offsets, in bounded memory.

Lines end at the byte \n and nowhere else. A line longer than the cap is passed over without being kept.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

PREFIX_BYTES: Final = 2048  #: kept of a line that is too long, to show it


class Block(NamedTuple):
    r"""Whole lines, each with its \n (the source's last line may lack it)."""

    raw: bytes
    line: int  #: 0-based index of the first line
    offset: int  #: of the first byte


class LongLine(NamedTuple):
    """A line beyond the cap."""

    prefix: bytes
    line: int  #: 0-based index
    offset: int  #: of its first byte
    length: int  #: bytes, without the \n
    ended: bool  #: whether a \\n follows it


def line_blocks(blocks: Iterator[bytes], *, start: int, line_bytes_max: int) -> Iterator[Block | LongLine]:
    """Yield the lines of `blocks`, whose first byte stands at offset `start`.

    An error of `blocks` passes through after all whole lines before it; the incomplete line is dropped.
    """
    held: list[bytes] = []
    size, line, offset = 0, 0, start
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        if cut == 0 and size <= line_bytes_max:
            held.append(block)
            size += len(block)
            continue
        if size > line_bytes_max:
            first_end = block.find(b"\n")
            if first_end < 0:
                size += len(block)
                continue
            size += first_end
            yield LongLine(b"".join(held)[: min(PREFIX_BYTES, line_bytes_max)], line, offset, size, ended=True)
            offset += size + 1
            line += 1
            whole = block[first_end + 1 : cut]
        else:
            held.append(block[:cut])
            whole = b"".join(held)
        if whole:
            yield from _capped(whole, line, offset, line_bytes_max)
        line += whole.count(b"\n")
        offset += len(whole)
        held = [block[cut:]]
        size = len(held[0])
    if size:
        yield from _last(held, size, line, offset, line_bytes_max)


def _last(held: list[bytes], size: int, line: int, offset: int, line_bytes_max: int) -> Iterator[Block | LongLine]:
    r"""Yield the last line, which no \n ends."""
    if size > line_bytes_max:
        yield LongLine(b"".join(held)[: min(PREFIX_BYTES, line_bytes_max)], line, offset, size, ended=False)
    else:
        yield Block(b"".join(held), line, offset)


def _capped(whole: bytes, line: int, offset: int, line_bytes_max: int) -> Iterator[Block | LongLine]:
    """Yield whole lines, those beyond the cap apart from the others."""
    if len(whole) <= line_bytes_max:
        yield Block(whole, line, offset)
        return
    begun, begun_line, at = 0, line, 0
    for text in whole[:-1].split(b"\n"):
        if len(text) > line_bytes_max:
            if at > begun:
                yield Block(whole[begun:at], begun_line, offset + begun)
            yield LongLine(text[: min(PREFIX_BYTES, line_bytes_max)], line, offset + at, len(text), ended=True)
            begun, begun_line = at + len(text) + 1, line + 1
        at += len(text) + 1
        line += 1
    if at > begun:
        yield Block(whole[begun:at], begun_line, offset + begun)
