"""The gate through which a worker goes before it asks for a slot of the rate limit: so many at once, and no more.

`concurrency` finds the number; this is the shell that lets workers wait.
"""

import anyio

from importer.concurrency import Concurrency, ConcurrencyPolicy


class Gate:
    """First come, first served: a place for each request that creates, from before its slot to its end.

    A task has one place at a time.
    """

    def __init__(self, policy: ConcurrencyPolicy) -> None:
        self._concurrency = Concurrency(policy)
        self._limiter = anyio.CapacityLimiter(self._concurrency.allowed)

    @property
    def allowed(self) -> int:
        """Requests that may be on their way at once."""
        return self._concurrency.allowed

    async def enter(self) -> None:
        """Wait for a place. Cancellation: none is taken."""
        await self._limiter.acquire()

    def enter_nowait(self) -> bool:
        """Take a place if there is one and nobody waits for it; tell whether it was taken."""
        try:
            self._limiter.acquire_nowait()
        except anyio.WouldBlock:
            return False
        return True

    def leave(self) -> None:
        """Give the place to whoever waits longest."""
        self._limiter.release()

    def ended(self, latency_s: float, permitted_per_s: float, *, on_way: int, overload: bool) -> int:
        """Note the end of a request that took `latency_s`; return how many may be on their way from now on.

        `on_way` counts the requests that were on their way, this one included: others may wait for the rate limit.
        """
        if overload:
            self._concurrency.overloaded()
        else:
            self._concurrency.answered(latency_s, permitted_per_s, full=on_way >= self.allowed)
        if self.allowed != self._limiter.total_tokens:
            self._limiter.total_tokens = self.allowed
        return self.allowed
