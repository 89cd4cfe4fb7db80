"""How fast to ask: HubSpot's rolling rate limit, kept from our side.

HubSpot counts the requests that *arrive* in any 10 s and refuses what is too many (100 to 250, by account; usage
guidelines). We cannot see arrivals, only that each lies between sending and answer. So a slot is held from the
moment it is taken until one window after its request has certainly arrived (`arrivals`): all requests that arrived
within any window then hold slots at one and the same moment, and there are never more slots than permitted. Without
rate-limit headers only an answer is certain, which costs the time of one answer in each window; with them the
server's count proves that requests have arrived which are not answered yet.

`RollingWindow` is the policy, without I/O or clock; `Pacer` is the shell that waits.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import anyio

from importer.arrivals import Arrivals

_GUARD: Final = 1.0005  # our clock may run so much faster than the server's: the most by which NTP steers a clock
_TICK_S: Final = 0.001  # no wait is shorter, so that rounding cannot make a busy loop
_REMEMBERED: Final = 3  # windows for which arrivals are remembered
_DISTRUST: Final = 6  # windows after a sign of others, or a lost request, in which the server's count proves nothing
_INTERVAL_MS: Final = range(100, 3_600_001)  # what is taken for a window's length
_HEADER: Final = "x-hubspot-ratelimit-"
_DIGITS_MAX: Final = 9  # a longer number is no count of requests


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePolicy:
    """What is assumed before the server names its limit, and how much of the limit is ours."""

    requests: int = 100  #: in any window; HubSpot's smallest limit
    window_s: float = 10.0  #: length of the server's rolling window, seconds
    fixed: bool = False  #: `requests` is an upper bound of the user's, whatever the server permits
    share: float = 1.0  #: part of what the server permits that is used, above 0 and at most 1
    decrease: float = 0.75  #: factor on the limit after a refusal, at most once a window
    recovery: float = 0.05  #: requests a window that each good answer gives back of such a decrease
    margin_s: float = 0.0  #: a slot is held so much longer than the window


class RollingWindow:
    """The sliding log of slots. Times are monotonic seconds and never go back from call to call."""

    def __init__(self, policy: RatePolicy | None = None) -> None:
        self._policy = policy or RatePolicy()
        self._server_max = self._policy.requests
        self._window_s = self._policy.window_s
        self._taken = 0  # slots ever taken
        self._arrivals = Arrivals()
        self._distrust_until = float("-inf")  # until then the server may count what is not ours
        self._held_back = 0.0  # requests a window given up because of refusals
        self._decreased_at = float("-inf")
        self._neighbours = 0  # requests of others that the server has counted lately
        self._neighbours_until = float("-inf")
        self._paused_until = float("-inf")
        self._even_until = float("-inf")  # until then slots are given out evenly, not all at once
        self._taken_at = float("-inf")
        self.daily_remaining: int | None = None  #: requests left of the account's day, as the server last said
        self.daily_limit: int | None = None  #: requests that the account has a day, as the server last said

    @property
    def permitted_per_s(self) -> float:
        """Requests a second that this importer may use in the long run."""
        return (self._ceiling() - self._held_back) / self._window_s

    def take(self, now: float) -> float:
        """Take a slot and return 0.0, or return after how many seconds at the earliest one may be free."""
        if now < self._paused_until:
            return max(self._paused_until - now, _TICK_S)
        limit = self._limit(now)
        needed = self._taken + 1 - limit  # so many must be out of the server's window
        if needed > self._out_of_window(now):
            return max(self._until_free(now, needed), _TICK_S)
        next_at = self._taken_at + self._window_s / limit
        if now < min(self._even_until, next_at):
            return max(next_at - now, _TICK_S)
        self._taken += 1
        self._taken_at = now
        return 0.0

    def answered(self, now: float, headers: Mapping[str, str], *, since: float, refused: bool = False) -> None:
        """Note the answer to the request of one slot and learn from its headers (names in lower case).

        `since` is when the slot was taken; `refused` says that the answer was a 429.
        """
        self._end(now)
        self._learn(headers)
        self._compare(now, headers, since)
        if not refused:
            self._held_back = max(0.0, self._held_back - self._policy.recovery)
            return
        self._distrust(now)
        if now >= self._decreased_at + self._window_s:
            self._decreased_at = now
            kept = max(1.0, (self._ceiling() - self._held_back) * self._policy.decrease)
            self._held_back = self._ceiling() - kept

    def abandoned(self, now: float) -> None:
        """Note that the request of one slot has ended without an answer; its slot is free one window from `now`."""
        self._end(now)
        self._distrust(now)  # it may still arrive, and be counted then

    def pause(self, until: float) -> None:
        """Give out no slot before `until`, and after it for one window evenly, so that nobody stampedes."""
        self._paused_until = max(self._paused_until, until)
        self._even_until = self._paused_until + self._window_s

    def reason(self, now: float) -> str:
        """Return why there is no slot at `now`, for people."""
        if now < self._paused_until:
            return f"HubSpot asked for a pause, {self._paused_until - now:.0f} s left"
        if now < self._neighbours_until and self._neighbours:
            return "other integrations share the rate limit"
        return f"the rate limit of {self._ceiling()} requests in {self._window_s:g} s"

    @property
    def _hold_s(self) -> float:
        return self._window_s * _GUARD + self._policy.margin_s

    def _ceiling(self) -> int:
        of_server = int(self._server_max * self._policy.share)
        return max(1, min(of_server, self._policy.requests) if self._policy.fixed else of_server)

    def _limit(self, now: float) -> int:
        """Return how many slots there may be at `now`; with busy neighbours that can be none."""
        neighbours = self._neighbours if now < self._neighbours_until else 0
        left = min(self._ceiling(), self._server_max - neighbours)  # what a share leaves to them is theirs already
        return max(0, int(left - self._held_back))

    def _out_of_window(self, now: float) -> int:
        """Return how many of our requests the server's window at `now`, and any later one, certainly leaves out."""
        return self._arrivals.certain(now - self._hold_s)

    def _until_free(self, now: float, needed: int) -> float:
        """Return the least time until `needed` requests are out of the window, or the neighbours' requests are."""
        since = self._arrivals.since(needed)
        free_at = (now if since is None else since) + self._hold_s
        if self._neighbours and now < self._neighbours_until:
            free_at = min(free_at, self._neighbours_until)
        return free_at - now

    def _end(self, now: float) -> None:
        assert self._arrivals.answered < self._taken
        self._arrivals.forget(now - _REMEMBERED * self._window_s)
        self._arrivals.end(now)

    def _distrust(self, now: float) -> None:
        self._distrust_until = now + _DISTRUST * self._window_s

    def _learn(self, headers: Mapping[str, str]) -> None:
        limit = _number(headers, "max")
        if limit:
            self._server_max = limit
            self._held_back = min(self._held_back, self._ceiling() - 1.0)
        interval_ms = _number(headers, "interval-milliseconds")
        if interval_ms is not None and interval_ms in _INTERVAL_MS:
            self._window_s = interval_ms / 1000
        daily = _number(headers, "daily-remaining")
        if daily is not None:
            self.daily_remaining = daily
            self.daily_limit = _number(headers, "daily") or self.daily_limit

    def _compare(self, now: float, headers: Mapping[str, str], since: float) -> None:
        """Compare the server's count with ours: it proves that ours have arrived, or that there are others.

        Others are held back for. As many more may hide behind those of ours that are still on the way, so these
        count as others' too.
        """
        remaining = _number(headers, "remaining")
        if remaining is None:
            return
        arrived = max(0, self._server_max - remaining) + self._out_of_window(since)
        proved = arrived - self._taken
        if proved > 0:
            self._distrust(now)
        elif now >= self._distrust_until and self._policy.share == 1.0 and _number(headers, "max"):
            self._arrivals.prove(now, arrived)
        seen = proved + self._taken - self._arrivals.answered if proved > 0 else 0
        if seen >= self._neighbours or now >= self._neighbours_until:
            self._neighbours, self._neighbours_until = seen, now + self._window_s


