"""One thing, one run: a lock file, which is never deleted, and beside it who holds it.

The ledger has one, and an account that runs in several places may have one (`sharing.account_lock`). It is one kind of
lock for all: `flock`, which Linux passes on to an NFS server; on Windows a lock on the file's first byte.
"""

import json
import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import filelock

from importer import platforms
from importer.errors import ImporterError, LedgerError, LedgerHeldError

LOCK = "lock"
HOLDER = "holder.json"


class RunLock:
    """A lock held from `take` to `release` or the end of the process."""

    held_error: type[ImporterError] = LedgerHeldError
    broken_error: type[ImporterError] = LedgerError

    def __init__(self, path: Path, holder: Path, what: str, *, soft: bool = True) -> None:
        """Name the lock's file, the file that tells the holder, and what it guards, in words.

        `soft`: where a file system knows no locks, the existence of the file has to do.
        """
        self._what, self._holder_file = what, holder
        self._lock = filelock.FileLock(path, mode=0o600, thread_local=False, fallback_to_soft=soft)

    def take(self) -> None:
        """Take the lock at once.

        Raises:
            LedgerHeldError: another process has it; the message says which. `held_error` of a subclass.
            LedgerError: the folder cannot be written. `broken_error` of a subclass.
        """
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise self.held_error(
                f"{self._what} is held by another run ({self._holder()})",
                hint="Wait until that run has ended, then run the same command again.",
            ) from error
        except OSError as error:
            raise self.broken_error(f"{self._what} cannot be locked: {error.strerror or error}") from error
        since = datetime.now(UTC).isoformat(timespec="seconds")
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        # Only a courtesy to others: a disk that is full does not keep a run from its ledger.
        with suppress(OSError):
            fd = os.open(self._holder_file, platforms.opening(os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 0o600)
            with os.fdopen(fd, "w") as file:
                json.dump(holder, file)

    def _holder(self) -> str:
        try:
            holder = json.loads(self._holder_file.read_text())
            return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "which has not said who it is"

    def release(self) -> None:
        """Give the lock back; the file stays."""
        self._lock.release()


class LedgerLock(RunLock):
    """The lock of a ledger."""

    def __init__(self, folder: Path) -> None:
        """Name the ledger's folder."""
        super().__init__(folder / LOCK, folder / HOLDER, f"the ledger {folder}")
