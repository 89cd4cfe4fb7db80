"""Disks that fail at a given call, and one that loses what was not synced when the power goes."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from importer.ledger.disk import OsDisk

CALLS: Final = ("open_append", "write", "sync", "truncate", "sync_folder")
EIO: Final = 5


class FailingDisk(OsDisk):
    """The real disk, whose n-th call of one kind fails; a failing write may leave half of its data."""

    def __init__(self, call: str, at: int, number: int, *, half: bool = False) -> None:
        self.struck = False
        self.synced_after = False  #: whether a descriptor was synced again after its sync had failed
        self._call, self._at, self._number, self._half = call, at, number, half
        self._counts = Counter[str]()
        self._failed: set[int] = set()

    def _strikes(self, call: str) -> bool:
        self._counts[call] += 1
        struck = call == self._call and self._counts[call] == self._at
        self.struck |= struck
        return struck

    def _error(self) -> OSError:
        return OSError(self._number, os.strerror(self._number))

    def open_append(self, path: Path) -> int:
        """Open, or fail."""
        if self._strikes("open_append"):
            raise self._error()
        return super().open_append(path)

    def write(self, fd: int, data: bytes) -> int:
        """Write, or fail."""
        if self._strikes("write"):
            if self._half:
                super().write(fd, data[: len(data) // 2])
            raise self._error()
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        """Sync, or fail; remember whether anybody tries again."""
        self.synced_after |= fd in self._failed
        if self._strikes("sync"):
            self._failed.add(fd)
            raise self._error()
        super().sync(fd)

    def truncate(self, fd: int, size: int) -> None:
        """Cut, or fail."""
        if self._strikes("truncate"):
            raise self._error()
        super().truncate(fd, size)

    def sync_folder(self, path: Path) -> None:
        """Sync the folder, or fail."""
        if self._strikes("sync_folder"):
            raise self._error()
        super().sync_folder(path)


class ShortDisk(OsDisk):
    """The real disk, which never takes more than a few bytes at once."""

    def __init__(self, most: int) -> None:
        self._most = most

    def write(self, fd: int, data: bytes) -> int:
        """Write some of it."""
        return super().write(fd, data[: self._most])


Loss = Callable[[bytes, Random], bytes]
#: What may be left of the bytes that were not synced.
LOSSES: Final[dict[str, Loss]] = {
    "all gone": lambda _tail, _rng: b"",
    "a part left": lambda tail, rng: tail[: rng.randrange(len(tail) + 1)],
    "all left": lambda tail, _rng: tail,
    "garbage": lambda tail, rng: rng.randbytes(len(tail)),
    "zeros": lambda tail, _rng: bytes(len(tail)),
    "a part, then zeros": lambda tail, rng: tail[: (cut := rng.randrange(len(tail) + 1))] + bytes(len(tail) - cut),
}


class PowerDisk(OsDisk):
    """The real disk until call number `at`; then every call fails, and `lose` leaves what a power loss leaves."""

    def __init__(self, at: int) -> None:
        self.calls = 0
        self._at = at
        self._paths: dict[int, Path] = {}
        self._durable: dict[Path, bytes] = {}
        self._named: set[Path] = set()  # files whose name was synced with their folder

    @property
    def lost(self) -> bool:
        """Whether the power has gone."""
        return self.calls >= self._at

    def _live(self) -> None:
        self.calls += 1
        if self.lost:
            raise OSError(EIO, "the power is gone")

    def open_append(self, path: Path) -> int:
        """Open."""
        self._live()
        if path.exists() and path not in self._durable:
            self._durable[path] = path.read_bytes()
            self._named.add(path)
        fd = super().open_append(path)
        self._paths[fd] = path
        return fd

    def write(self, fd: int, data: bytes) -> int:
        """Write; when the power goes in the middle, any part may be on its way."""
        try:
            self._live()
        except OSError:
            super().write(fd, data[: len(data) // 2])
            raise
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        """Sync."""
        self._live()
        super().sync(fd)
        self._durable[self._paths[fd]] = self._paths[fd].read_bytes()

    def truncate(self, fd: int, size: int) -> None:
        """Cut."""
        self._live()
        super().truncate(fd, size)

    def sync_folder(self, path: Path) -> None:
        """Sync the names."""
        self._live()
        super().sync_folder(path)
        self._named |= {known for known in self._paths.values() if known.parent == path}

    def lose(self, loss: Loss, rng: Random) -> None:
        """Leave on the real disk what a power loss leaves of every file."""
        for path in set(self._paths.values()):
            if not path.exists():
                continue
            now, durable = path.read_bytes(), self._durable.get(path, b"")
            if path not in self._named and path not in self._durable and rng.random() < 0.5:
                path.unlink()
            elif now.startswith(durable):
                path.write_bytes(durable + loss(now[len(durable) :], rng))
            else:  # cut, and not synced since: either may be found
                path.write_bytes(rng.choice([now, durable]))
