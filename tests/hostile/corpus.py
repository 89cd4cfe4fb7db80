"""The seeds of the fuzzing: small, sound inputs of each kind, in which everything happens that is not a fault."""

import bz2
import csv
import gzip
import io
import json
import lzma
import sys
from typing import Any, Final, Literal

from tests.hostile.inputs import HEAD
from tests.ledger.conftest import header, life, sealed

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ROWS: Final[list[dict[str, Any]]] = [
    {"hs_name": "Spring sale", "hs_notes": "plain"},
    {"hs_name": 'He said "now"', "hs_notes": "two\nlines, and a comma"},
    {"hs_name": "Café 🎉", "hs_notes": "=1+1"},
    {"hs_name": "Numbers", "hs_notes": "12,5; 13\t14|15"},
    {"hs_name": "x" * 120, "hs_notes": ""},
]
_VALUES: Final[list[dict[str, Any]]] = [
    {"hs_name": "A", "hs_notes": 1, "hs_start_date": "2026-03-31"},
    {"hs_name": "B", "hs_notes": -0.25, "hs_audience": None},
    {"hs_name": "C", "hs_notes": True, "hs_currency_code": "eur"},
    {"hs_name": "D", "hs_notes": [1, {"a": []}], "hs_campaign_status": "Planned"},
    {"hs_name": "E", "hs_notes": 10**39, "hs_end_date": "2026-02-30"},
]


def _written(delimiter: str, *, quoting: Literal[0, 1], ends: str) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=ends)
    writer.writerows(list(row.values()) for row in ROWS)
    return f"hs_name{delimiter}hs_notes\n".encode() + file.getvalue().encode()


def _exported(rows: list[dict[str, Any]], *, spaces: bool) -> list[str]:
    return [json.dumps(row, ensure_ascii=spaces, separators=None if spaces else (",", ":")) for row in rows]


_QUOTINGS: Final[tuple[Literal[0, 1], ...]] = (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)
CSV: Final = tuple(_written(",", quoting=quoting, ends=ends) for quoting in _QUOTINGS for ends in ("\n", "\r\n"))
TSV: Final = tuple(_written("\t", quoting=quoting, ends="\n") for quoting in _QUOTINGS)
JSON_LINES: Final = tuple(
    ("\n".join(_exported(rows, spaces=spaces)) + "\n").encode() for rows in (ROWS, _VALUES) for spaces in (False, True)
)
ARRAYS: Final = tuple(
    ("[" + mark.join(_exported(rows, spaces=spaces)) + "]").encode()
    for rows, spaces, mark in ((ROWS, False, ","), (_VALUES, True, ",\n  "))
)
ENCODED: Final = tuple(
    data.decode().encode(name)
    for data in (CSV[0].replace("Café 🎉".encode(), "Café".encode()), JSON_LINES[0].replace("🎉".encode(), b"!"))
    for name in ("utf-16", "utf-32", "cp1252", "utf-8-sig")
)
GZIPPED: Final = tuple(
    gzip.compress(data, compresslevel=level, mtime=0) for data in (CSV[0], JSON_LINES[0]) for level in (0, 6)
)
PACKED: Final = (
    *GZIPPED,
    gzip.compress(CSV[0], mtime=0) + gzip.compress(CSV[0][len(HEAD) :], mtime=0),
    *(pack(data) for pack in (bz2.compress, lzma.compress, zstd.compress) for data in (CSV[0], JSON_LINES[0])),
)
MAILINGS: Final = (
    b"\n".join(
        (
            b"Title,Subject,Audience,Send Date,Unique Id",
            b'Newsletter,Our first,Everybody,"Jun 01, 2023 09:46 pm",031aae0fbe',
            b'Newsletter,,"All, really","Feb 29, 2024 12:00 am",8513aa4943',
            b'Ride,Who rides?,Riders,"July 2, 2023 12:13 PM",9c5afed75a',
        )
    ),
)
JOURNAL: Final = sealed([header(), *life()])
DATES: Final = (b"2026-03-31", b"31/03/2026", b"Jun 01, 2023 09:46 pm", b"2026-03-31T23:59:59.123Z", b"sept. 3 1999")
TEMPLATES: Final = (b"{Title}", b"{Title} [({Subject})] {{x}}", b"[{A}-][{B}]: {C}")

_CAMPAIGN: Final = {
    "id": "7", "properties": {"hs_name": "A", "hs_notes": None}, "createdAt": "2026-03-31T10:00:00.000Z",
    "updatedAt": "2026-03-31T10:00:00.000Z", "assets": {},
}  # fmt: skip
_ERROR: Final = {
    "status": "error", "message": "Property values were not valid", "category": "VALIDATION_ERROR",
    "correlationId": "c-1", "subCategory": {"a": 1}, "policyName": "DAILY",
    "context": {"propertyName": ["hs_name"], "ids": ["1", "2"]},
    "errors": [{"message": "too long", "in": "hs_name", "code": "LONG", "context": {"name": "A"}}],
}  # fmt: skip
REPLIES: Final = tuple(
    json.dumps(body).encode()
    for body in (
        {"status": "COMPLETE", "results": [_CAMPAIGN, _CAMPAIGN], "startedAt": "x", "completedAt": "y"},
        {"status": "COMPLETE", "results": [_CAMPAIGN], "numErrors": 1, "errors": [_ERROR]},
        {"status": "PENDING", "results": []},
        {"total": 2, "results": [_CAMPAIGN], "paging": {"next": {"after": "MTA=", "link": "?"}}},
        {"portalId": 42, "accountType": "SANDBOX", "timeZone": "UTC", "companyCurrency": "EUR"},
    )
)
ERRORS: Final = (
    json.dumps(_ERROR).encode(),
    b"<html><body>502 Bad Gateway</body></html>",
    b"{}",
    b"Mon, 31 Dec 2026 23:59:59 GMT" * 3,  # the first bytes are taken for Retry-After and Date
)
