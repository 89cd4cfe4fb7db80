"""Another token after HubSpot has refused one: asked for once for all who were refused with it."""

from collections.abc import Callable

import anyio
import anyio.to_thread


def never_another() -> bool:
    """Know of no other token."""
    return False


class Renewal:
    """Asks for another token, shared by all workers and lookups of a run."""

    def __init__(self, renew: Callable[[], bool] = never_another) -> None:
        """Take what asks, in a thread, and tells whether the token is another one."""
        self._renew = renew
        self._asking = anyio.Lock()
        self._at: float | None = None  #: monotonic seconds; None before the first time
        self._progress = -1
        self._given = False

    async def renewed(self, began: float, progress: int) -> bool:
        """Return whether the token is another than the one that a request took at `began` (monotonic seconds).

        `progress` counts what has been made so far: where a new token brought nothing before it was refused as
        well, no third one is asked for. Cancellation: waits for the asking; nothing left behind.
        """
        async with self._asking:
            if self._at is not None and began < self._at:
                return self._given
            if self._at is not None and progress <= self._progress:
                return False
            self._given = await anyio.to_thread.run_sync(self._renew)
            self._at, self._progress = anyio.current_time(), progress
            return self._given
