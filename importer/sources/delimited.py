"""CSV and TSV → rows, by the block where nothing is odd, else by csv.reader, strictly; a broken row fails alone.

A strict error inside a row of several lines, or a row that grows beyond the cap inside quotes, means a stray quote on
its first line: only that line is rejected, and the lines after it are read afresh. Since a crafted file could make
every line swallow the following megabyte, re-read bytes have a budget: as many as were read before, and 32 MiB.

Where a block is odd, it is read anew, one row after the other, and so are some hundreds of rows after that, the more
the sooner it happens again. So the work is a small multiple of the input, however odd it is.
"""

import csv
import sys
from collections.abc import Generator, Iterator
from itertools import accumulate, repeat
from typing import Any, Final

from importer.errors import SourceError
from importer.model import Problem, Rejection, Row
from importer.sources.blocks import PlainRows, plain_rows
from importer.sources.encoding import is_utf8
from importer.sources.gathering import Gathering
from importer.sources.policy import MIB
from importer.sources.tape import OvergrownError, Tape

_REREAD_BYTES_FREE: Final = 32 * MIB  #: may be re-read in any source, however small
_WARY_ROWS: Final = 512  #: read one by one from the beginning of an odd block on
_WARY_ROWS_MAX: Final = 1 << 14
_EXTRA_CELLS_MAX: Final = 100  #: surplus cells kept one by one; a row with more of them is kept as text, cut
_HEADER_HINT: Final = "Mend the first line of the file: it names the columns. A title above them has to go."


