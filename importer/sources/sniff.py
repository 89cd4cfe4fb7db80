"""What a source is, told by its name and its first bytes: format, delimiter, line ends. Pure."""

import csv
import io
from typing import Final

from importer.errors import SourceError
from importer.sources.policy import TABLES, Format

HEAD_BYTES: Final = 64 * 1024  #: looked at
DELIMITERS: Final = (",", ";", "\t", "|")
_ROWS: Final = 20
_COMPRESSED: Final = (".gz", ".gzip", ".bz2", ".xz", ".zst", ".zstd")
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_OLD_OFFICE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MARKUP: Final = (b"<!doctype", b"<html", b"<table", b"<?xml", b"<meta")
_MARKUP_BYTES: Final = 16
_OTHERS: Final = {
    b"%PDF-": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"{\\rtf": "a text document",
}
_PARQUET: Final = (b"PAR1", b"PARE")
_BY_NAME: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".jsonlines": "jsonl",
    ".json": "json",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".parquet": "parquet",
}


def table_of(head: bytes) -> Format | None:
    """Return the format of a file that is no text, told by how it begins (8 bytes); None for text."""
    if head.startswith((*_ZIP, _OLD_OFFICE)):
        return "xlsx"
    return "parquet" if head.startswith(_PARQUET) else None


def is_old_office(head: bytes) -> bool:
    """Tell whether a file is in the container of old Office files, in which encrypted new ones are kept too."""
    return head.startswith(_OLD_OFFICE)


def format_of(name: str, head: bytes) -> Format:
    """Return the format. `head` is how the text begins, in UTF-8.

    A name ending in .csv or .tsv decides; among the JSON formats, and for other names, the first character does.
    Raises `SourceError` for a JSON object that is neither in an array nor alone on its line, for a web page, and for
    text in a file that calls itself a workbook.
    """
    lower = name.lower()
    for ending in _COMPRESSED:
        lower = lower.removesuffix(ending)
    named = next((found for ending, found in _BY_NAME.items() if lower.endswith(ending)), None)
    if named in ("csv", "tsv"):
        refuse_other(name, head)
        return named
    if named in TABLES:
        raise SourceError(
            f"{name} does not hold what its name says: it is no {named.upper()} file",
            hint="Fetch it again; or say what it is, for example --format csv.",
        )
    refuse_other(name, head)
    text = head.lstrip(b" \t\r\n")
    if text.startswith(b"["):
        return "json"
    if text.startswith(b"{"):
        first, line_end, _ = text.partition(b"\n")
        if named == "json" and line_end and not first.rstrip().endswith(b"}"):
            raise SourceError(
                f"{name} holds one JSON object, not a list of rows",
                hint="Take the list out of it (for example with jq '.results'), or write one object a line.",
            )
        return "jsonl"
    return named or "csv"


def refuse_other(name: str, head: bytes) -> None:
    """Raise `SourceError` for what is no table, whatever its name says."""
    if head.lstrip(b" \t\r\n")[:_MARKUP_BYTES].lower().startswith(_MARKUP):
        raise SourceError(
            f"{name} is a web page or XML, not a table",
            hint="Was it saved from a browser, or is it a page to sign in? Export the table itself, as CSV. What some"
            " systems call Excel opens there, and is saved as .xlsx.",
        )
    for start, what in _OTHERS.items():
        if head.startswith(start):
            raise SourceError(f"{name} is {what}, not a table", hint="Name the file that holds the table.")


def has_old_mac_lines(head: bytes) -> bool:
    """Tell whether lines end in a lone carriage return."""
    return b"\n" not in head and b"\r" in head[:-1]


def delimiter_of(head: bytes) -> str:
    """Return the delimiter under which the header has several columns and the first rows as many; else a comma."""
    text = head.decode("utf-8", "replace")
    if len(head) >= HEAD_BYTES:
        text = text[: text.rfind("\n") + 1]
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        widths = _widths(text, delimiter)
        if widths and widths[0] > 1:
            score = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
            if score > best_score:
                best, best_score = delimiter, score
    return best


def _widths(text: str, delimiter: str) -> list[int]:
    """Return the number of cells of the first rows."""
    widths: list[int] = []
    try:
        for cells in csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter):
            if cells:
                widths.append(len(cells))
            if len(widths) == _ROWS:
                break
    except csv.Error:
        pass  # a broken row later on does not tell more about the delimiter
    return widths
