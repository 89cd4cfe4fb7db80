"""One source from its opening to its last row: the layers put together, read ahead, and what is known of the file."""

from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Final, Protocol, Self

from importer.errors import SourceError, UsageError
from importer.model import Rejection, Row
from importer.sources.compression import plain_blocks
from importer.sources.delimited import DelimitedReader
from importer.sources.encoding import canonical_encoding, utf8_blocks
from importer.sources.gathering import Gathering
from importer.sources.json_array import JsonArrayReader
from importer.sources.json_lines import JsonLinesReader
from importer.sources.lines import line_blocks
from importer.sources.opening import RawInput, open_raw
from importer.sources.parquet import ParquetReader
from importer.sources.policy import MIB, TABLES, Format, ReadPolicy
from importer.sources.sheet import SheetReader
from importer.sources.sniff import (
    HEAD_BYTES,
    delimiter_of,
    format_of,
    has_old_mac_lines,
    is_old_office,
    table_of,
)
from importer.sources.spooling import spooled
from importer.sources.tape import Tape
from importer.sources.workbook import refuse_old_kind

_MAGIC_BYTES: Final = 8  #: tell tables, and a byte order mark
_OLD_OFFICE_BYTES: Final = 16 * MIB  #: looked at to tell an encrypted workbook from an old one


class _Reader(Protocol):
    columns: tuple[str, ...] | None

    def chunks(self) -> Iterator[list[Row | Rejection]]: ...


class Source:
    """An open source. Blocking: meant for one thread at a time. A context manager that closes what was opened here."""

    def __init__(
        self, raw: RawInput, reader: _Reader, gathering: Gathering, format_: Format, *, spool: IO[bytes] | None = None
    ) -> None:
        """Take the layers (`open_source` makes them) and, for JSON, read the first chunk to learn the columns."""
        self.name = raw.name  #: as typed; "-" for standard input
        self.format = format_
        self.columns: tuple[str, ...] | None  #: the header, or the keys of the first chunk; None: nothing tells them
        self.delimiter: str | None = getattr(reader, "delimiter", None)  #: of cells; None where there is none
        self.notices: tuple[str, ...] = getattr(reader, "notices", ())  #: choices that a person may want to know of
        self._raw = raw
        self._reader = reader
        self._spool = spool
        self._chunks = _all_chunks(reader, gathering)
        self._ahead: list[list[Row | Rejection]] = []
        self.columns = reader.columns
        if self.columns is None:
            self._ahead = [chunk for chunk in (next(self._chunks, None),) if chunk is not None]
            self.columns = _keys(self._ahead)

    @property
    def size_bytes(self) -> int | None:
        """Size on the disk, compressed as it is; None for streams."""
        return self._raw.size_bytes

    @property
    def bytes_read(self) -> int:
        """Bytes taken from the disk or the stream so far, compressed as they are."""
        return self._raw.bytes_read

    def chunks(self) -> Iterator[list[Row | Rejection]]:
        """Yield the rows, once, in order, at most `chunk_rows` at a time.

        Raises `SourceError` when the source cannot be read to its end, after all good rows before the break.
        """
        while self._ahead:
            yield self._ahead.pop()
        yield from self._chunks

    def without(self, columns: Collection[str]) -> tuple[str, ...]:
        """Let these columns be left unread where that is cheaper; return the columns that are read.

        Only before the first chunk. Other formats hold whole rows anyway, and so does a row that fails.
        """
        if isinstance(self._reader, ParquetReader):
            self._reader.keep([name for name in self.columns or () if name not in columns])
            self.columns = self._reader.columns
        return self.columns or ()

    def changed(self) -> bool:
        """Tell whether the file differs from the one that was opened; never for streams."""
        return self._raw.changed()

    def fingerprint(self) -> dict[str, Any]:
        """Return size (bytes), mtime (seconds), sha256 of the first MiB as it lies on the disk, and format."""
        return {**self._raw.fingerprint(), "format": self.format}

    @property
    def contents(self) -> str | None:
        """SHA-256 of a file that was read front to back, as it lies on the disk; None of others, and before the end."""
        return self._raw.contents

    def blocks_of_file(self) -> Iterator[bytes]:
        """Yield all bytes of a file, as it lies on the disk; nothing of a stream. Raises `SourceError`."""
        return self._raw.blocks_of_file()

    def close(self) -> None:
        """Close the file; standard input and streams of others stay open."""
        if self._spool is not None:
            self._spool.close()
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def open_source(where: str | Path | BinaryIO, policy: ReadPolicy | None = None) -> Source:
    """Open a path, "-" (standard input) or a binary stream, and read as far as its columns.

    Raises `UsageError` for what is not a source (directory, special file, zip, unknown encoding) and `SourceError` for
    one that cannot be read, or whose header cannot be trusted. An empty source, or a header alone, has no rows.
    """
    policy = policy or ReadPolicy()
    encoding = canonical_encoding(policy.encoding)
    raw = open_raw(where, allow_special=policy.allow_special)
    try:
        return _build(raw, policy, encoding)
    except BaseException:
        raw.close()
        raise