class DelimitedReader:
    """Reads the header when made, then the rows. Raises `SourceError` for a header that cannot be trusted."""

    def __init__(self, tape: Tape, gathering: Gathering, *, delimiter: str) -> None:
        """Take the lines and the place for rows."""
        self._tape = tape
        self._gathering = gathering
        self.delimiter = delimiter
        self._reread = 0
        self._wary = 0  # rows that are to be read one by one; without end where no block can be plain
        self._wariness = _WARY_ROWS
        # The limit is the process's; the tape's cap is what binds.
        csv.field_size_limit(max(csv.field_size_limit(), gathering.policy.row_bytes_max))
        self._header, self._first = self._read_header()
        self._nameless = tuple(i for i, name in enumerate(self._header) if not name.strip())
        self.columns: tuple[str, ...] | None = tuple(name for name in self._header if name.strip())
        if self._nameless or len(self._header) == 1 or not delimiter.isascii() or delimiter == "\\":
            self._wary = sys.maxsize
        self._extra = "_extra"
        while self._extra in self.columns:
            self._extra += "_"

    def chunks(self) -> Iterator[list[Row | Rejection]]:
        """Yield full chunks; what is left stays in the gathering. Raises `SourceError`."""
        line: int | None = self._first
        while line is not None:
            line = yield from self._by_row(line) if self._wary else self._by_block(line)
            if self._gathering.full:  # of broken rows, which end a run each
                yield self._gathering.take()

    def _by_block(self, start: int) -> Generator[list[Row | Rejection], None, int | None]:
        """Read blocks from line `start` on; return the line where an odd one begins, None at the end."""
        tape, gathering, bytes_max = self._tape, self._gathering, self._gathering.policy.row_bytes_max
        offset, more, size = tape.offset_of(start), False, 0
        try:
            while (block := tape.block(start, offset, more=more)) is not None:
                if not block and tape.ended:
                    return None
                found = plain_rows(block, self.delimiter.encode(), last=tape.ended)
                if found is None or not {*map(len, found.rows)} <= {len(self._header)}:
                    break
                if not found.taken and (more or tape.ended):  # quotes that are open for long
                    break
                if max(found.lengths, default=0) > bytes_max:
                    break
                yield from self._gather(found, start, offset)
                start += len(found.rows) if found.lines is None else sum(found.lines)
                offset += found.taken
                more = found.taken < len(block)
                size = found.taken + (size if len(gathering.rows) >= len(found.rows) else 0)  # less: a chunk was full
                if size >= gathering.policy.chunk_bytes:
                    yield gathering.take()
                    size = 0
                self._wariness = _WARY_ROWS
        except SourceError:
            pass  # comes again behind the rows before it
        return self._be_wary(start)

    def _gather(self, found: PlainRows, start: int, offset: int) -> Iterator[list[Row | Rejection]]:
        """Gather plain rows, the first of which begins with line `start` at `offset`; yield full chunks."""
        gathering, count = self._gathering, len(found.rows)
        ordinals = range(gathering.ordinal, gathering.ordinal + count)
        lines = (
            range(start + 1, start + count + 1) if found.lines is None else accumulate(found.lines, initial=start + 1)
        )
        offsets = accumulate(found.lengths, initial=offset) if gathering.exact else repeat(None)
        parts = zip(repeat(gathering.name), ordinals, lines, offsets, found.rows, repeat(self._header))
        # Straight to the tuples: the named constructor costs as much again as the parsing.
        rows = list(map(tuple.__new__, repeat(Row), parts))
        at = 0
        while at < count:
            taken = rows[at : at + gathering.policy.chunk_rows - len(gathering.rows)]
            gathering.rows += taken
            gathering.ordinal += len(taken)
            at += len(taken)
            if gathering.full:
                yield gathering.take()

    def _by_row(self, first: int) -> Generator[list[Row | Rejection], None, int | None]:
        """Read rows from line `first` on while wary; return the line to read on from, None at the end."""
        tape, gathering, bytes_max = self._tape, self._gathering, self._gathering.policy.chunk_bytes
        reader = csv.reader(tape.lines(first), delimiter=self.delimiter, strict=True)
        start = first
        until: int | None = None
        try:
            while self._wary:
                if until is None:
                    until = tape.offset_of(start) + bytes_max
                cells = next(reader, None)
                if cells is None:
                    return None
                end = first + reader.line_num
                self._careful(cells, start, end)
                self._wary -= 1
                tape.done = start = end
                if gathering.full or tape.offset_of(end) > until:
                    yield gathering.take()
                    until = None
        except (csv.Error, OvergrownError) as error:
            return self._broken(start, first + reader.line_num, error)
        return start

    def _be_wary(self, start: int) -> int:
        """Have some rows from line `start` on read anew, one by one; the more, the sooner after the last time."""
        self._wary = self._wariness
        self._wariness = min(2 * self._wariness, _WARY_ROWS_MAX)
        return start

    def _careful(self, cells: list[str], start: int, end: int) -> None:
        """Judge one row of lines `start` to before `end` with everything that can be wrong with it."""
        tape, gathering = self._tape, self._gathering
        offset = tape.offset_of(start)
        if not cells:
            if (long := tape.suspects.get(start)) is not None:
                gathering.reject_raw(start, offset, long.prefix, gathering.too_long(long.length))
            return
        if end - start > 1 and tape.offset_of(end) - offset > gathering.policy.row_bytes_max:
            raise OvergrownError("the row is too long")
        problems = self._problems(cells, start, end)
        by_column = len(cells) <= len(self._header) + _EXTRA_CELLS_MAX
        if not by_column or any(problem.code == "undecodable" for problem in problems):
            gathering.reject_raw(start, offset, tape.raw(start, end), *problems)
        elif problems:
            gathering.reject(start, offset, self._by_column(cells), *problems)
        else:
            gathering.accept(start, offset, self._by_column(cells))

    def _problems(self, cells: list[str], start: int, end: int) -> list[Problem]:
        tape, gathering, width = self._tape, self._gathering, len(self._header)
        problems: list[Problem] = []
        if any(line in tape.suspects for line in range(start, end)):
            if any("\0" in cell for cell in cells):
                at = next(i for i, cell in enumerate(cells) if "\0" in cell)
                column = self._header[at] if at < width else None
                problems.append(Problem("control_character", "the cell holds a NUL character", column))
            raw = tape.raw(start, end)
            if not is_utf8(raw):
                problems.append(gathering.undecodable(raw, tape.offset_of(start)))
        if len(cells) != width:
            counts = f"the row has {_cells(len(cells))}, the header {_cells(width)}"
            problems.append(Problem("row_ragged", counts))
        elif not problems:
            for i in self._nameless:
                if cells[i].strip():
                    raise SourceError(
                        f"{gathering.name}, line {start + 1}: column {i + 1} holds data but has no name in the header",
                        hint=_HEADER_HINT,
                    )
        return problems

    def _by_column(self, cells: list[str]) -> dict[str, Any]:
        named: dict[str, Any] = {name: cell for name, cell in zip(self._header, cells, strict=False) if name.strip()}
        if len(cells) > len(self._header):
            named[self._extra] = cells[len(self._header) :]
        return named

    def _broken(self, start: int, reached: int, error: Exception) -> int:
        """Reject line `start`, whose row broke when `reached` lines were taken; return the line to read on from."""
        tape, gathering = self._tape, self._gathering
        cap = gathering.policy.row_bytes_max
        offset, taken = tape.offset_of(start), tape.offset_of(reached)
        overgrown = isinstance(error, OvergrownError) or taken - offset > cap
        if tape.ended and not overgrown:
            raise SourceError(
                f"{gathering.name} ends inside quotes that open in the row of line {start + 1}",
                hint="Close the quotes on that line; the rows before it stand.",
            ) from error
        cause = f"a quote that opens here is not closed within {cap:,} bytes" if overgrown else str(error)
        problem = Problem("row_malformed", f"broken quoting: {cause}")
        gathering.reject_raw(start, offset, tape.raw(start, start + 1), problem)
        self._spend(taken - tape.offset_of(start + 1), before=offset)
        return start + 1

    def _spend(self, count: int, *, before: int) -> None:
        """Count bytes that will be read again, `before` bytes having been settled."""
        self._reread += count
        if self._reread > before + _REREAD_BYTES_FREE:
            raise SourceError(
                f"the quoting of {self._gathering.name} is broken in so many places that its rows cannot be told apart",
                hint="Write the file anew with every quote inside a cell doubled, or name another --delimiter.",
            )

    def _read_header(self) -> tuple[tuple[str, ...], int]:
        """Return the column names and the index of the line after the header."""
        tape, name = self._tape, self._gathering.name
        reader = csv.reader(tape.lines(0), delimiter=self.delimiter, strict=True)
        start = 0
        try:
            for cells in reader:
                end = reader.line_num
                if cells or start in tape.suspects:
                    self._check_header(cells, start, end)
                    return tuple(cells), end
                tape.done = start = end
        except (csv.Error, OvergrownError) as error:
            raise SourceError(
                f"{name}, line {start + 1}: the quoting of the header is broken ({_without_advice(error)})",
                hint=f"{_HEADER_HINT} Is it a table at all?",
            ) from error
        return (), start

    def _check_header(self, cells: list[str], start: int, end: int) -> None:
        place = f"{self._gathering.name}, line {start + 1}"
        if not cells:
            raise SourceError(f"{place}: the header is longer than a row may be", hint=_HEADER_HINT)
        if any(line in self._tape.suspects for line in range(start, end)):
            raise SourceError(
                f"{place}: the header is not plain {self._gathering.encoding.upper()} text",
                hint="Name the file's encoding with --encoding (Excel writes utf-16 or cp1252).",
            )
        seen: set[str] = set()
        for name in (cell.strip() for cell in cells):
            if name and name in seen:
                raise SourceError(f"{place}: two columns are called {name!r}", hint=_HEADER_HINT)
            seen.add(name)
        if not any(seen):
            raise SourceError(f"{place}: the header names no column", hint=_HEADER_HINT)


def _without_advice(error: Exception) -> str:
    """Return what Python's reader says, without what it advises programmers."""
    return str(error).partition(" - ")[0]


def _cells(count: int) -> str:
    return f"{count} cell" if count == 1 else f"{count} cells"
