"""Rate limits as HubSpot counts them: a rolling window and a daily quota, counted at a request's arrival. Pure.

Refused requests do not fill the window: HubSpot documents neither, and this is what its headers suggest.
"""

from collections import deque
from typing import Final

DAILY: Final = "DAILY"
ROLLING: Final = "TEN_SECONDLY_ROLLING"


class Limits:
    """Counts arrivals. `most` in any `interval_s` and `daily` in all; None means without a limit.

    `daily_used` is what other integrations of the account have used; after `daily_reset_s` the day begins anew.
    """

    def __init__(
        self,
        *,
        most: int | None,
        interval_s: float,
        daily: int | None,
        daily_used: int,
        daily_reset_s: float | None,
        now: float,
    ) -> None:
        self._most = most
        self._interval_s = interval_s
        self._daily = daily
        self._used_today = daily_used
        self._reset_at = None if daily_reset_s is None else now + daily_reset_s
        self._arrivals: deque[float] = deque()

    @property
    def used_today(self) -> int:
        """Requests counted against the daily quota."""
        return self._used_today

    def arrive(self, now: float) -> str | None:
        """Count a request that arrives at `now` (monotonic seconds); return the policy that refuses it, or None."""
        if self._reset_at is not None and now >= self._reset_at:
            self._used_today, self._reset_at = 0, None
        while self._arrivals and self._arrivals[0] <= now - self._interval_s:
            self._arrivals.popleft()
        if self._daily is not None and self._used_today >= self._daily:
            return DAILY
        if self._most is not None and len(self._arrivals) >= self._most:
            return ROLLING
        self._used_today += 1
        if self._most is not None:
            self._arrivals.append(now)
        return None

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return HubSpot's rate-limit headers as they stand after the last arrival."""
        made: list[tuple[str, str]] = []
        if self._most is not None:
            made += [
                ("X-HubSpot-RateLimit-Max", str(self._most)),
                ("X-HubSpot-RateLimit-Remaining", str(self._most - len(self._arrivals))),
                ("X-HubSpot-RateLimit-Interval-Milliseconds", str(int(self._interval_s * 1000))),
            ]
        if self._daily is not None:
            made += [
                ("X-HubSpot-RateLimit-Daily", str(self._daily)),
                ("X-HubSpot-RateLimit-Daily-Remaining", str(max(0, self._daily - self._used_today))),
            ]
        return tuple(made)
