"""Compressed sources: told by magic bytes, their breaks noticed, their bombs stopped."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from importer.errors import SourceError, UsageError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Read = Callable[..., Any]

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
}
TABLE = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i * 7919) for i in range(2000))


@pytest.fixture(params=PACKERS)
def pack(request: pytest.FixtureRequest) -> Callable[[bytes], bytes]:
    """Each compression in turn."""
    return PACKERS[request.param]


def test_compression_is_told_by_its_magic(
    read: Read, dribble: Callable[[bytes, int], BinaryIO], tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    """Whatever the name, from a file or a pipe that cannot seek, one member or several, padded with zeros or not."""
    plain = read(TABLE).items
    (tmp_path / "x.csv").write_bytes(pack(TABLE))
    assert [row.cells for row in read(tmp_path / "x.csv").rows] == [row.cells for row in plain]
    assert read(dribble(pack(TABLE), 1)).items == plain
    assert read(pack(TABLE[:5000]) + pack(b"") + pack(TABLE[5000:]) + b"\0" * 700).items == plain


def test_truncated_compression(read: Read, pack: Callable[[bytes], bytes]) -> None:
    """Rows before the break stand, the incomplete line is no row, and there is no success."""
    packed = pack(TABLE) + pack(TABLE[4:])
    reading = read(packed[: len(pack(TABLE)) + 30])
    assert isinstance(reading.error, SourceError)
    assert "truncated" in reading.error.message
    assert len(reading.cells) == len(reading.items) >= 2000
    assert all(row.cells["b"] == str(int(row.cells["a"]) ** 2 * 7919) for row in reading.rows)


def test_truncated_within_the_next_magic(read: Read) -> None:
    """A second member that breaks off in its first bytes is no clean end."""
    reading = read(gzip.compress(TABLE) + b"\x1f\x8b")
    assert isinstance(reading.error, SourceError)
    assert len(reading.cells) == 2000


def test_trailing_garbage_after_compression(read: Read, pack: Callable[[bytes], bytes]) -> None:
    """Bytes that are no member end the reading; the rows before them stand."""
    reading = read(pack(TABLE) + b"garbage, and more")
    assert isinstance(reading.error, SourceError)
    assert "garbage after the end" in reading.error.message
    assert len(reading.cells) == 2000


def test_damaged_compression(read: Read) -> None:
    """A flipped bit is noticed by the checksum."""
    packed = bytearray(gzip.compress(TABLE, compresslevel=0))
    packed[len(packed) // 2] ^= 1
    reading = read(bytes(packed))
    assert isinstance(reading.error, SourceError)
    assert "damaged" in reading.error.message


def test_archive_bomb_is_stopped_by_its_ratio(read: Read) -> None:
    """Beyond the free bytes, the ratio of unpacked to packed bytes is capped; below them nothing is."""
    bomb = gzip.compress(b"a\n" + b"0\n" * 200_000)
    assert read(bomb).error is None
    reading = read(bomb, ratio_free_bytes=200_000, ratio_max=100)
    assert isinstance(reading.error, SourceError)
    assert "archive bomb" in reading.error.message
    assert reading.cells


def test_archive_bomb_is_stopped_by_total_bytes(read: Read) -> None:
    """The cap on all bytes holds for plain and packed sources."""
    for data in (TABLE, gzip.compress(TABLE)):
        assert "--max-bytes" in read(data, bytes_max=len(TABLE) - 1).error.hint
        assert read(data, bytes_max=len(TABLE)).error is None


def test_archive_bomb_of_one_line_is_streamed_past(read: Read) -> None:
    """A line of 30 MB out of 30 KB is counted, not kept."""
    reading = read(gzip.compress(b"a,b\n1,2\n" + b"x" * 30_000_000 + b"\n3,4\n"))
    assert reading.codes == [None, "row_too_long", None]
    assert "30,000,000 bytes" in reading.rejections[0].problems[0].message
    assert reading.lines == [2, 3, 4]


def test_zip_is_refused(read: Read) -> None:
    """A zip archive, and so an Excel workbook, is a wrong argument with a way out."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("x.csv", TABLE)
    reading = read(archive.getvalue())
    assert isinstance(reading.error, UsageError)
    assert reading.error.hint is not None
    assert "CSV" in reading.error.hint
