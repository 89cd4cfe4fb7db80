"""The lock that is tried: the one that a run takes, asked for without waiting."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from importer.errors import AccountHeldError
from importer.sharing.account_lock import AccountLock


class Lock(Protocol):
    """A lock of one process."""

    def take(self) -> bool:
        """Take it at once; return whether it was free. Raises `UsageError` where no lock can be had."""
        ...

    def release(self) -> None:
        """Give it back."""
        ...


MakeLock = Callable[[Path], Lock]  #: the file → a lock of its own, not held yet


class TriedLock:
    """The lock of an account, as a run takes it."""

    def __init__(self, path: Path) -> None:
        """Name the file."""
        self._lock = AccountLock(path)

    def take(self) -> bool:
        """Take it at once; return whether it was free. Raises `UsageError` where no lock can be had."""
        try:
            self._lock.take()
        except AccountHeldError:
            return False
        return True

    def release(self) -> None:
        """Give it back."""
        self._lock.release()
