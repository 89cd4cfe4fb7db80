"""One way to read for all tests of the sources: bytes in, everything that came out."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from importer.errors import ImporterError
from importer.model import Rejection, Row
from importer.sources import ReadPolicy, open_source

Read = Callable[..., "Reading"]


@dataclass
class Reading:
    """What one reading gave."""

    columns: tuple[str, ...] | None = None
    format: str | None = None
    items: list[Row | Rejection] = field(default_factory=list)
    chunks: list[int] = field(default_factory=list)  #: rows in each chunk
    error: ImporterError | None = None

    @property
    def rows(self) -> list[Row]:
        """Every row, broken ones too."""
        return [item.row if isinstance(item, Rejection) else item for item in self.items]

    @property
    def cells(self) -> list[Any]:
        """The cells of the good rows."""
        return [item.cells for item in self.items if isinstance(item, Row)]

    @property
    def rejections(self) -> list[Rejection]:
        """The rejections."""
        return [item for item in self.items if isinstance(item, Rejection)]

    @property
    def codes(self) -> list[str | None]:
        """One code an item; None for good rows."""
        return [item.problems[0].code if isinstance(item, Rejection) else None for item in self.items]

    @property
    def lines(self) -> list[int | None]:
        """The line number of each item."""
        return [row.line_number for row in self.rows]


def _read(where: bytes | str | Path | BinaryIO, **policy: Any) -> Reading:
    reading = Reading()
    try:
        with open_source(io.BytesIO(where) if isinstance(where, bytes) else where, ReadPolicy(**policy)) as source:
            reading.columns, reading.format = source.columns, source.format
            for chunk in source.chunks():
                reading.items += chunk
                reading.chunks.append(len(chunk))
    except ImporterError as error:
        reading.error = error
    return reading


@pytest.fixture(scope="session")
def read() -> Read:
    """Return a function that reads bytes, a path or a stream to its end or its error."""
    return _read


class Dribble(io.RawIOBase):
    """A pipe that hands out a few bytes at a time and cannot seek."""

    def __init__(self, data: bytes, step: int) -> None:
        """Take what it holds and how much it gives at once."""
        self._pieces = (data[i : i + step] for i in range(0, len(data), step))

    def read(self, _size: int = -1, /) -> bytes:
        """Return the next piece."""
        return next(self._pieces, b"")


@pytest.fixture(scope="session")
def dribble() -> Callable[[bytes, int], BinaryIO]:
    """Return a maker of slow streams."""
    return Dribble  # type: ignore[return-value]  # it has all of BinaryIO that a reader may use
