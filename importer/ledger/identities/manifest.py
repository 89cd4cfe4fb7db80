"""The manifest: which runs count, and up to where in the journal they are complete.

Two small files take turns. The older one is overwritten and synced; who reads takes the newer one that is whole. So at
every moment one of them is, and runs that only the other names may go.
"""

import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson

from importer.ledger.disk import Disk, write_whole

NAMES: Final = ("manifest.0", "manifest.1")
_CRC_DIGITS: Final = 8


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the newest whole manifest in `folder`, None if there is none."""
    found: list[dict[str, Any]] = []
    for name in NAMES:
        with suppress(OSError, ValueError):
            data = (folder / name).read_bytes()
            if f"{zlib.crc32(data[_CRC_DIGITS:]):08x}".encode() == data[:_CRC_DIGITS]:
                found.append(orjson.loads(data[_CRC_DIGITS:]))
    return max(found, key=lambda told: int(told["turn"]), default=None)


class Manifest:
    """Both files, open for writing."""

    def __init__(self, folder: Path, disk: Disk, turn: int) -> None:
        """Open both; `turn` is that of the manifest that was read, which is kept, 0 when there was none."""
        self._disk, self._turn = disk, turn
        self._fds: list[int] = []
        try:
            for name in NAMES:
                self._fds.append(disk.open_append(folder / name))
            disk.sync_folder(folder)
        except BaseException:
            self.close()
            raise

    def write(self, told: dict[str, Any]) -> None:
        """Make `told` count, durably. Raises `OSError`, after which the manifest before it may count, or `told`."""
        turn = self._turn + 1
        body = orjson.dumps(told | {"turn": turn})
        fd = self._fds[turn % 2]
        self._disk.truncate(fd, 0)
        write_whole(self._disk, fd, f"{zlib.crc32(body):08x}".encode() + body)
        self._disk.sync(fd)
        self._turn = turn

    def close(self) -> None:
        """Close both."""
        for fd in self._fds:
            self._disk.close(fd)
        self._fds.clear()
