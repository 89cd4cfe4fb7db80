"""Ways to find the number of requests on their way, compared in a simulated world.

    python -m benchmarks.concurrency

The worlds: a server whose latency is constant, rises with its load, or rises beyond a knee; one that becomes five times
as slow after a minute; one that answers 423 while more than a dozen requests are there; 5xx for half a minute. A rate
limit of 19 requests a second is kept, or none. Each runs for four minutes. Use is answers, as a part of what the best
fixed number gets; latency and requests on their way are means over all requests and over time.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Protocol

from importer.concurrency import Concurrency, ConcurrencyPolicy

SECONDS, RATE = 240.0, 19.0


class Finder(Protocol):
    """Who finds the number."""

    @property
    def allowed(self) -> int:
        """Requests that may be on their way at once."""
        ...

    def answered(self, latency_s: float, permitted_per_s: float, *, full: bool) -> None:
        """Note an answer."""
        ...

    def overloaded(self) -> None:
        """Note an overload."""
        ...


class Gradient:
    """The other way: the number follows the slope between the long mean of the latency and each answer's.

    A latency up to `tolerance` times the mean counts as that. Overloads halve, once for all that is on its way.
    """

    def __init__(self, tolerance: float, *, start: int = 8, most: int = 64, smoothing: float = 0.2) -> None:
        self._limit, self._most, self._smoothing, self._tolerance = float(start), most, smoothing, tolerance
        self._weight = 2 / 601  # of an answer in the long mean: that of six hundred
        self._seen, self._long_s, self._stale = 0, 0.0, 0

    @property
    def allowed(self) -> int:
        """Requests that may be on their way at once."""
        return int(self._limit)

    def answered(self, latency_s: float, permitted_per_s: float, *, full: bool) -> None:
        """Note an answer: shrink by the slope, grow by the root of the number."""
        del permitted_per_s
        self._seen += 1
        self._stale = max(0, self._stale - 1)
        self._long_s += (latency_s - self._long_s) * max(self._weight, 1 / self._seen)
        if self._long_s > 2 * latency_s:
            self._long_s *= 0.9
        if full:
            slope = max(0.5, min(1.0, self._tolerance * self._long_s / latency_s))
            wanted = self._limit * slope + math.sqrt(self._limit)
            self._limit += (wanted - self._limit) * self._smoothing
            self._limit = max(1.0, min(self._limit, self._most))

    def overloaded(self) -> None:
        """Note an overload."""
        self._stale -= 1
        if self._stale < 0:
            self._stale = self.allowed
            self._limit = max(1.0, self._limit / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A server, and how fast it may be asked."""

    latency_s: Callable[[float, int], float]  #: by the time and the requests there, one's own included
    overload: Callable[[float, int], bool] = lambda _now, _there: False
    per_s: float = 100_000.0  #: permitted requests a second
    varying: bool = True  #: a latency is drawn: half to one and a half of what is said, 2 % three times that
    sigma: float = 0.0  #: or from a lognormal law of this sigma


@dataclass(slots=True)
class Seen:
    """What was seen of one world."""

    answers: int = 0
    overloads: int = 0
    latency_s: float = 0.0  #: sum over all requests
    busy_s: float = 0.0  #: integral of the requests on their way
    allowed: list[tuple[float, int]] = field(default_factory=list)  #: at each end of a request

    def allowed_at(self, at: float) -> int:
        """Return what was allowed at a moment."""
        return [number for when, number in self.allowed if when <= at][-1]


def live(world: World, finder: Finder, *, seconds: float = SECONDS, seed: str = "world") -> Seen:
    """Send as much as the finder and the rate allow for `seconds` of simulated time."""
    random, order, seen = Random(seed), count(), Seen()
    ends: list[tuple[float, int, float, bool]] = []  # of requests on their way: time, order, latency, overload
    now = next_at = 0.0
    while now < seconds:
        if len(ends) < finder.allowed and next_at <= now:
            next_at = max(now, next_at) + 1 / world.per_s
            there = len(ends) + 1
            latency = world.latency_s(now, there)
            if world.sigma:
                latency *= random.lognormvariate(-(world.sigma**2) / 2, world.sigma)
            elif world.varying:
                latency *= 3.0 if random.random() < 0.02 else random.uniform(0.5, 1.5)
            heappush(ends, (now + latency, next(order), latency, world.overload(now, there)))
            continue
        then = ends[0][0] if len(ends) >= finder.allowed else min([next_at, *(end[0] for end in ends[:1])])
        seen.busy_s += len(ends) * (then - now)
        now = then
        if ends and ends[0][0] <= now:
            full = len(ends) >= finder.allowed
            _, _, latency, overload = heappop(ends)
            seen.latency_s += latency
            if overload:
                seen.overloads += 1
                finder.overloaded()
            else:
                seen.answers += 1
                finder.answered(latency, world.per_s, full=full)
            seen.allowed.append((now, finder.allowed))
    return seen


WORLDS = {
    "constant, at the rate": World(latency_s=lambda _now, _there: 0.3, per_s=RATE),
    "slow, at the rate": World(latency_s=lambda _now, _there: 2.0, per_s=RATE),
    "1 ms, no rate": World(latency_s=lambda _now, _there: 0.001, per_s=100_000.0),
    "rising with load": World(latency_s=lambda _now, there: 0.1 * (1 + there / 16)),
    "a knee at 16": World(latency_s=lambda _now, there: 0.1 * max(1.0, there / 16)),
    "lognormal, at the rate": World(latency_s=lambda _now, _there: 0.33, per_s=RATE, sigma=1.0),
    "5 times as slow": World(latency_s=lambda now, _there: 0.3 if now < 60 else 1.5, per_s=RATE),
    "423 above 12": World(latency_s=lambda _now, _there: 0.3, overload=lambda _now, there: there > 12),
    "5xx for 30 s": World(latency_s=lambda _now, _there: 0.3, overload=lambda now, _there: 60 <= now < 90, per_s=RATE),
}


def duration(name: str) -> float:
    """Return the seconds for which a world is simulated; the quick one makes many requests."""
    return 5.0 if name.startswith("1 ms") else SECONDS


def fixed(number: int) -> Concurrency:
    """Return a number that never changes."""
    return Concurrency(ConcurrencyPolicy(workers=number))


def best(name: str) -> int:
    """Return the answers that the best fixed number gets."""
    return max(live(WORLDS[name], fixed(n), seconds=duration(name)).answers for n in (2, 4, 8, 12, 16, 24, 32, 48, 64))


def main() -> int:
    """Print the table."""
    print("| world | finder | use | latency, s | on their way | overloads |\n|---|---|---|---|---|---|")  # noqa: T201 - its output
    finders: dict[str, Callable[[], Finder]] = {
        "AIMD": Concurrency, "gradient 1": lambda: Gradient(1.0), "gradient 1.5": lambda: Gradient(1.5),
        "25": lambda: fixed(25),
    }  # fmt: skip
    for name, world in WORLDS.items():
        most = best(name)
        for title, make in finders.items():
            seen = live(world, make(), seconds=duration(name))
            ended = seen.answers + seen.overloads
            row = (f"{seen.answers / most:.2f}", f"{seen.latency_s / ended:.3f}",
                   f"{seen.busy_s / duration(name):.1f}", str(seen.overloads))  # fmt: skip
            print(f"| {name} | {title} | {' | '.join(row)} |")  # noqa: T201 - its output
    return 0


if __name__ == "__main__":
    sys.exit(main())