class Slot:
    """The permission to send one request, held while it is on the way."""

    def __init__(self, pacer: "Pacer", since: float) -> None:
        self._pacer = pacer
        self._since = since
        self._open = True

    def answered(self, headers: Mapping[str, str], *, refused: bool = False) -> None:
        """Note that the answer is there; `refused` says that it is a 429."""
        assert self._open
        self._open = False
        window = self._pacer.window
        window.answered(anyio.current_time(), headers, since=self._since, refused=refused)
        if self._pacer.told is not None:
            self._pacer.told(window.daily_remaining, window.daily_limit)
        self._pacer.wake()

    def close(self) -> None:
        """Give the slot up; without an answer it counts as sent just now."""
        if self._open:
            self._open = False
            self._pacer.window.abandoned(anyio.current_time())
            self._pacer.wake()


class Pacer:
    """Gives out the slots of a window, first come first served, to all who send to one account."""

    def __init__(
        self, window: RollingWindow | None = None, told: Callable[[int | None, int | None], None] | None = None
    ) -> None:
        """Give out the slots of `window`; `told` hears after each answer what is left of the day, and of how many."""
        self.window = window or RollingWindow()
        self.told = told
        self._turn = anyio.Lock(fast_acquire=True)  # who need not wait is not made to
        self._change: anyio.Event | None = None  # what the first in the queue waits for; None when nobody waits

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """Wait for a slot and hold it for the block, in which one request is sent and `Slot.answered` called.

        A cancelled waiter leaves nothing; a block that is left without an answer, in whatever way, gives its slot
        up one window later.
        """
        slot = await self.take()
        try:
            yield slot
        finally:
            slot.close()

    async def take(self) -> Slot:
        """Wait for a slot, which the caller closes. A cancelled waiter leaves nothing."""
        async with self._turn:
            await self._take()
        return Slot(self, anyio.current_time())

    def take_nowait(self) -> Slot | None:
        """Return a slot, which the caller closes, if there is one and nobody waits for it."""
        now = anyio.current_time()
        return None if self._turn.locked() or self.window.take(now) > 0 else Slot(self, now)

    def pause(self, seconds: float) -> None:
        """Let nobody send for `seconds`; those who wait go on afterwards in their order."""
        self.window.pause(anyio.current_time() + seconds)

    def wake(self) -> None:
        """Let the first in the queue look again."""
        if self._change is not None:
            self._change.set()

    @property
    def permitted_per_s(self) -> float:
        """Requests a second that this importer may use in the long run."""
        return self.window.permitted_per_s

    @property
    def idle_reason(self) -> str | None:
        """Why somebody waits just now, for people; None when nobody does."""
        return None if self._change is None else self.window.reason(anyio.current_time())

    async def _take(self) -> None:
        try:
            while (wait_s := self.window.take(anyio.current_time())) > 0:
                self._change = anyio.Event()
                with anyio.move_on_after(wait_s):
                    await self._change.wait()
        finally:
            self._change = None


def _number(headers: Mapping[str, str], name: str) -> int | None:
    """Return the count in a rate-limit header; None when it is missing or no sensible count."""
    text = headers.get(_HEADER + name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX else None
