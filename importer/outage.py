"""How to wait while nothing gets through: no address, no connection, no handshake. Without I/O or clock.

Such a request was not sent and may be sent again; but not at once by everybody, and not for ever.
"""

import random
from dataclasses import dataclass

from importer.errors import PausedError


@dataclass(frozen=True, slots=True, kw_only=True)
class OutagePolicy:
    """How patiently to knock on a closed door."""

    base_s: float = 0.5  #: longest first wait
    wait_max_s: float = 60.0  #: longest wait of all
    outage_max_s: float = 600.0  #: nothing but failures for so long ends the run, resumable
    failures_min: int = 3  #: and not after fewer failures, whatever the time between them


class Backoff:
    """Exponential waits with full jitter: each is anything between nothing and its bound, which doubles."""

    def __init__(self, jitter: random.Random, policy: OutagePolicy | None = None) -> None:
        self._jitter = jitter
        self._policy = policy or OutagePolicy()

    def delay_s(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row, the first being 1."""
        doublings = min(failures - 1, 60)
        return self._jitter.uniform(0.0, min(self._policy.wait_max_s, self._policy.base_s * 2**doublings))


class Outage:
    """The circuit breaker that all workers share: one wait for all, longer each time, and an end to patience."""

    def __init__(self, backoff: Backoff, policy: OutagePolicy | None = None) -> None:
        self._backoff = backoff
        self._policy = policy or OutagePolicy()
        self._since: float | None = None
        self._failures = 0
        self._closed_until = float("-inf")

    def failed(self, now: float, why: str) -> float:
        """Note a request that did not get through; return the seconds that everybody waits before the next try.

        Failures within a wait belong to the same try. Raises `PausedError` once there was nothing else for too long.
        """
        self._since = now if self._since is None else self._since
        if now >= self._closed_until:
            self._failures += 1
            self._closed_until = now + self._backoff.delay_s(self._failures)
        lasted_s = now - self._since
        if lasted_s >= self._policy.outage_max_s and self._failures >= self._policy.failures_min:
            raise PausedError(
                f"HubSpot could not be reached for {lasted_s / 60:.0f} minutes: {why}",
                hint="Run the same command again when the network is back; what was made is not made twice.",
            )
        return self._closed_until - now

    def answered(self) -> None:
        """Note an answer, whatever it says: the door is open."""
        self._since = None
        self._failures = 0
        self._closed_until = float("-inf")
