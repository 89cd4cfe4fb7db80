"""One ledger, one run: the lock file, which is never deleted, and who holds it."""

import json
import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import filelock

from importer import platforms
from importer.errors import LedgerError, LedgerHeldError

LOCK = "lock"
HOLDER = "holder.json"


class LedgerLock:
    """The lock of a ledger, held from `take` to `release` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        """Name the ledger's folder."""
        self._folder = folder
        self._lock = filelock.FileLock(folder / LOCK, mode=0o600, thread_local=False)

    def take(self) -> None:
        """Take the lock at once.

        Raises:
            LedgerHeldError: another process has it; the message says which.
            LedgerError: the folder cannot be written.
        """
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise LedgerHeldError(
                f"the ledger {self._folder} is held by another run ({self._holder()})",
                hint="Wait until that run has ended, then run the same command again.",
            ) from error
        except OSError as error:
            raise LedgerError(f"the ledger {self._folder} cannot be locked: {error.strerror or error}") from error
        since = datetime.now(UTC).isoformat(timespec="seconds")
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        # Only a courtesy to others: a disk that is full does not keep a run from its ledger.
        with suppress(OSError):
            fd = os.open(self._folder / HOLDER, platforms.opening(os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 0o600)
            with os.fdopen(fd, "w") as file:
                json.dump(holder, file)

    def _holder(self) -> str:
        try:
            holder = json.loads((self._folder / HOLDER).read_text())
            return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "which has not said who it is"

    def release(self) -> None:
        """Give the lock back; the file stays."""
        self._lock.release()
