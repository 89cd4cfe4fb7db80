"""The targets of the fuzzing: each takes bytes, calls one part of the importer on them, and checks what must hold.

A target ends in silence, in an `AssertionError`, or in an exception that the part called must not raise. What it needs
beside the bytes (a cap, a status) it takes from their checksum, so that an input by itself shows a fault again.
"""

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final
from zlib import crc32, decompressobj

from importer.errors import ImporterError, SourceError, UsageError
from importer.model import Row
from importer.sources import ReadPolicy, open_source
from importer.sources.policy import Format
from tests.hostile import answer_targets, corpus, ledger_targets, row_targets
from tests.hostile.accounting import Items, check_array, check_items, check_json_lines, check_table

_ROWS_MAX: Final = 3
_CAPS: Final = (24, 200, 1 << 20)
_ENCODINGS: Final = ("utf-8", "utf-16", "utf-16-le", "utf-32", "cp1252", "shift_jis", "gb18030", "utf-7", "cp037")


@dataclass(frozen=True, slots=True)
class Target:
    """One part of the importer and what it is fed with."""

    name: str
    weight: int  #: its share of the executions, of the sum of all weights
    seeds: Sequence[bytes]
    check: Callable[[bytes], Any]


def read(data: bytes, policy: ReadPolicy) -> tuple[Items, ImporterError | None]:
    """Read bytes to their end or their error, and check what holds of any source."""
    items: Items = []
    chunks: list[int] = []
    error: ImporterError | None = None
    try:
        with open_source(BytesIO(data), policy) as source:
            for chunk in source.chunks():
                items += chunk
                chunks.append(len(chunk))
            assert source.bytes_read == len(data), "a source that ended without an error was not read whole"
    except (SourceError, UsageError) as met:
        error = met
        assert error.message
    check_items(items, rows_max=policy.chunk_rows, chunks=chunks)
    return items, error


def _policy(data: bytes, **more: Any) -> ReadPolicy:
    cap = _CAPS[crc32(data) % len(_CAPS)]
    return ReadPolicy(chunk_rows=_ROWS_MAX, row_bytes_max=cap, nesting_max=8, **more)


def _table(form: Format, delimiter: str, head: bytes) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        items, error = read(data, _policy(data, format=form, delimiter=delimiter))
        if data.startswith(head):  # with another header, cells may stand under no name and are not kept
            check_table(data, items, ended=error is None)

    return check


def _json_lines(data: bytes) -> None:
    policy = _policy(data, format="jsonl")
    items, error = read(data, policy)
    check_json_lines(data, items, ended=error is None, row_bytes_max=policy.row_bytes_max)


def _array(data: bytes) -> None:
    items, error = read(data, _policy(data, format="json"))
    check_array(data, items, ended=error is None)


def _told_by_itself(data: bytes) -> None:
    """Read without a format; what is read twice is read alike."""
    first, error = read(data, _policy(data))
    again, once_more = read(data, _policy(data))
    assert (first, str(error)) == (again, str(once_more))


def _encoded(data: bytes) -> None:
    encoding = _ENCODINGS[crc32(data) // 7 % len(_ENCODINGS)]
    items, error = read(data, _policy(data, encoding=encoding))
    for item in items:
        if isinstance(item, Row):
            str(item.cells).encode()  # nothing that cannot be written passes
    if error is None and all(isinstance(item, Row) for item in items):
        told = "utf-8" if data.startswith(codecs.BOM_UTF8) else encoding  # its mark counts more than a name
        data.decode(told)  # nor is anything replaced in silence


def _packed(data: bytes) -> None:
    """Read compressed data; a gzip that is read without an error is what its checksum says."""
    items, error = read(data, _policy(data, bytes_max=100_000))
    if error is None and data[:3] == b"\x1f\x8b\x08":
        plain = _gunzip(data)
        assert plain is not None, "damaged gzip is read as if it were sound"
        assert read(plain, _policy(data))[0] == items, "a gzip is not read as what it holds"


def _gunzip(data: bytes) -> bytes | None:
    """Return what every member holds, None if one is damaged; zlib checks the sums."""
    made = b""
    while data := data.lstrip(b"\0"):
        member = decompressobj(wbits=31)
        made += member.decompress(data)
        if not member.eof:
            return None
        data = member.unused_data
    return made


TARGETS: Final[tuple[Target, ...]] = (
    Target("CSV", 16, corpus.CSV, _table("csv", ",", b"hs_name,hs_notes\n")),
    Target("TSV", 6, corpus.TSV, _table("tsv", "\t", b"hs_name\ths_notes\n")),
    Target("JSON Lines", 14, corpus.JSON_LINES, _json_lines),
    Target("JSON array", 12, corpus.ARRAYS, _array),
    Target("format unknown", 6, (*corpus.CSV, *corpus.JSON_LINES, *corpus.ARRAYS), _told_by_itself),
    Target("encodings", 6, corpus.ENCODED, _encoded),
    Target("compressed", 8, corpus.PACKED, _packed),
    Target("rows to records", 8, (*corpus.JSON_LINES, *corpus.CSV), row_targets.records),
    Target("mapped rows", 4, corpus.MAILINGS, row_targets.mailings),
    Target("failed rows, read back", 2, corpus.CSV, row_targets.failed_rows),
    Target("dates and templates", 4, (*corpus.DATES, *corpus.TEMPLATES), row_targets.values),
    Target("journal", 6, (b"".join(corpus.JOURNAL),), ledger_targets.journal),
    Target("journal line", 2, corpus.JOURNAL, ledger_targets.line),
    Target("batch replies", 5, corpus.REPLIES, answer_targets.replies),
    Target("error bodies", 3, corpus.ERRORS, answer_targets.errors),
    Target("verdicts", 4, (*corpus.REPLIES, *corpus.ERRORS), answer_targets.verdicts),
)