def _build(raw: RawInput, policy: ReadPolicy, encoding: str) -> Source:
    head, blocks = _peeked(plain_blocks(raw, policy), _MAGIC_BYTES)
    table = table_of(head)
    if table is not None or policy.format in TABLES:
        return _table(raw, policy, head, blocks, table)
    if policy.sheet is not None:
        raise UsageError(f"{raw.name} has no sheets: it is no workbook", hint="Leave out --sheet.")
    stream = utf8_blocks(blocks, head, encoding=encoding, name=raw.name)
    head, blocks = _peeked(stream.blocks, HEAD_BYTES)
    format_ = policy.format or format_of(raw.name, head)
    gathering = Gathering(raw.name, "utf-8" if stream.exact else encoding, policy, exact=stream.exact)
    if format_ == "json":
        return Source(raw, JsonArrayReader(blocks, gathering, start=stream.start), gathering, format_)
    if has_old_mac_lines(head):
        head, blocks = head.replace(b"\r", b"\n"), (block.replace(b"\r", b"\n") for block in blocks)
    lines = line_blocks(blocks, start=stream.start, line_bytes_max=policy.row_bytes_max)
    if format_ == "jsonl":
        return Source(raw, JsonLinesReader(lines, gathering), gathering, format_)
    delimiter = policy.delimiter or ("\t" if format_ == "tsv" else delimiter_of(head))
    tape = Tape(lines, row_bytes_max=policy.row_bytes_max)
    return Source(raw, DelimitedReader(tape, gathering, delimiter=delimiter), gathering, format_)


def _table(raw: RawInput, policy: ReadPolicy, head: bytes, blocks: Iterator[bytes], table: Format | None) -> Source:
    """Return a workbook or a Parquet file, which are read from a file that can be sought in."""
    if policy.format not in {None, table}:
        found = f"begins as {table.upper()} does" if table is not None else "does not begin as one"
        raise UsageError(f"{raw.name} is not {str(policy.format).upper()}: it {found}", hint="Leave out --format.")
    if policy.sheet is not None and table != "xlsx":
        raise UsageError(f"{raw.name} has no sheets: it is no workbook", hint="Leave out --sheet.")
    direct = raw.direct(head)
    file: IO[bytes] = direct or spooled(blocks, raw.name, policy)
    spool = None if direct else file
    try:
        if is_old_office(head):
            file.seek(0)
            refuse_old_kind(file.read(_OLD_OFFICE_BYTES), raw.name)
        gathering = Gathering(raw.name, "utf-8", policy, exact=False)
        reader = (SheetReader if table == "xlsx" else ParquetReader)(raw, file, gathering)
        return Source(raw, reader, gathering, table or "xlsx", spool=spool)
    except BaseException:
        if spool is not None:
            spool.close()
        raise


def _all_chunks(reader: _Reader, gathering: Gathering) -> Iterator[list[Row | Rejection]]:
    """Yield full chunks, then the rest, then raise what broke the reading."""
    failure: SourceError | None = None
    try:
        yield from reader.chunks()
    except SourceError as error:
        failure = error
    if rest := gathering.take():
        yield rest
    if failure is not None:
        raise failure


def _peeked(blocks: Iterator[bytes], count: int) -> tuple[bytes, Iterator[bytes]]:
    """Return how `blocks` begin (`count` bytes or more, if there are as many), and all of them.

    What breaks while looking ahead is raised when the reading comes to it, so that the rows before it stand.
    """
    pieces: list[bytes] = []
    size = 0
    failure: SourceError | None = None
    try:
        while size < count and (block := next(blocks, b"")):
            pieces.append(block)
            size += len(block)
    except SourceError as error:
        failure = error
    return b"".join(pieces), _again(pieces, failure, blocks)


def _again(pieces: list[bytes], failure: SourceError | None, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield from pieces
    if failure is not None:
        raise failure
    yield from blocks


def _keys(chunks: list[list[Row | Rejection]]) -> tuple[str, ...] | None:
    """Return every key of the rows, in order of appearance; None without rows."""
    rows = [row for chunk in chunks for row in chunk if isinstance(row, Row)]
    if not rows:
        return None
    return tuple(dict.fromkeys(key for row in rows for key in row.cells or ()))
