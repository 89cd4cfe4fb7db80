"""Another token after HubSpot has refused one: asked for once for all who were refused with it."""

from collections.abc import Callable
from typing import Final

import anyio
import anyio.to_thread

UNAUTHORISED: Final = 401


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
        self._given = False
        self._served = True  #: whether the latest token has been taken by HubSpot

    def heard(self, status: int | None) -> None:
        """Note the status of an answer: any but a 401 says that the token is taken."""
        if status is not None and status != UNAUTHORISED:
            self._served = True

    async def renewed(self, began: float) -> bool:
        """Return whether the token is another than the one that a request took at `began` (monotonic seconds).

        A new token that is refused before it ever served is the last: a run must not ask for ever.
        Cancellation: waits for the asking; nothing left behind.
        """
        async with self._asking:
            if self._at is not None and began < self._at:
                return self._given
            if not self._served:
                return False
            self._given = await anyio.to_thread.run_sync(self._renew)
            self._at, self._served = anyio.current_time(), False
            return self._given
