"""The rate limit: never above it by the server's own count, near it in the long run, learning."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.pacing import RatePolicy, RollingWindow

HEADER = "x-hubspot-ratelimit-"


class Server:
    """Counts arrivals in a rolling window as HubSpot does and refuses what is too many."""

    def __init__(self, requests_max: int, window_s: float = 10.0, *, headers: bool = True) -> None:
        self.requests_max = requests_max
        self.window_s = window_s
        self.headers = headers
        self.arrivals: list[float] = []
        self.refused = 0

    def arrive(self, now: float) -> tuple[bool, dict[str, str]]:
        """Count one request; return whether it is refused, and the headers of the answer."""
        recent = self.recent(now)
        refused = recent >= self.requests_max
        self.refused += refused
        if not refused:
            self.arrivals.append(now)
        left = self.requests_max - recent - (not refused)
        shown = {
            f"{HEADER}max": str(self.requests_max),
            f"{HEADER}remaining": str(left),
            f"{HEADER}interval-milliseconds": str(int(self.window_s * 1000)),
            f"{HEADER}daily-remaining": "1000",
        }
        return refused, shown if self.headers else {}

    def recent(self, now: float) -> int:
        """Return how many requests arrived in the window that ends now."""
        return sum(1 for arrival in self.arrivals[-2 * self.requests_max :] if arrival >= now - self.window_s)


class Drive:
    """Sends as fast as a window lets it, in virtual time.

    `latency` gives the seconds to the server, the seconds back, and whether the answer gets through.
    """

    def __init__(self, window: RollingWindow, server: Server, latency: Callable[[], tuple[float, float, bool]]) -> None:
        self.window = window
        self.server = server
        self.latency = latency
        self.now = 0.0
        self.sent = 0
        self.order = count()
        self.events: list[tuple[float, int, Callable[[], None]]] = []

    def at(self, time: float, act: Callable[[], None]) -> None:
        """Do `act` at `time`."""
        heappush(self.events, (time, next(self.order), act))

    def send(self) -> None:
        """Let one request go, whose slot has just been taken."""
        going, coming, through = self.latency()
        since = self.window.freed
        self.sent += 1

        def arrive() -> None:
            refused, headers = self.server.arrive(self.now)
            self.at(self.now + coming, lambda: answer(headers, refused))

        def answer(headers: dict[str, str], refused: bool) -> None:
            if through:
                self.window.answered(self.now, headers, since=since, refused=refused)
            else:
                self.window.abandoned(self.now)

        self.at(self.now + going, arrive)

    def neighbour(self, every_s: float) -> None:
        """Let somebody else send one request now, and another one later."""
        self.server.arrive(self.now)
        self.at(self.now + every_s, lambda: self.neighbour(every_s))

    def run(self, until: float) -> None:
        """Go on until then."""
        while self.now < until:
            wait_s = self.window.take(self.now)
            if wait_s == 0.0:
                self.send()
            elif self.events and self.events[0][0] <= self.now + wait_s:
                self.now, _, act = heappop(self.events)
                act()
            else:
                self.now += wait_s


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 30), st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 3.0, 25.0]), st.booleans())
def test_the_server_never_counts_too_many(limit: int, seed: int, slowest: float, headers: bool) -> None:
    """Whatever the latencies and lost answers, no window of the server's holds more arrivals than it permits."""
    random = Random(seed)
    server = Server(limit, headers=headers)

    def latency() -> tuple[float, float, bool]:
        return random.uniform(0, slowest), random.uniform(0, slowest), random.random() < 0.9

    Drive(RollingWindow(RatePolicy(requests=limit)), server, latency).run(until=120.0)
    assert server.refused == 0
    assert len(server.arrivals) >= limit


