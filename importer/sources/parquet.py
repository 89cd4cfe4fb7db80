"""Parquet → rows, batch by batch: memory holds one batch and the pages it comes from, whatever the file's size."""

from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, Final

from importer.errors import SourceError, UsageError
from importer.model import Rejection, Row
from importer.sources import extras
from importer.sources.gathering import Gathering
from importer.sources.opening import RawInput
from importer.sources.policy import MIB
from importer.sources.typed_values import plain_value

_BUFFER_BYTES: Final = MIB  #: read of a column at once
_FETCH_AGAIN: Final = "Fetch or write the file again; the rows before the damage stand."

_Convert = Callable[[Any], list[Any]]


class ParquetReader:
    """Reads the rows of a Parquet file. The number of a row, from 1, stands for its line."""

    def __init__(self, raw: RawInput, file: IO[bytes], gathering: Gathering) -> None:
        """Read the footer. Raises `SourceError` when it is damaged, `UsageError` when the file is encrypted."""
        self._arrow = extras.load("pyarrow", extra="parquet", what="Parquet")
        library = extras.load("pyarrow.parquet", extra="parquet", what="Parquet")
        self._raw = raw
        self._gathering = gathering
        file.seek(0)
        if file.read(4) == b"PARE":
            raise UsageError(f"{gathering.name} is encrypted", hint="Write it without encryption.")
        file.seek(0)
        try:
            # Pages are read as they are needed: pre-buffering would hold a whole row group.
            self._file = library.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER_BYTES)
            schema = self._file.schema_arrow
        except (self._arrow.ArrowException, OSError, ValueError) as error:
            raise SourceError(
                f"{gathering.name} is damaged or cut short: {_first_line(error)}", hint="Fetch or write the file again."
            ) from error
        names = list(schema.names)
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise SourceError(f"{gathering.name}: two columns are called {twice!r}", hint="Give each its own name.")
        self.columns: tuple[str, ...] | None = tuple(names)
        self._types = {field.name: field.type for field in schema}

    def keep(self, columns: Sequence[str]) -> None:
        """Read only these of the columns from now on: the others are not even unpacked."""
        self.columns = tuple(columns)

    def chunks(self) -> Iterator[list[Row | Rejection]]:
        """Yield full chunks; what is left stays in the gathering. Raises `SourceError`, rows before it stand."""
        gathering, columns = self._gathering, self.columns or ()
        total, size = max(self._file.metadata.num_rows, 1), self._raw.size_bytes or self._raw.bytes_read
        converts = [self._convert(self._types[name]) for name in columns]
        new = tuple.__new__  # the named constructor costs as much again
        for values in self._batches(columns, converts):
            for cells in zip(*values, strict=True):
                at = gathering.ordinal
                gathering.rows.append(new(Row, (gathering.name, at, at + 1, None, cells, columns)))
                gathering.ordinal += 1
            self._raw.bytes_read = size * gathering.ordinal // total  # pages are read ahead: rows tell how far it is
            yield gathering.take()

    def _batches(self, columns: Sequence[str], converts: Sequence[_Convert]) -> Iterator[list[list[Any]]]:
        """Yield the columns of each batch as plain values."""
        rows_max = self._gathering.policy.chunk_rows
        try:
            for batch in self._file.iter_batches(batch_size=rows_max, columns=list(columns), use_threads=False):
                yield [convert(column) for convert, column in zip(converts, batch.columns, strict=True)]
        except (self._arrow.ArrowException, OSError, ValueError) as error:
            raise SourceError(
                f"{self._gathering.name} is damaged after row {self._gathering.ordinal:,}: {_first_line(error)}",
                hint=_FETCH_AGAIN,
            ) from error

    def _convert(self, type_: Any) -> _Convert:
        """Return what makes a list of plain values of a column of this type."""
        types = self._arrow.types
        if types.is_dictionary(type_):
            inner = self._convert(type_.value_type)
            return lambda column: inner(column.dictionary_decode())
        if types.is_string(type_) or types.is_large_string(type_):
            return self._texts
        if types.is_boolean(type_) or types.is_integer(type_):
            return lambda column: list(column.to_pylist())
        if types.is_timestamp(type_) and type_.unit == "ns":
            return lambda column: self._typed(column.cast(self._arrow.timestamp("us", type_.tz), safe=False))
        return self._typed

    def _texts(self, column: Any) -> list[Any]:
        """Return texts; what calls itself text and is not UTF-8 as an object, which no property takes."""
        try:
            return list(column.to_pylist())
        except UnicodeDecodeError:
            return [plain_value(value) for value in column.cast(self._arrow.large_binary()).to_pylist()]

    def _typed(self, column: Any) -> list[Any]:
        """Return plain values; a column that holds what Python cannot (the year 12345) as the library's own text."""
        try:
            return [plain_value(value) for value in column.to_pylist()]
        except (ValueError, OverflowError):
            return list(column.cast(self._arrow.string()).to_pylist())


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
