"""How many requests may be on their way at once. Pure.

Little's law says how many are needed: permitted requests a second times latency; more would only wait for the rate
limit. How many are *borne* is found by additive increase and multiplicative decrease: doubled at first, then one more
each round; halved, once for all that is on its way, by an answer that means overload (423, 5xx, none at all) and when
latency rises. Latency that stays high although less is sent is not our doing: it becomes the new normal, and Little's
law asks for more.

A round is as many answers as there may be requests on their way. What was sent before the number was halved or doubled
belongs to no round.
"""

from dataclasses import dataclass
from statistics import fmean, median
from typing import Final

_NOISE_S: Final = 0.005  # shorter latencies are the noise of our own event loop


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyPolicy:
    """How the number of requests on their way is found."""

    workers: int | None = None  #: so many, whatever happens; None: find the number
    start: int = 8  #: to begin with
    least: int = 2  #: never fewer, so that recovery is noticed
    most: int = 64  #: never more
    round_min: int = 16  #: answers in a round, at least: fewer say little of a latency
    headroom: float = 2.0  #: factor on what Little's law needs, since latencies vary
    spare: int = 4  #: and so many more
    rising: float = 2.0  #: a latency so many times the normal one is rising
    halved: float = 0.5  #: factor on the number after an overload, and when latency rises
    helped: float = 0.75  #: to this part latency has to fall then, else the rise is not our doing

    @property
    def tasks(self) -> int:
        """The most requests that can ever be on their way."""
        return self.workers or self.most

    @property
    def doubts_max(self) -> int:
        """Batches in doubt beyond which nothing more is sent."""
        return 2 * self.workers if self.workers else self.most


class Concurrency:
    """The state of one run."""

    def __init__(self, policy: ConcurrencyPolicy | None = None) -> None:
        self._policy = policy or ConcurrencyPolicy()
        self._allowed = float(self._policy.workers or self._policy.start)
        self._doubling = True
        self._latencies: list[float] = []  # of the round, seconds
        self._full = 0  # answers of the round at which all that was allowed was on its way
        self._level_s: float | None = None  # smoothed median latency
        self._normal_s = float("inf")  # the lowest such level
        self._before_s: float | None = None  # median of the round that lowered the number
        self._stale = 0  # requests still to end that were sent before the number was last halved or doubled

    @property
    def allowed(self) -> int:
        """Requests that may be on their way at once."""
        return int(self._allowed)

    def answered(self, latency_s: float, permitted_per_s: float, *, full: bool) -> None:
        """Note an answer that took `latency_s`; `full` says that all that is allowed was on its way."""
        if self._policy.workers is not None or self._was_stale():
            return
        self._latencies.append(latency_s)
        self._full += full
        if len(self._latencies) >= max(self._policy.round_min, self.allowed):
            self._end_round(permitted_per_s)

    def overloaded(self) -> None:
        """Note an answer that says that the server has too much to do, or none at all."""
        if self._policy.workers is not None or self._was_stale():
            return
        self._before_s = None
        self._halve()

    def _was_stale(self) -> bool:
        self._stale -= self._stale > 0
        return self._stale > 0

    def _halve(self) -> None:
        """Allow fewer; what was sent before tells nothing new."""
        self._stale = self.allowed
        self._allowed = max(self._policy.least, self._allowed * self._policy.halved)
        self._doubling, self._full = False, 0
        self._latencies.clear()

    def _end_round(self, permitted_per_s: float) -> None:
        policy, taken_s = self._policy, median(self._latencies)
        self._level_s = taken_s if self._level_s is None else (self._level_s + taken_s) / 2
        if self._before_s is not None and taken_s > self._before_s * policy.helped:
            self._normal_s, self._level_s, self._doubling = taken_s, taken_s, True
        self._before_s = None
        self._normal_s = min(self._normal_s, self._level_s)
        binds = 2 * self._full >= len(self._latencies)  # else fewer would change nothing
        if binds and self._level_s > policy.rising * max(self._normal_s, _NOISE_S):
            self._before_s = self._level_s = taken_s
            self._halve()
            return
        if self._full and self._doubling:
            self._stale = self.allowed
            self._allowed *= 2
        elif self._full:
            self._allowed += 1
        needed = policy.headroom * permitted_per_s * fmean(self._latencies) + policy.spare
        self._allowed = max(policy.least, min(self._allowed, needed, policy.most))
        self._full = 0
        self._latencies.clear()
