"""How many of our requests have certainly reached the server, and since when. Pure.

HubSpot counts a request when it arrives, which we do not see; it lies between sending and answer. Two things tell:

- An answer: its request has arrived by then.
- The count in an answer. At some moment between the sending and the answer of one request, the server held `counted`
  requests in its window. Those that had left the window by then come on top, and they are at least as many as were
  certain one window before the sending. So by the answer at least the sum of both has arrived.

The second proves that slow requests have arrived before they are answered. It holds whatever the moment of the count
is, if all that was counted is ours.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any, Final

_FORGET_AT: Final = 4096  #: marks; fewer are not worth tidying up


class Arrivals:
    """A lower bound that only rises: (time, count) marks. Times are monotonic seconds and never go back."""

    def __init__(self) -> None:
        self._times = [float("-inf")]
        self._counts = [0]
        self._answered = 0

    @property
    def answered(self) -> int:
        """Requests that have ended, with an answer or without."""
        return self._answered

    def end(self, now: float) -> None:
        """Note that one request has ended: it arrived by `now`, or never does."""
        self._answered += 1
        self._mark(now, self._answered)

    def prove(self, now: float, count: int) -> None:
        """Note that at least `count` requests in all have arrived by `now`."""
        self._mark(now, count)

    def certain(self, at: float) -> int:
        """Return how many had certainly arrived by `at`; nothing is known any more of what was forgotten."""
        index = bisect_right(self._times, at)
        return self._counts[index - 1] if index else 0

    def since(self, count: int) -> float | None:
        """Return since when `count` requests have certainly arrived; None if they are not certain yet."""
        index = bisect_left(self._counts, count)
        return self._times[index] if index < len(self._counts) else None

    def saved(self) -> dict[str, Any]:
        """Return all that is known, ready for JSON."""
        return {"times": self._times, "counts": self._counts, "answered": self._answered}

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> "Arrivals":
        """Return what was saved. JSON knows no infinity: null stands for the time before all times."""
        arrivals = cls()
        arrivals._times = [float("-inf") if time is None else float(time) for time in saved["times"]]
        arrivals._counts, arrivals._answered = list(saved["counts"]), saved["answered"]
        return arrivals

    def forget(self, before: float, *, at: int = _FORGET_AT) -> None:
        """Drop what was known only before a moment, once there are `at` marks."""
        if len(self._times) >= at:
            index = max(bisect_right(self._times, before) - 1, 0)
            del self._times[:index]
            del self._counts[:index]

    def _mark(self, now: float, count: int) -> None:
        if count <= self._counts[-1]:
            return
        if now == self._times[-1]:
            self._counts[-1] = count
        else:
            self._times.append(now)
            self._counts.append(count)