@pytest.mark.parametrize(("limit", "latency_s"), [(100, 0.2), (190, 0.3), (250, 0.4)])
def test_nearly_all_of_the_permitted_rate_is_used(limit: int, latency_s: float) -> None:
    """With latencies far below the window, at least 95 % of what the server permits is sent, and nothing refused."""
    server = Server(limit)
    drive = Drive(RollingWindow(), server, lambda: (latency_s / 2, latency_s / 2, True))
    drive.run(until=600.0)
    assert server.refused == 0
    assert drive.sent / (limit * 60) >= 0.95


def test_the_limit_is_learned_up_and_down() -> None:
    """The server's own number counts, and its own window; odd numbers say nothing."""
    window = RollingWindow()
    assert window.permitted_per_s == 10.0
    for headers, per_s in (
        ({"max": "190"}, 19.0),
        ({"max": "40", "interval-milliseconds": "1000"}, 40.0),
        ({"max": "0", "interval-milliseconds": "1"}, 40.0),
        ({"max": "-3", "interval-milliseconds": "x", "daily-remaining": "77"}, 40.0),
        ({"max": "9" * 5000}, 40.0),
    ):
        assert window.take(0.0) == 0.0
        window.answered(0.0, {HEADER + name: value for name, value in headers.items()})
        assert window.permitted_per_s == per_s
    assert window.daily_remaining == 77


def test_a_bound_of_the_user_holds_against_a_generous_server() -> None:
    """More than the user allows is never used; less than that is learned."""
    window = RollingWindow(RatePolicy(requests=20, fixed=True, share=0.5))
    assert window.permitted_per_s == 1.0
    for limit, per_s in (("190", 2.0), ("30", 1.5)):
        assert window.take(0.0) == 0.0
        window.answered(0.0, {f"{HEADER}max": limit})
        assert window.permitted_per_s == per_s


def test_neighbours_are_noticed_before_they_hurt() -> None:
    """A server that counts more than we have sent is believed: only what is left is used, for one window."""
    window = RollingWindow()
    assert window.take(0.0) == 0.0
    window.answered(0.1, {f"{HEADER}max": "100", f"{HEADER}remaining": "9"})
    taken = 0
    while window.take(0.2) == 0.0:
        taken += 1
    assert taken == 9
    assert "other integrations" in window.reason(0.2)
    assert window.take(10.2) == 0.0


def test_our_own_requests_are_not_taken_for_neighbours() -> None:
    """What the server counted of ours while a request was on the way counts as ours, though its slot is free now."""
    window = RollingWindow()
    assert window.take(0.0) == 0.0
    window.answered(0.0, {})
    assert window.take(5.0) == 0.0
    window.answered(10.5, {f"{HEADER}max": "100", f"{HEADER}remaining": "98"}, since=0)
    taken = 0
    while window.take(10.6) == 0.0:
        taken += 1
    assert taken == 99


def test_neighbours_who_leave_nothing_do_not_stop_us_for_ever() -> None:
    """With nothing left the next try comes when the neighbours' requests have left the window."""
    window = RollingWindow()
    assert window.take(0.0) == 0.0
    window.answered(0.0, {f"{HEADER}remaining": "0"})
    wait = window.take(0.0)
    assert wait == pytest.approx(10.0)
    assert window.take(wait) == 0.0


def test_without_headers_a_lower_limit_is_found_by_refusals() -> None:
    """A silent server that permits half of what we assume soon refuses only a few percent."""
    server = Server(50, headers=False)
    drive = Drive(RollingWindow(), server, lambda: (0.05, 0.05, True))
    drive.run(until=1200.0)
    assert len(server.arrivals) / (50 * 120) > 0.8
    assert server.refused / drive.sent < 0.1


def test_busy_neighbours_are_given_way() -> None:
    """Beside neighbours who use a third of the limit we take most of the rest and are refused rarely."""
    server = Server(100)
    drive = Drive(RollingWindow(), server, lambda: (0.05, 0.05, True))
    drive.neighbour(every_s=0.3)
    drive.run(until=600.0)
    assert drive.sent / (67 * 60) > 0.8
    assert server.refused / drive.sent < 0.03
