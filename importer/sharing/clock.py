"""One clock for several processes whose own clocks may disagree or jump. Pure.

The shared time is that of the place where the state is kept (`wall`: the clock of the file system, or of Redis), as
long as it goes as fast as the time of each process (`elapsed`: its monotonic clock). It never goes back and never runs
ahead: between two turns of a process at most as much time passes as by its own clock. A clock that goes too slowly
only costs waiting; one that runs ahead would free slots too early.
"""

from collections.abc import Mapping
from typing import Any, Final

UNSURE_S: Final = 10.0  #: by which two clocks may disagree, if each is at most 5 s wrong


class SharedClock:
    """What one process knows of the shared time."""

    def __init__(self, host: str | None) -> None:
        """Know nothing yet; processes of one `host` have one monotonic clock (None: it cannot be told)."""
        self._host = host
        self._seen: tuple[str, float, float] | None = None  # book, shared time and own time of its last turn

    def read(self, state: dict[str, Any], wall: float, elapsed: float) -> float:
        """Return the shared time, in seconds, and note it in `state`, of which this is the next turn.

        `wall` may come from different clocks in different processes; `elapsed` is this process's own.
        """
        last: float | None = state["last"]
        now: float = wall + state["offset"]
        if last is not None:
            if now < last:  # the clock was set back, or is another one
                state["offset"] += last - now
                now = last
            now = max(last, min(now, self._latest(state, last, now, elapsed)))
        state["last"], state["host"], state["elapsed"] = now, self._host, elapsed
        return now

    def note(self, book: str, now: float, elapsed: float) -> None:
        """Note that the turn at `now` stands."""
        self._seen = book, now, elapsed

    def _latest(self, state: Mapping[str, Any], last: float, now: float, elapsed: float) -> float:
        """Return the latest that it can be."""
        if self._host is not None and state["host"] == self._host and elapsed >= state["elapsed"]:
            return last + (elapsed - float(state["elapsed"]))
        if self._seen is None or self._seen[0] != state["book"]:
            return now - UNSURE_S
        _, seen, then = self._seen
        return seen + (elapsed - then)
