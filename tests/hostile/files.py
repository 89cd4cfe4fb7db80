"""Hostile bytes: encodings and compression."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile
from collections.abc import Callable
from typing import Any, Final
from zlib import crc32

from importer.errors import ExitStatus
from tests.hostile.inputs import HEAD, OK, SOME_FAILED, SOURCE, USAGE, Hostile, table

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_TWO: Final = table(b"A,1", b"B,2")
_TEXT: Final = "hs_name,hs_notes\nA,ä\n"
_PACKERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zstd": zstd.compress,
}  # fmt: skip
_MANY: Final = table(*(b"Campaign %d,%d" % (n, n * n * 7919) for n in range(200)))
_ZEROS: Final = 66 * 1024 * 1024  #: more than unpacks before the ratio counts


def _refused(name: str, data: bytes, says: str, status: ExitStatus = SOURCE, **more: Any) -> Hostile:
    """Return a case of which no row is read."""
    return Hostile(name=name, data=data, status=status, says=says, **more)


def _passes(name: str, data: bytes, *places: int, **reading: Any) -> Hostile:
    """Return a case of which every row is read."""
    return Hostile(name=name, data=data, passes=places, status=OK, reading=reading)


def _breaks(name: str, data: bytes, says: str, *places: int) -> Hostile:
    """Return a case that breaks off; the rows before it stand."""
    return Hostile(name=name, data=data, passes=places, status=SOURCE, says=says)


def _zip() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("../../x.csv", _TWO)
    return archive.getvalue()


def _flipped(data: bytes, at: int) -> bytes:
    flipped = bytearray(data)
    flipped[at] ^= 1
    return bytes(flipped)


def _greedy_xz() -> bytes:
    """Return xz data whose header asks for a dictionary of 4 GiB, with a right checksum."""
    data = bytearray(lzma.compress(_TWO))
    start, end = 12, 12 + (data[12] + 1) * 4 - 4
    data[start + 4] = 40
    data[end : end + 4] = crc32(data[start:end]).to_bytes(4, "little")
    return bytes(data)


_BOMS: Final = {name: _TEXT.encode(name) for name in ("utf-16", "utf-32")} | {
    "utf-16-be": b"\xfe\xff" + _TEXT.encode("utf-16-be"),
    "utf-32-be": b"\0\0\xfe\xff" + _TEXT.encode("utf-32-be"),
}
_LATIN: Final = [b"A%d,caf\xe9" % n if n % 10 == 0 else b"A%d,x" % n for n in range(200)]

# One case, one thought; the formatter would spread them over many screens.
# fmt: off
_ENCODINGS: Final = (
    _passes("byte order mark of UTF-8", _TEXT.encode("utf-8-sig"), 2),
    *(_refused(f"byte order mark of {name.upper()}", data, "byte order mark of UTF-") for name, data in _BOMS.items()),
    *(_passes(f"byte order mark of {name.upper()}, and it is named", data, 2, encoding=name)
      for name, data in _BOMS.items()),
    _passes("byte order mark of UTF-8, and another encoding is named", _TEXT.encode("utf-8-sig"), 2, encoding="cp1252"),
    _refused("byte order mark that contradicts what is named", _TEXT.encode("utf-16"), "byte order mark of UTF-16",
             reading={"encoding": "cp1252"}),
    _refused("two byte order marks", b"\xef\xbb\xbf\xef\xbb\xbf" + HEAD + b"A,1\n", "hs_name", USAGE),
    Hostile(name="a row in Latin-1", data=table(b"A,1", b"B,caf\xe9", b"C,3"), passes=(2, 4), fails={3: "undecodable"},
            status=SOME_FAILED),
    Hostile(name="overlong UTF-8", data=table(b"A,1", b"B,\xc0\xaf", b"C,3"), passes=(2, 4), fails={3: "undecodable"},
            status=SOME_FAILED),
    Hostile(name="character cut at the end of the file", data=table(b"A,1") + b"B,\xf0\x9f\x8e", passes=(2,),
            fails={3: "undecodable"}, status=SOME_FAILED),
    Hostile(name="byte that the named encoding has not", data=table(b"A,\x80", b"B,\x81"), passes=(2,),
            fails={3: "undecodable"}, status=SOME_FAILED, reading={"encoding": "cp1252"}),
    Hostile(name="half a UTF-16 character at the end", data="hs_name\nA\nB".encode("utf-16") + b"x", passes=(2,),
            fails={3: "undecodable"}, status=SOME_FAILED, reading={"encoding": "utf-16"}),
    Hostile(name="Latin-1 throughout, read as UTF-8", data=table(*_LATIN), status=SOURCE, says="are not valid UTF-8",
            passes=[n + 2 for n in range(101) if n % 10], fails={n + 2: "undecodable" for n in range(0, 101, 10)}),
)

_COMPRESSED: Final = (
    *(_passes(f"{name} although it says CSV", pack(_TWO), 2, 3) for name, pack in _PACKERS.items()),
    *(_breaks(f"{name} cut in its second part", pack(_TWO) + pack(_MANY)[:30], f"truncated: its {name} data", 2, 3)
      for name, pack in _PACKERS.items()),
    *(_breaks(f"{name} cut in its head", pack(_MANY)[:12], f"truncated: its {name} data")
      for name, pack in _PACKERS.items()),
    *(_breaks(f"garbage after {name}", pack(_TWO) + b"garbage, and more", "garbage after the end", 2, 3)
      for name, pack in _PACKERS.items()),
    _breaks("gzip with a wrong checksum", _flipped(gzip.compress(_TWO), -5), "is damaged"),
    _breaks("gzip with a wrong length", _flipped(gzip.compress(_TWO), -1), "is damaged"),
    _breaks("gzip cut after three bytes", gzip.compress(_TWO)[:3], "is truncated"),
    _passes("gzip of two members, padded with zeros", gzip.compress(_TWO) + gzip.compress(b"C,3\n") + b"\0" * 600,
            2, 3, 4),
    _refused("gzip of nothing", gzip.compress(b""), "campaigns.csv holds no rows"),
    _refused("gzip in gzip", gzip.compress(gzip.compress(_TWO)), "header"),
    Hostile(name="gzip bomb of 1,028:1", status=SOURCE, says="as an archive bomb does", passes=(2,), file="c.csv.gz",
            data=gzip.compress(table(b"A,1") + b"\0" * _ZEROS)),
    Hostile(name="more bytes than permitted, packed small", status=SOURCE, says="more than the permitted 200,000 bytes",
            passes=(2,), data=gzip.compress(table(b"A,1") + b"x" * 1_000_000), reading={"bytes_max": 200_000}),
    _refused("xz that asks for 4 GiB of memory", _greedy_xz(), "is damaged: its xz data"),
    _refused("zstd that asks for 2 GiB of memory", b"\x28\xb5\x2f\xfd\x00\xa8" + bytes(9), "is damaged: its zstd data"),
    _refused("zip with a path that leads out", _zip(), "is a zip archive", USAGE),
    _refused("zip that calls itself a workbook", _zip(), "not an Excel workbook", USAGE, file="c.xlsx"),
)
# fmt: on

CASES: Final = (*_ENCODINGS, *_COMPRESSED)
