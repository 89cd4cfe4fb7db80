"""What a reader permits: limits, format, encoding. Frozen, with defaults that suit an export file."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from importer.errors import UsageError

Format = Literal["csv", "tsv", "jsonl", "json", "xlsx", "parquet"]

TABLES: Final[tuple[Format, ...]] = ("xlsx", "parquet")  #: formats that are no text and are not read front to back

KIB: Final = 1024
MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPolicy:
    """How a source is read. Raises `UsageError` for values that make no sense."""

    format: Format | None = None  #: None: told by name and content
    encoding: str = "utf-8"  #: of text formats; a UTF-8 byte order mark is always stripped
    delimiter: str | None = None  #: one character; None: found among , ; TAB |
    row_bytes_max: int = MIB  #: bytes of one row, its line end not counted
    bytes_max: int | None = None  #: decompressed bytes of the whole source; None: no limit
    ratio_max: int = 200  #: decompressed bytes per compressed byte, once `ratio_free_bytes` are out
    ratio_free_bytes: int = 64 * MIB  #: decompressed bytes before the ratio counts
    chunk_rows: int = 500  #: rows handed out at once
    chunk_bytes: int = MIB  #: a chunk ends with the block that reaches this many bytes of source
    bad_rows_share_max: float = 0.05  #: share of undecodable rows at which the encoding must be wrong
    bad_rows_sample: int = 100  #: rows read before that share counts
    allow_special: bool = False  #: read FIFOs and devices too
    digits_max: int = 40  #: digits of one JSON number
    sheet: str | None = None  #: of a workbook, whatever its case; None: the first visible one with data
    cells_max: int = 5_000_000  #: rows by columns that the sheet of a workbook may span
    workbook_bytes_max: int = 1024 * MIB  #: unpacked bytes of a workbook, where `bytes_max` says nothing
    spool_bytes_max: int = 16 * 1024 * MIB  #: bytes of a table that are put aside because it cannot be sought in
    nesting_max: int = 64  #: depth of lists and objects in one JSON row, the row's own object counted

    def __post_init__(self) -> None:
        """Check what a person can get wrong."""
        if self.format is not None and self.format not in get_args(Format):
            raise UsageError(f"unknown format {self.format!r}", hint=f"Name one of: {', '.join(get_args(Format))}.")
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n\0'):
            raise UsageError(
                f"{self.delimiter!r} cannot be a delimiter",
                hint="Name one character that is neither a quote nor a line break.",
            )
        limits = {
            "row_bytes_max": self.row_bytes_max,
            "ratio_max": self.ratio_max,
            "chunk_rows": self.chunk_rows,
            "chunk_bytes": self.chunk_bytes,
            "digits_max": self.digits_max,
            "nesting_max": self.nesting_max,
            "cells_max": self.cells_max,
            "bytes_max": 1 if self.bytes_max is None else self.bytes_max,
        }
        for name, value in limits.items():
            if value < 1:
                raise UsageError(f"{name} must be at least 1, not {value}")


def spelt_out(delimiter: str | None) -> str | None:
    """Return the delimiter that was typed; a tab, which is hard to type, may be spelt out."""
    return "\t" if delimiter in {"\\t", "tab"} else delimiter
