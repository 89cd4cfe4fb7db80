"""Hostile places: what may stand at the path instead of a file that can be read."""

import os
import sqlite3
import stat
import tarfile
from pathlib import Path
from typing import Final

from importer.errors import ExitStatus
from tests.hostile.inputs import OK, SOURCE, USAGE, Hostile, Make, table

_TWO: Final = table(b"A,1", b"B,2")


def _refused(name: str, data: bytes | Make, says: str, status: ExitStatus) -> Hostile:
    """Return a case of which no row is read."""
    return Hostile(name=name, data=data, status=status, says=says)


def _at(path: str) -> Make:
    return lambda folder: folder / path  # an absolute path stands for itself


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "fifo")
    return folder / "fifo"


def _socket(folder: Path) -> Path:
    os.mknod(folder / "socket", stat.S_IFSOCK | 0o600)
    return folder / "socket"


def _link_to(target: str) -> Make:
    def make(folder: Path) -> Path:
        (folder / "there.csv").write_bytes(_TWO)
        (folder / "link.csv").symlink_to(folder / target)
        return folder / "link.csv"

    return make


def _sqlite(folder: Path) -> Path:
    with sqlite3.connect(folder / "c.csv") as database:
        database.execute("create table campaigns (hs_name)")
    database.close()
    return folder / "c.csv"


def _tar(folder: Path) -> Path:
    (folder / "there.csv").write_bytes(_TWO)
    with tarfile.open(folder / "c.csv", "w") as archive:
        archive.add(folder / "there.csv", "there.csv")
    return folder / "c.csv"


CASES: Final = (
    _refused("directory", _at("."), "is a directory", USAGE),
    _refused("named pipe", _fifo, "is a named pipe (FIFO), not a regular file", USAGE),
    _refused("socket", _socket, "is a socket, not a regular file", USAGE),
    _refused("device without an end", _at("/dev/zero"), "is a character device, not a regular file", USAGE),
    Hostile(
        name="device without an end, allowed", data=_at("/dev/zero"), status=SOURCE, reading={"allow_special": True},
        says="holds more than the permitted 5,000,000 bytes",
    ),
    _refused("missing file", _at("none.csv"), "cannot be opened: No such file", SOURCE),
    _refused("link to itself", _link_to("link.csv"), "Too many levels of symbolic links", SOURCE),
    _refused("link to nothing", _link_to("none.csv"), "cannot be opened: No such file", SOURCE),
    Hostile(name="link to a file", data=_link_to("there.csv"), passes=(2, 3), status=OK),
    _refused("path with a NUL", _at("a\0b.csv"), "cannot be opened", SOURCE),
    _refused("path of 5,000 characters", _at("a" * 5_000), "File name too long", SOURCE),
    _refused("file as a folder", _at("/dev/null/x.csv"), "Not a directory", SOURCE),
    _refused("file whose first read fails", _at("/proc/self/mem"), "Input/output error", SOURCE),
    _refused("SQLite database", _sqlite, "header is not plain UTF-8", SOURCE),
    _refused("tar archive", _tar, "header is not plain UTF-8", SOURCE),
    _refused("picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)), "is a picture, not a table", SOURCE),
    _refused("PDF", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is a PDF, not a table", SOURCE),
    _refused("page of a web server", b"<!doctype html>\n<html><body>502</body></html>\n", "is a web page", SOURCE),
)  # fmt: skip
