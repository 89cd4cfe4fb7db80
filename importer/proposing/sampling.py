"""The head of a source: its first rows, and the encoding it is written in. Blocking."""

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from importer.errors import SourceError, UsageError
from importer.model import Rejection
from importer.sources.compression import plain_blocks
from importer.sources.opening import open_raw
from importer.sources.policy import MIB, ReadPolicy
from importer.sources.sniff import refuse_other
from importer.sources.source import open_source

ROWS_MAX: Final = 1_000
_BYTES_MAX: Final = 64 * MIB  #: of text that is looked at for its encoding
_BINARY: Final = (b"PK\x03\x04", b"PAR1")  #: workbooks and Parquet have no encoding of their own
_HEAD_BYTES: Final = 64
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How a source begins."""

    source: str  #: as typed
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]  #: cells of the rows that can be read, at most `ROWS_MAX`
    broken: int  #: rows among them that cannot be read
    whole: bool  #: whether these are all rows
    encoding: str | None  #: where it is not UTF-8 and nobody said it


def take_sample(source: str, policy: ReadPolicy, *, encoding_given: bool) -> Sample:
    """Return the first rows of a source.

    Raises:
        UsageError: it is standard input, or no source.
        SourceError: it cannot be read, or has no rows.
    """
    if source == "-":
        raise UsageError("init looks at a file, and then it is read again", hint="Save standard input to a file first.")
    encoding = None if encoding_given or "://" in source else encoding_of(source, policy)
    if encoding is not None:
        policy = replace(policy, encoding=encoding)
    rows: list[Mapping[str, Any]] = []
    first, broken, whole = "", 0, True
    with open_source(source, policy) as opened:
        for row in chain.from_iterable(opened.chunks()):
            if len(rows) + broken == ROWS_MAX:
                whole = False
                break
            if isinstance(row, Rejection):
                broken += 1
                first = first or f"{_place(row)}: {row.problems[0].message}"
            else:
                rows.append(row.cells or {})
        columns = opened.columns or ()
    if not rows:
        if broken:
            title = "Line 1 is to name the columns: if it is a title, delete it and what else stands above them. "
            raise SourceError(
                f"{source}: no row that was looked at can be read; {first}",
                hint=title * (len(columns) == 1)
                + "importer check SOURCE lists them. Is it the right file, and of the format that its name says?",
            )
        raise SourceError(f"{source} has no rows to look at", hint="A header and one row are the least.")
    return Sample(
        source=source, columns=columns, rows=tuple(rows), broken=broken, whole=whole, encoding=encoding
    )  # fmt: skip


def _place(rejection: Rejection) -> str:
    row = rejection.row
    return f"row {row.ordinal + 1}" if row.line_number is None else f"line {row.line_number}"


def encoding_of(source: str, policy: ReadPolicy) -> str | None:
    """Return the encoding of a text file that is not UTF-8, told by its mark or its bytes; else None."""
    path = Path(source)
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(_BINARY):
        return None
    refuse_other(source, head)
    raw = open_raw(source, allow_special=policy.allow_special)
    try:
        return _told(plain_blocks(raw, policy))
    finally:
        raw.close()


def _told(blocks: Iterator[bytes]) -> str | None:
    first = next(blocks, b"")
    marked = next((name for mark, name in _MARKS if first.startswith(mark)), None)
    if marked is not None:
        return None if marked == "utf-8" else marked
    strict = codecs.getincrementaldecoder("utf-8")()
    windows = codecs.getincrementaldecoder("cp1252")()
    is_utf8 = is_windows = True
    size = 0
    for block in chain((first,), blocks):
        is_utf8 = is_utf8 and _decodes(strict, block)
        is_windows = is_windows and _decodes(windows, block)
        size += len(block)
        if size >= _BYTES_MAX:
            break
    if is_utf8:
        return None
    return "cp1252" if is_windows else "iso-8859-1"


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes) -> bool:
    try:
        decoder.decode(block)
    except UnicodeDecodeError:
        return False
    return True
