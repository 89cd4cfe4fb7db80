"""One account, one run: a lock file on storage that all who may import for the account can reach."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from importer.errors import AccountHeldError, UsageError
from importer.ledger.lock import RunLock

NOT_MADE: Final = "Make it, or mount it: a folder that is shared is never made by a run."
NO_LOCKS: Final = "Name a plain file in a folder that you may write to, on a file system that knows locks (flock)."


class AccountLock(RunLock):
    """The lock of an account. On a file system that knows no locks it is refused, never replaced by a weaker one."""

    held_error = AccountHeldError
    broken_error = UsageError

    def __init__(self, path: Path) -> None:
        """Name the lock's file, such as `accounts/acme.lock`."""
        super().__init__(path, path.with_name(path.name + ".holder.json"), f"the account of {path}", soft=False)
        self._path = path

    def take(self) -> None:
        """Take the lock at once. Blocks. Its folder is not made: it may be that of a share that is not mounted.

        Raises:
            AccountHeldError: another run has the account; the message says which.
            UsageError: no lock can be had there.
        """
        if not self._path.parent.is_dir():
            raise UsageError(f"the folder of {self._path} is not there", hint=NOT_MADE)
        try:
            super().take()
        except UsageError as error:
            raise UsageError(error.message, hint=NO_LOCKS) from error


@asynccontextmanager
async def account_held(path: Path | None) -> AsyncIterator[None]:
    """Hold the account's lock for the block; None holds nothing. Raises as `AccountLock.take`.

    Cancellation: the lock is given back. A process that is killed loses it, too.
    """
    if path is None:
        yield
        return
    lock = AccountLock(path)
    await anyio.to_thread.run_sync(lock.take)
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(lock.release)
