"""The chunk in the making: rows and rejections in their order, and the watch over undecodable ones."""

from collections.abc import Mapping
from typing import Any

from importer.errors import SourceError
from importer.model import Problem, Rejection, Row
from importer.sources.encoding import escaped
from importer.sources.policy import ReadPolicy


class Gathering:
    """Where a reader puts what it reads; `Source` empties it.

    `rows` and `ordinal` are open, because readers append good rows in their innermost loop.
    """

    def __init__(self, name: str, encoding: str, policy: ReadPolicy, *, exact: bool) -> None:
        """Take the source's name and encoding; `exact` tells whether offsets are offsets in the source."""
        self.name = name
        self.encoding = encoding
        self.policy = policy
        self.exact = exact
        self.rows: list[Row | Rejection] = []
        self.ordinal = 0  #: of the next row
        self._undecodable = 0

    @property
    def full(self) -> bool:
        """Whether the chunk has as many rows as it may."""
        return len(self.rows) >= self.policy.chunk_rows

    def take(self) -> list[Row | Rejection]:
        """Return the chunk and begin another."""
        chunk, self.rows = self.rows, []
        return chunk

    def accept(self, line: int | None, offset: int, cells: Mapping[str, Any]) -> None:
        """Add a good row; `line` is 0-based."""
        self.rows.append(self._row(line, offset, cells))

    def reject(self, line: int | None, offset: int, cells: Mapping[str, Any], *problems: Problem) -> None:
        """Add a rejection; raise `SourceError` when so many rows do not decode that the encoding must be wrong."""
        self.rows.append(Rejection(self._row(line, offset, cells), problems))
        if any(problem.code == "undecodable" for problem in problems):
            self._undecodable += 1
            self._check_encoding()

    def reject_raw(self, line: int | None, offset: int, raw: bytes, *problems: Problem) -> None:
        """Add a rejection of which only the bytes are known; the first 2 KiB are kept, escaped."""
        self.reject(line, offset, {"_raw": escaped(raw)}, *problems)

    def undecodable(self, raw: bytes, offset: int) -> Problem:
        """Return what is wrong with bytes that are not UTF-8 and begin at `offset`."""
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            at = f" at byte offset {offset + error.start:,}" if self.exact else ""
            byte = f"byte 0x{raw[error.start]:02x}" if self.exact else "a sequence of bytes"
            return Problem("undecodable", f"{byte}{at} is not valid {self.encoding.upper()}")
        raise AssertionError("unreachable")

    def too_long(self, length: int) -> Problem:
        """Return what is wrong with a row of `length` bytes."""
        return Problem(
            "row_too_long", f"the row has {length:,} bytes; at most {self.policy.row_bytes_max:,} are permitted"
        )

    def _row(self, line: int | None, offset: int, cells: Mapping[str, Any]) -> Row:
        ordinal = self.ordinal
        self.ordinal += 1
        shown = line + 1 if line is not None else None
        return Row(self.name, ordinal, shown, offset if self.exact else None, cells)

    def _check_encoding(self) -> None:
        limits = self.policy
        if self.ordinal >= limits.bad_rows_sample and self._undecodable > limits.bad_rows_share_max * self.ordinal:
            raise SourceError(
                f"{self._undecodable:,} of the first {self.ordinal:,} rows of {self.name} "
                f"are not valid {self.encoding.upper()}",
                hint="Name the file's encoding with --encoding (Excel often writes cp1252), or save it as UTF-8.",
            )
