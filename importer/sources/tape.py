"""The lines of a source, held back as long as somebody may need them again.

They are read by the block, as bytes, where nothing is odd, else by csv.reader, which takes them from a C iterator;
Python runs once a block. When a row turns out to be broken, its first line is rejected; those after it are read anew.
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
    """One block of lines; as text, bytes that are not UTF-8 stand in it as lone surrogates."""

    def __init__(self, block: Block | LongLine) -> None:
        self.first = block.line
        self.offset = block.offset
        self.long = block if isinstance(block, LongLine) else None
        #: A blank line takes the place of one that is too long, so that line numbers stay right.
        self.raw = block.raw if isinstance(block, Block) else b"\n"
        self.count = self.raw.count(b"\n") + (not self.raw.endswith(b"\n"))
        length = len(self.raw) if self.long is None else self.long.length + self.long.ended
        self.end_offset = self.offset + length
        self.suspects: dict[int, LongLine | None] | None = None  # None: not looked at by the line
        self.text = ""
        self._lines: list[str] | None = None

    def look(self) -> tuple[list[int], dict[int, LongLine | None]]:
        """Have the text ready; return the offset of each line, and the suspects."""
        if self.long is not None:
            self.text = "\n"
            return [self.offset], {self.first: self.long}
        raw_lines = self.raw.split(b"\n")[: self.count]
        offsets = list(accumulate((len(line) + 1 for line in raw_lines[:-1]), initial=self.offset))
        try:
            self.text = self.raw.decode()
            if "\0" not in self.text:
                return offsets, {}
        except UnicodeDecodeError:
            self.text = self.raw.decode(errors="surrogateescape")
        suspects = (self.first + i for i, raw in enumerate(raw_lines) if b"\0" in raw or not is_utf8(raw))
        return offsets, dict.fromkeys(suspects)

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

    def block(self, first: int, offset: int, *, more: bool) -> bytes | None:
        """Return the whole lines that are held from line `first` on, which begins at `offset`; `more`: and the next.

        None where a line among them is too long. `ended` tells whether the source has no more.
        """
        self.done = first
        self._forget()
        if more or not self._parts:
            block = self._pull()
            self.ended = block is None
            if block is not None:
                self._parts.append(_Part(block))
        if any(part.long for part in self._parts):
            return None
        raw = b"".join([part.raw for part in self._parts])
        return raw[offset - self._parts[0].offset :] if self._parts else b""

    def lines(self, first: int) -> Iterator[str]:
        """Return the lines from `first` on (which must be held) for one csv.reader.

        The iterator raises `OvergrownError` when the row it is in cannot end within the cap.
        """
        self.done = first
        self.ended = False
        self._forget()
        for part in self._parts:
            self._look(part)
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
        self._parts.append(part)
        self._look(part)
        return part

    def _look(self, part: _Part) -> None:
        """Look at a part by the line, if that was not done."""
        if part.suspects is None:
            if not self.offsets:
                self.base = part.first
            offsets, part.suspects = part.look()
            self.offsets.extend(offsets)
            self.suspects.update(part.suspects)

    def _forget(self) -> None:
        """Drop what nobody can need again."""
        while self._parts and self._parts[0].end <= self.done:
            part = self._parts.popleft()
            if part.suspects is not None:
                del self.offsets[: part.count]
                self.base += part.count
                for line in part.suspects:
                    del self.suspects[line]

    def _check_growth(self, part: _Part) -> None:
        """Stop a row that is open before `part` and has no room left to end in it."""
        if self.done < part.first and (
            part.long is not None or part.offset - self.offset_of(self.done) > self._row_bytes_max
        ):
            raise OvergrownError("a quoted cell does not end")
