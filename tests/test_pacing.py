"""The rate limit: never above it by the server's own count, near it in the long run, learning."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.pacing import RatePolicy, RollingWindow
from tests.rate_world import HEADER, Drive, Server


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
    assert server.accepted >= limit


@pytest.mark.parametrize(("limit", "latency_s"), [(100, 0.2), (190, 0.3), (250, 0.4)])
def test_nearly_all_of_the_permitted_rate_is_used(limit: int, latency_s: float) -> None:
    """With latencies far below the window, at least 95 % of what the server permits is sent, and nothing refused."""
    server = Server(limit)
    drive = Drive(RollingWindow(), server, lambda: (latency_s / 2, latency_s / 2, True))
    drive.run(until=600.0)
    assert server.refused == 0
    assert len(drive.sent) / (limit * 60) >= 0.95


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
        window.answered(0.0, {HEADER + name: value for name, value in headers.items()}, since=0.0)
        assert window.permitted_per_s == per_s
    assert window.daily_remaining == 77


def test_a_bound_of_the_user_holds_against_a_generous_server() -> None:
    """More than the user allows is never used; less than that is learned."""
    window = RollingWindow(RatePolicy(requests=20, fixed=True, share=0.5))
    assert window.permitted_per_s == 1.0
    for limit, per_s in (("190", 2.0), ("30", 1.5)):
        assert window.take(0.0) == 0.0
        window.answered(0.0, {f"{HEADER}max": limit}, since=0.0)
        assert window.permitted_per_s == per_s


def test_neighbours_are_noticed_before_they_hurt() -> None:
    """A server that counts more than we have sent is believed: only what is left is used, for one window."""
    window = RollingWindow()
    assert window.take(0.0) == 0.0
    window.answered(0.1, {f"{HEADER}max": "100", f"{HEADER}remaining": "9"}, since=0.0)
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
    window.answered(0.0, {}, since=0.0)
    assert window.take(5.0) == 0.0
    window.answered(10.5, {f"{HEADER}max": "100", f"{HEADER}remaining": "98"}, since=0.0)
    taken = 0
    while window.take(10.6) == 0.0:
        taken += 1
    assert taken == 99


def test_neighbours_who_leave_nothing_do_not_stop_us_for_ever() -> None:
    """With nothing left the next try comes when the neighbours' requests have left the window."""
    window = RollingWindow()
    assert window.take(0.0) == 0.0
    window.answered(0.0, {f"{HEADER}remaining": "0"}, since=0.0)
    wait = window.take(0.0)
    assert wait == pytest.approx(10.0)
    assert window.take(wait) == 0.0


def test_without_headers_a_lower_limit_is_found_by_refusals() -> None:
    """A silent server that permits half of what we assume soon refuses only a few percent."""
    server = Server(50, headers=False)
    drive = Drive(RollingWindow(), server, lambda: (0.05, 0.05, True))
    drive.run(until=1200.0)
    assert server.accepted / (50 * 120) > 0.8
    assert server.refused / len(drive.sent) < 0.1


def test_busy_neighbours_are_given_way() -> None:
    """Beside neighbours who use a third of the limit we take most of the rest and are refused rarely."""
    server = Server(100)
    drive = Drive(RollingWindow(), server, lambda: (0.05, 0.05, True))
    drive.neighbour(lambda: 0.3)
    drive.run(until=600.0)
    assert len(drive.sent) / (67 * 60) > 0.8
    assert server.refused / len(drive.sent) < 0.03
