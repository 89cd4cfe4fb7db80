"""A server that counts arrivals as HubSpot does, and a client that sends as fast as its window permits."""

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from random import Random

from importer.pacing import RollingWindow

HEADER = "x-hubspot-ratelimit-"
Latency = Callable[[], tuple[float, float, bool]]  #: seconds to the server, seconds back, whether the answer comes


class Server:
    """Counts arrivals in a rolling window as HubSpot does and refuses what is too many.

    Its clock runs `fast` times as fast as the client's. With `late` an answer shows the count as it leaves, not as it
    was when its request arrived.
    """

    def __init__(
        self, requests_max: int, window_s: float = 10.0, *, headers: bool = True, fast: float = 1.0, late: bool = False
    ) -> None:
        self.requests_max = requests_max
        self.window_s = window_s
        self.headers = headers
        self.fast = fast
        self.late = late
        self.arrivals: deque[float] = deque()  # in the window, by its own clock
        self.accepted = 0
        self.refused = 0

    def arrive(self, now: float) -> tuple[bool, dict[str, str]]:
        """Count one request; return whether it is refused, and the headers of the answer."""
        self.forget(now)
        refused = len(self.arrivals) >= self.requests_max
        self.refused += refused
        if not refused:
            self.arrivals.append(now * self.fast)
            self.accepted += 1
        return refused, self.shown(now)

    def forget(self, now: float) -> None:
        """Let what has left the window go."""
        while self.arrivals and self.arrivals[0] <= now * self.fast - self.window_s:
            self.arrivals.popleft()

    def shown(self, now: float) -> dict[str, str]:
        """Return the headers as they stand now."""
        self.forget(now)
        shown = {
            f"{HEADER}max": str(self.requests_max),
            f"{HEADER}remaining": str(self.requests_max - len(self.arrivals)),
            f"{HEADER}interval-milliseconds": str(int(self.window_s * 1000)),
            f"{HEADER}daily-remaining": "1000",
        }
        return shown if self.headers else {}


class Drive:
    """Sends as fast as a window lets it, in virtual time, with at most `workers` requests under way."""

    def __init__(self, window: RollingWindow, server: Server, latency: Latency, *, workers: int = 1_000) -> None:
        self.window = window
        self.server = server
        self.latency = latency
        self.free = workers
        self.now = 0.0
        self.sent: list[float] = []
        self.refused = 0
        self.order = count()
        self.events: list[tuple[float, int, Callable[[], None]]] = []

    def at(self, time: float, act: Callable[[], None]) -> None:
        """Do `act` at `time`."""
        heappush(self.events, (time, next(self.order), act))

    def send(self) -> None:
        """Let one request go, whose slot has just been taken."""
        going, coming, through = self.latency()
        since = self.now
        self.sent.append(self.now)
        self.free -= 1

        def arrive() -> None:
            refused, headers = self.server.arrive(self.now)
            self.refused += refused
            self.at(self.now + coming, lambda: answer(headers, refused))

        def answer(headers: dict[str, str], refused: bool) -> None:
            self.free += 1
            if through:
                headers = self.server.shown(self.now) if self.server.late else headers
                self.window.answered(self.now, headers, since=since, refused=refused)
            else:
                self.window.abandoned(self.now)

        self.at(self.now + going, arrive)

    def neighbour(self, pause_s: Callable[[], float]) -> None:
        """Let somebody else send one request now, and another one later."""
        self.server.arrive(self.now)
        self.at(self.now + pause_s(), lambda: self.neighbour(pause_s))

    def run(self, until: float) -> None:
        """Go on until then."""
        while self.now < until:
            wait_s = self.window.take(self.now) if self.free else float("inf")
            if wait_s == 0.0:
                self.send()
            elif self.events and self.events[0][0] <= self.now + wait_s:
                self.now, _, act = heappop(self.events)
                act()
            else:
                self.now += wait_s

    def use(self, windows: int) -> float:
        """Return the part of the permitted rate that was used, without the first windows.

        Counted in whole limits: requests n, n + limit, n + 2 limit, ... lie one window apart when all is used. Else
        the result would depend on whether the end of the time meets a burst.
        """
        limit = self.server.requests_max
        first = windows * limit
        last = first + (len(self.sent) - 1 - first) // limit * limit
        return (last - first) / limit * self.server.window_s / (self.sent[last] - self.sent[first])


def law(kind: str, random: Random) -> Latency:
    """Return a law of latency, by name; requests arrive soon after they were sent.

    `tail` and `wide tail` are uniform but for 2 %, which take up to 3 s.
    """

    def seconds() -> float:
        if kind == "constant":
            return 0.2
        if kind == "exponential":
            return 0.05 + random.expovariate(1 / 0.2)
        longest = 0.5 if kind == "wide tail" else 0.3
        if kind.endswith("tail") and random.random() < 0.02:
            return random.uniform(longest, 3.0)
        return random.uniform(0.1, longest)

    def latency() -> tuple[float, float, bool]:
        whole, going = seconds(), random.uniform(0.02, 0.05)
        return going, whole - going, True

    return latency
