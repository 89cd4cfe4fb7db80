"""How fast requests may leave: a rolling window that counts answers and learns from the server's headers.

HubSpot permits so many requests in any rolling 10 s and counts a request when it arrives, at a moment that a client
cannot know; but it lies between sending and answer. So a slot is held from before the request leaves until a whole
window after its *answer*: whenever the server counted it, it has left the server's window by then. That is safe by
construction and costs one latency in a window. `X-HubSpot-RateLimit-Max` and `-Interval-Milliseconds` tell the real
limit, and `-Remaining` tells of neighbours: when the server has counted more than all our slots, others use the same
limit, and as many slots are left to them for a window.

`RollingWindow`, `Backoff` and `Outage` decide and do not wait; `Pacer` waits.
"""

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import anyio

from importer.errors import PausedError

MAX_HEADER: Final = "x-hubspot-ratelimit-max"
REMAINING_HEADER: Final = "x-hubspot-ratelimit-remaining"
INTERVAL_HEADER: Final = "x-hubspot-ratelimit-interval-milliseconds"
_INTERVALS_MS: Final = range(100, 3_600_001)  #: what can be believed of the interval header


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePolicy:
    """How many requests in which time."""

    requests: int = 100  #: in any `window_s`, until the server's headers say more or less
    window_s: float = 10.0
    most: int | None = None  #: never more than that, whatever the server permits; None leaves it to the server

    def __post_init__(self) -> None:
        """Refuse what can never send."""
        assert self.requests >= 1
        assert self.window_s > 0


class RollingWindow:
    """The state of the limit, without waiting: who asks says what time it is (monotonic seconds)."""

    def __init__(self, policy: RatePolicy) -> None:
        """Begin with an empty window."""
        self._most = policy.most
        self.window_s = policy.window_s
        self.limit = policy.requests if policy.most is None else min(policy.requests, policy.most)
        self._in_flight = 0
        self._held: deque[float] = deque()  # when the slot of each answered request is free again, ascending
        self._neighbours = 0
        self._neighbours_until = 0.0
        self._paused_until = 0.0

    def take(self, now: float) -> float:
        """Take a slot and return 0.0, or return the seconds until one may be free (infinite: after an answer)."""
        if self._paused_until > now:
            return self._paused_until - now
        while self._held and self._held[0] <= now:
            self._held.popleft()
        neighbours = self._neighbours if self._neighbours_until > now else 0
        # One slot is always left to us, or neighbours could starve us for ever.
        if self._in_flight + len(self._held) < max(1, self.limit - neighbours):
            self._in_flight += 1
            return 0.0
        ends = [*([self._held[0]] if self._held else []), *([self._neighbours_until] if neighbours else [])]
        return max(min(ends) - now, 0.001) if ends else float("inf")

    def give_back(self, now: float, headers: Mapping[str, str] | None) -> None:
        """Let a slot go a window after its answer, and learn from the answer's headers (None: no answer)."""
        assert self._in_flight > 0
        self._in_flight -= 1
        self._held.append(now + self.window_s)
        if headers is not None:
            self._learn(now, headers)

    def _learn(self, now: float, headers: Mapping[str, str]) -> None:
        permitted, remaining, interval = (
            _number(headers.get(name)) for name in (MAX_HEADER, REMAINING_HEADER, INTERVAL_HEADER)
        )
        if interval in _INTERVALS_MS:
            self.window_s = interval / 1000
        if permitted > 0:
            self.limit = permitted if self._most is None else min(permitted, self._most)
            if remaining >= 0:
                others = permitted - remaining - self._in_flight - len(self._held)
                if others > 0:
                    self._neighbours, self._neighbours_until = others, now + self.window_s

    def pause(self, until: float) -> None:
        """Let nothing leave before `until`."""
        self._paused_until = max(self._paused_until, until)

    @property
    def permitted_per_s(self) -> float:
        """Requests a second that the limit permits in the long run."""
        return self.limit / self.window_s


def _number(text: str | None) -> int:
    """Return a header's whole number; -1 where there is none, which no limit is."""
    return int(text) if text is not None and text.isascii() and text.isdigit() else -1


class Pacer:
    """Waits for slots, first come, first served."""

    def __init__(self, policy: RatePolicy) -> None:
        """Begin with an empty window."""
        self.window = RollingWindow(policy)
        self._turn = anyio.Lock()
        self._changed = anyio.Event()
        self.reason: str | None = None  #: why everybody waits, for people; None when nobody has to
        self.paused_until = 0.0  #: monotonic seconds

    async def acquire(self) -> None:
        """Take a slot, waiting for it in order of arrival; `release` gives it back.

        Cancellation: no slot is taken.
        """
        async with self._turn:
            while (wait_s := self.window.take(anyio.current_time())) > 0:
                with anyio.move_on_after(wait_s):
                    await self._changed.wait()
            self.reason = None

    def release(self, headers: Mapping[str, str] | None) -> None:
        """Give a slot back with the answer's headers (lower-case names), or None when there was no answer."""
        self.window.give_back(anyio.current_time(), headers)
        self._wake()

    def pause(self, seconds: float, reason: str) -> None:
        """Let nobody take a slot for `seconds`."""
        self.paused_until = max(self.paused_until, anyio.current_time() + seconds)
        self.window.pause(self.paused_until)
        self.reason = reason
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    @property
    def permitted_per_s(self) -> float:
        """Requests a second that the limit permits in the long run."""
        return self.window.permitted_per_s


@dataclass(slots=True)
class Backoff:
    """Growing waits with full jitter: each is drawn between nothing and a ceiling that doubles."""

    first_s: float = 0.5
    most_s: float = 60.0
    rng: random.Random = field(default_factory=random.Random)
    failures: int = 0

    def next(self) -> float:
        """Return the next wait in seconds."""
        ceiling = min(self.most_s, self.first_s * 2**self.failures)
        self.failures += 1
        return self.rng.uniform(0, ceiling)

    def reset(self) -> None:
        """Begin again with the shortest wait."""
        self.failures = 0


class Outage:
    """How long HubSpot has been out of reach, for all workers together."""

    def __init__(self, max_s: float = 600.0, *, backoff: Backoff | None = None) -> None:
        """Begin in reach; after `max_s` without one answer, `failed` gives up."""
        self._max_s = max_s
        self._backoff = backoff or Backoff()
        self._since: float | None = None

    def failed(self, now: float) -> float | None:
        """Note that a request could not be sent; return the seconds to wait, None when it is time to give up."""
        self._since = now if self._since is None else self._since
        return None if now - self._since >= self._max_s else self._backoff.next()

    def over(self) -> None:
        """Note that HubSpot was reached."""
        self._since = None
        self._backoff.reset()

    def error(self, cause: str) -> PausedError:
        """Return the error that ends the run."""
        return PausedError(
            f"HubSpot was out of reach for {self._max_s:.0f} s: {cause}", hint="Run the same command again later."
        )
