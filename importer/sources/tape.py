"""The lines that csv.reader pulls, held back as long as a broken row may need them again.

csv.reader takes lines from a C iterator, one block after another; Python runs once a block. When a row turns out to be
broken, its first line is rejected and the lines after it are read afresh from here.
"""

import io
from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain

from importer.errors import SourceError
from importer.sources.encoding import is_utf8
from importer.sources.lines import Block, LongLine


class OvergrownError(Exception):
    """A row goes on beyond the cap, inside quotes."""


class _Part:
    """One block of lines as text; bytes that are not UTF-8 stand in it as lone surrogates."""

    def __init__(self, block: Block | LongLine) -> None:
        self.first = block.line
        self.offset = block.offset
        self.suspects: dict[int, LongLine | None] = {}
        self._lines: list[str] | None = None
        if isinstance(block, LongLine):
            # A blank line takes its place, so that line numbers stay right.
            self.text, self.count = "\n", 1
            self.suspects[self.first] = block
            self.end_offset = block.offset + block.length + block.ended
            self.lengths: Iterable[int] = (block.length,)
            self.long = True
            return
        raw_lines = block.raw.split(b"\n")
        if not raw_lines[-1]:
            raw_lines.pop()
        self.count = len(raw_lines)
        self.end_offset = block.offset + len(block.raw)
        self.lengths = map(len, raw_lines)
        self.long = False
        try:
            self.text = block.raw.decode()
            sound = "\0" not in self.text
        except UnicodeDecodeError:
            self.text = block.raw.decode(errors="surrogateescape")
            sound = False
        if not sound:
            self.suspects = {
                self.first + i: None for i, raw in enumerate(raw_lines) if b"\0" in raw or not is_utf8(raw)
            }

    @property
    def end(self) -> int:
        """Index of the line after the last."""
        return self.first + self.count

    def lines(self) -> list[str]:
        """Return the lines, each with its end."""
        if self._lines is None:
            self._lines = io.StringIO(self.text, newline="\n").readlines()
        return self._lines

    def feed(self, line: int) -> Iterable[str]:
        """Return the lines from `line` on; takes no time that grows with the part, however often it is called."""
        if line == self.first and self._lines is None:
            return io.StringIO(self.text, newline="\n")
        lines = self.lines()
        return (lines[i] for i in range(line - self.first, len(lines)))


class Tape:
    """Lines of a source, numbered from 0, with their offsets.

    Whoever reads sets `done` to the number of lines whose rows are complete; what lies before is forgotten when the
    next block is pulled. Memory: one row at most, and a block.
    """

    def __init__(self, blocks: Iterator[Block | LongLine], *, row_bytes_max: int) -> None:
        """Take the source's line blocks."""
        self.done = 0
        self.ended = False  #: whether the last `lines` came to the source's end
        self.suspects: dict[int, LongLine | None] = {}  #: lines that are too long, do not decode or hold a NUL
        self.offsets: array[int] = array("q")  #: of the lines held; grows and shrinks in place
        self.base = 0  #: index of the line that `offsets` begins with
        self._blocks = blocks
        self._row_bytes_max = row_bytes_max
        self._parts: deque[_Part] = deque()
        self._failure: SourceError | None = None

    def lines(self, first: int) -> Iterator[str]:
        """Return the lines from `first` on (which must be held) for one csv.reader.

        The iterator raises `OvergrownError` when the row it is in cannot end within the cap.
        """
        self.done = first
        self.ended = False
        return chain.from_iterable(self._feeds(first))

    def offset_of(self, line: int) -> int:
        """Return the offset of a held line's first byte, or where the held lines end."""
        at = line - self.base
        if at < len(self.offsets):
            return self.offsets[at]
        return self._parts[-1].end_offset if self._parts else 0

    def raw(self, first: int, end: int) -> bytes:
        """Return the bytes of the held lines from `first` to before `end`, without the last line's end."""
        texts = [
            text
            for part in self._parts
            if part.end > first and part.first < end
            for text in part.lines()[max(first - part.first, 0) : end - part.first]
        ]
        return "".join(texts).encode("utf-8", "surrogateescape").removesuffix(b"\n").removesuffix(b"\r")

    def _feeds(self, first: int) -> Iterator[Iterable[str]]:
        for part in tuple(self._parts):
            if part.end > first:
                self._check_growth(part)
                yield part.feed(max(first, part.first))
        while True:
            self._forget()
            block = self._pull()
            if block is None:
                self.ended = True
                return
            part = self._hold(block)
            self._check_growth(part)
            yield part.feed(part.first)

    def _pull(self) -> Block | LongLine | None:
        """Return the next block; what broke the source breaks it again, for whoever reads what is held once more."""
        if self._failure is not None:
            raise self._failure
        try:
            return next(self._blocks, None)
        except SourceError as error:
            self._failure = error
            raise

    def _hold(self, block: Block | LongLine) -> _Part:
        part = _Part(block)
        if not self._parts:
            self.base = part.first
        starts = list(accumulate((length + 1 for length in part.lengths), initial=part.offset))
        self.offsets.extend(starts[: part.count])
        self.suspects.update(part.suspects)
        self._parts.append(part)
        return part

    def _forget(self) -> None:
        """Drop what nobody can need again."""
        while self._parts and self._parts[0].end <= self.done:
            part = self._parts.popleft()
            del self.offsets[: part.count]
            self.base += part.count
            for line in part.suspects:
                del self.suspects[line]

    def _check_growth(self, part: _Part) -> None:
        """Stop a row that is open before `part` and has no room left to end in it."""
        if self.done < part.first and (part.long or part.offset - self.offset_of(self.done) > self._row_bytes_max):
            raise OvergrownError("a quoted cell does not end")
