"""The wish to stop, as one value that everybody who waits can see.

The first wish drains: nothing new is read or sent, what is on its way may come home. The second cuts what is on its
way; its records are then in doubt. Waits go through `Stop.sleep`, which ends early.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from importer.errors import ExitStatus, ImporterError, PausedError


class StoppedError(Exception):
    """The run is stopping: whoever waited to begin something does not begin it."""


class Stop:
    """A run's stop signal; for one event loop."""

    def __init__(self) -> None:
        """Begin without a wish."""
        self._soft = anyio.Event()
        self._hard = anyio.Event()
        self._scopes: set[anyio.CancelScope] = set()
        self.reason: str | None = None
        self.hint: str | None = None
        self.status = ExitStatus.OK
        self.wait_s: float | None = None  #: seconds after which the run may be gone on with, where somebody named them

    @property
    def requested(self) -> bool:
        """Whether anybody asked to stop."""
        return self._soft.is_set()

    @property
    def hard(self) -> bool:
        """Whether what is on its way is to be cut."""
        return self._hard.is_set()

    def request(self, reason: str, status: ExitStatus, hint: str | None = None) -> None:
        """Ask to drain and stop; the first reason stands."""
        if not self.requested:
            self.reason, self.status, self.hint = reason, status, hint
            self._soft.set()
            for scope in list(self._scopes):
                scope.cancel()

    def request_for(self, error: ImporterError) -> None:
        """Ask to drain and stop because of `error`."""
        if not self.requested and isinstance(error, PausedError):
            self.wait_s = error.wait_s
        self.request(error.message, error.exit_status, error.hint)

    def cancel_now(self) -> None:
        """Ask to cut what is on its way."""
        self.request("interrupted", ExitStatus.INTERRUPTED)
        self._hard.set()

    async def wait(self) -> None:
        """Wait for the first wish. Cancellation: nothing left behind."""
        await self._soft.wait()

    async def wait_hard(self, grace_s: float) -> None:
        """Wait for the second wish, or `grace_s` seconds after the first. Cancellation: nothing left behind."""
        await self._soft.wait()
        with anyio.move_on_after(grace_s):
            await self._hard.wait()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Run a wait which ends in `StoppedError` as soon as somebody asks to stop."""
        if self.requested:
            raise StoppedError
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                yield
            finally:
                self._scopes.discard(scope)
        if scope.cancelled_caught:
            raise StoppedError

    async def sleep(self, seconds: float) -> None:
        """Sleep, or raise `StoppedError` as soon as somebody asks to stop. Cancellation: nothing left behind."""
        with self.interruptible():
            await anyio.sleep(seconds)
