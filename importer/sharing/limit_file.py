"""The state of a shared limit in a file on storage that all processes reach, under a lock beside it.

The state is read and written anew in each turn and replaced as a whole, so a process that is killed leaves the state of
before or after its turn. It is not synced: what a power loss takes is at most the last seconds, and a state that is
damaged begins anew with a pause of one window.

The clock is that of the file system: the lock file is touched, and its time read. On a network share that is the
server's clock, the same for all hosts.
"""

import os
from pathlib import Path
from typing import Final

import filelock

from importer import platforms
from importer.errors import ImporterError, UsageError
from importer.sharing.account_lock import NO_LOCKS, NOT_MADE
from importer.sharing.turns import Act, StoreError

_LOOK_S: Final = 0.002  #: between two looks at the lock
_STATE_BYTES_MAX: Final = 1 << 22  #: a file that is longer is something else


class LimitFile:
    """One file, with its lock `FILE.lock`. For one thread at a time."""

    forgets = False

    def __init__(self, path: Path) -> None:
        """Name the file, which is made if missing. Its folder is not: it may be that of a share that is not mounted.

        Raises:
            UsageError: there is no such folder, or the path is no plain file.
        """
        self.name = f"the limit file {path}"
        self._path, self._half = path, path.with_name(f"{path.name}.new")
        self._lock_path = path.with_name(f"{path.name}.lock")
        if not path.parent.is_dir():
            raise UsageError(f"the folder of {self.name} is not there", hint=NOT_MADE)
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise UsageError(f"{self.name} is not a plain file", hint="Name a file that only the limit uses.")
        self.wait_s = 5.0  #: for those whose turn it is before ours
        self._lock = filelock.FileLock(
            self._lock_path, poll_interval=_LOOK_S, mode=0o600, thread_local=False, fallback_to_soft=False
        )

    def turn(self, act: Act) -> None:
        """Read, change and write under the lock. Raises as `Store.turn`."""
        try:
            if not self._path.parent.is_dir():
                raise StoreError("its folder is not there")
            with self._lock.acquire(timeout=self.wait_s):
                self._write(act(self._read(), self._clock()))
        except filelock.Timeout as error:
            raise StoreError(f"its lock was held for {self.wait_s:g} s") from error
        except OSError as error:
            raise StoreError(error.strerror or str(error)) from error

    def _clock(self) -> float:
        os.utime(self._lock_path)  # without a time: now, by the clock of whoever keeps the file
        return self._lock_path.stat().st_mtime

    def _read(self) -> bytes | None:
        try:
            fd = os.open(self._path, platforms.opening(os.O_RDONLY))
        except FileNotFoundError:
            return None
        with os.fdopen(fd, "rb") as file:
            data = file.read(_STATE_BYTES_MAX + 1)
        if len(data) > _STATE_BYTES_MAX:
            raise UsageError(f"{self.name} is too large to be a limit's state", hint="Name a file of its own.")
        return data

    def _write(self, data: bytes) -> None:
        fd = os.open(self._half, platforms.opening(os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
        platforms.replace(self._half, self._path)

    def refusal(self, why: str) -> ImporterError:
        """Return what a run ends in that finds the file unusable when it begins."""
        return UsageError(f"{self.name} cannot be used: {why}", hint=NO_LOCKS)

    def close(self) -> None:
        """Nothing is open between turns."""
