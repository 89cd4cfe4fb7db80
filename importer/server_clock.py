"""What time it is at the server, within bounds, told from the `Date` headers of its answers. Pure.

A `Date` is written in whole seconds between the moment the request left and the moment its answer was there. So each
answer bounds the difference (server time minus our wall clock) from both sides, to about a second plus the time the
request took; a few answers narrow it down. Both clocks drift, so old bounds widen slowly; a wall clock that was set,
or a server whose clock was, contradicts them, and then the newest answer alone counts.
"""

from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

#: Two clocks part by at most so many seconds a second; real ones keep within a tenth of it.
DRIFT: Final = 200e-6
_RESOLUTION_S: Final = 1.0  # of a Date header


class ServerClock:
    """Bounds on the server's time, from as many answers as have been observed."""

    def __init__(self) -> None:
        self._least_s = 0.0  # server time minus our wall clock, at least
        self._most_s = 0.0  # the same, at most
        self._at: float | None = None  # wall time of the last observation; None before the first

    def observe(self, date_header: str | None, sent_wall: float, received_wall: float) -> None:
        """Take in the `Date` of one answer; `sent_wall` and `received_wall` are our epoch seconds around it.

        A missing or unreadable header, or a wall clock that was set back in between, says nothing and is passed over.
        """
        stamp = _epoch(date_header)
        if stamp is None or received_wall < sent_wall:
            return
        least, most = stamp - received_wall, stamp + _RESOLUTION_S - sent_wall
        if self._at is not None:
            aged = DRIFT * abs(received_wall - self._at)
            narrowed = max(least, self._least_s - aged), min(most, self._most_s + aged)
            if narrowed[0] <= narrowed[1]:
                least, most = narrowed
        self._least_s, self._most_s, self._at = least, most, received_wall

    def bounds(self, wall: float) -> tuple[float, float] | None:
        """Return the earliest and latest the server's clock can show at our wall time `wall`, epoch seconds.

        None before the first observation.
        """
        if self._at is None:
            return None
        aged = DRIFT * abs(wall - self._at)
        return wall + self._least_s - aged, wall + self._most_s + aged


@lru_cache(maxsize=8)  # all answers of a second say the same
def _epoch(date_header: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime(date_header or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
