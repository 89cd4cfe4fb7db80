"""Laws of the sources: what was written is read; nothing is lost on the way; nothing makes a reader crash."""

import bz2
import csv
import gzip
import io
import json
import lzma
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import SourceError, UsageError
from importer.model import Rejection, Row
from importer.sources.json_values import Limits, Malformed, load_object

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Read = Callable[..., Any]

LIMITS = settings(deadline=None, max_examples=150)
PACKERS: list[Callable[[bytes], bytes]] = [bytes, gzip.compress, bz2.compress, lzma.compress, zstd.compress]

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
scalar = text | st.integers(-(10**38), 10**38) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
value = st.none() | scalar | st.lists(scalar, max_size=3) | st.dictionaries(text, scalar, max_size=3)
packer = st.sampled_from(PACKERS)
#: Bytes in which quotes, line ends and broken UTF-8 meet often.
table = st.lists(
    st.sampled_from([b'"', b'""', b",", b"\n", b"\r\n", b"a", b"bc", b"\xc3\xa9", b"\xff", b"\0", b"\n\n", b'"\n']),
    max_size=60,
).map(b"".join)


@LIMITS
@given(
    st.lists(st.lists(text, min_size=3, max_size=3)), st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]), packer
)
def test_tables_come_back(read: Read, rows: list[list[str]], delimiter: str, ends: str, pack: Any) -> None:
    """CSV and TSV give back what was written, in any compression."""
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter, lineterminator=ends, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b", "c"], *rows])
    reading = read(pack(written.getvalue().encode()), format="tsv" if delimiter == "\t" else "csv")
    assert reading.error is None
    assert [list(cells.values()) for cells in reading.cells] == rows


@LIMITS
@given(st.lists(st.dictionaries(text, value, max_size=4), max_size=8), packer, st.booleans(), st.integers(0, 2))
def test_json_comes_back(read: Read, rows: list[dict[str, Any]], pack: Any, ascii_only: bool, spaces: int) -> None:
    """JSON Lines and JSON arrays give back what was written, types and digits too."""
    separators = (", ", [":", ": ", " : "][spaces])
    lines = [json.dumps(row, ensure_ascii=ascii_only, separators=separators) for row in rows]
    for data, named in (("\n".join(lines), "jsonl"), ("[" + ",\n".join(lines) + "]", "json")):
        reading = read(pack(data.encode()), format=named)
        assert reading.error is None
        assert repr(reading.cells) == repr(rows)


@LIMITS
@given(table, st.integers(1, 40), st.sampled_from([5, 20, 1 << 20]))
def test_every_line_is_accounted_for(
    read: Read, dribble: Callable[[bytes, int], BinaryIO], body: bytes, step: int, cap: int
) -> None:
    """Rows follow one another in the bytes: between two of them lie only line ends, whatever is in the file."""
    data = b"h,i\n" + body
    reading = read(dribble(data, step), format="csv", delimiter=",", row_bytes_max=cap)
    rows, lines = reading.rows, data.split(b"\n")
    assert [row.ordinal for row in rows] == list(range(len(rows)))
    following = 2
    for item, row in zip(reading.items, rows, strict=True):
        assert all(not line.strip(b"\r") for line in lines[following - 1 : row.line_number - 1])
        assert row.byte_offset == sum(len(line) + 1 for line in lines[: row.line_number - 1])
        shown = json.dumps(row.cells, ensure_ascii=False)
        single = getattr(item, "problems", None) and item.problems[0].code in ("row_malformed", "row_too_long")
        following = row.line_number + 1 + (0 if single else shown.count("\\n"))
    if reading.error is None:
        assert all(not line.strip(b"\r") for line in lines[following - 1 :])


def by_column(item: Row | Rejection) -> Row | Rejection:
    """Return a row with its cells by column, however it holds them."""
    return item._replace(held=item.cells, columns=None) if isinstance(item, Row) else item


@LIMITS
@given(table, st.integers(1, 40))
def test_what_is_read_does_not_depend_on_blocks(
    read: Read, dribble: Callable[[bytes, int], BinaryIO], body: bytes, step: int
) -> None:
    """However the bytes arrive, rows, rejections and the error are the same."""
    data = b"h,i\n" + body
    whole = read(data, format="csv", row_bytes_max=15)
    pieces = read(dribble(data, step), format="csv", row_bytes_max=15)
    assert list(map(by_column, pieces.items)) == list(map(by_column, whole.items))
    assert str(pieces.error) == str(whole.error)


@LIMITS
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"h,i\n", b"[", b"{", b"[{}", *(pack(b"h,i\n1,2\n3,4\n" * 9) for pack in PACKERS)]),
    st.integers(0, 400),
    st.tuples(
        st.sampled_from(["csv", "tsv", "jsonl", "json", None]),
        st.sampled_from(["utf-8", "cp1252", "utf-16-le", "utf-32", "shift_jis", "utf-7"]),
    ),
)
def test_no_bytes_make_a_reader_crash(
    read: Read, noise: bytes, base: bytes, at: int, as_what: tuple[str | None, str]
) -> None:
    """Random bytes and mutated files end in rows, rejections, a source error or a usage error."""
    for data in (base + noise, base[:at] + noise + base[at:], base[:at] + noise + base[at + len(noise) :]):
        reading = read(data, format=as_what[0], encoding=as_what[1], row_bytes_max=50)
        assert reading.error is None or isinstance(reading.error, SourceError | UsageError)


@LIMITS
@given(
    st.lists(
        st.sampled_from(
            [
                b"{",
                b"}",
                b"[",
                b"]",
                b'"',
                b'"a"',
                b'"b"',
                b":",
                b",",
                b" ",
                b"1",
                b"1e999",
                b"NaN",
                b"\\",
                b'"\\ud800"',
            ]
        ),
        max_size=14,
    ).map(b"".join),
    st.sampled_from([b'{"a":%b}', b'{"a":1,%b}', b"%b"]),
)
def test_the_fast_and_the_exact_reading_agree(noise: bytes, frame: bytes) -> None:
    """An object is given out only if a strict reading with every key seen once gives the same."""
    loaded = load_object(frame.replace(b"%b", noise), Limits())

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        assert len(made) == len(pairs)
        return made

    if isinstance(loaded, dict):
        assert json.loads(frame.replace(b"%b", noise), object_pairs_hook=once) == loaded
    else:
        assert isinstance(loaded, Malformed) or loaded[0].code
