"""The number of requests on their way: found in simulated worlds, and within its bounds whatever is answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.concurrency import RATE, WORLDS, Gradient, World, best, live
from importer.concurrency import Concurrency, ConcurrencyPolicy

POLICY = ConcurrencyPolicy()


@given(
    st.lists(
        st.tuples(st.none() | st.floats(0, 200), st.floats(0.01, 1e6), st.booleans()), max_size=400
    )
)  # fmt: skip
def test_the_number_stays_within_its_bounds(answers: list[tuple[float | None, float, bool]]) -> None:
    """Whatever comes, it is between least and most, and never rises at an overload."""
    found = Concurrency()
    for latency_s, permitted_per_s, full in answers:
        before = found.allowed
        if latency_s is None:
            found.overloaded()
            assert found.allowed <= before
        else:
            found.answered(latency_s, permitted_per_s, full=full)
            assert found.allowed <= 2 * before
        assert POLICY.least <= found.allowed <= POLICY.most


@given(st.integers(1, 1000), st.lists(st.none() | st.floats(0, 200), max_size=100))
def test_a_fixed_number_is_fixed(workers: int, answers: list[float | None]) -> None:
    """A number that was set stays, whatever comes."""
    found = Concurrency(ConcurrencyPolicy(workers=workers))
    for latency_s in answers:
        if latency_s is None:
            found.overloaded()
        else:
            found.answered(latency_s, 19.0, full=True)
        assert found.allowed == workers


@pytest.mark.parametrize("latency_s", [0.1, 0.3, 1.0, 1.5])
def test_little_s_law_bounds_the_number_at_the_rate(latency_s: float) -> None:
    """When the rate binds, all of it is used, with twice what Little's law needs and a few more allowed."""
    found = Concurrency()
    seen = live(World(latency_s=lambda _now, _there: latency_s, per_s=RATE, varying=False), found)
    assert seen.answers >= 0.98 * RATE * (240 - latency_s)
    assert RATE * latency_s <= found.allowed <= 2 * RATE * latency_s + POLICY.spare


def test_growth_is_quick_where_nothing_binds() -> None:
    """At a latency of 1 ms and no limit, the most is reached within a hundred answers."""
    found = Concurrency()
    seen = live(World(latency_s=lambda _now, _there: 0.001, varying=False), found, seconds=0.02)
    assert found.allowed == POLICY.most
    assert [number for _, number in seen.allowed].index(POLICY.most) < 100


def test_who_sends_less_than_is_allowed_is_not_allowed_more() -> None:
    """Without anybody who would send more, the number stays: nothing was learnt of more."""
    found = Concurrency()
    for _ in range(1_000):
        found.answered(1.0, 100.0, full=False)
    assert found.allowed == POLICY.start


@pytest.mark.parametrize(
    ("name", "use", "busy_most"),
    [("constant, at the rate", 0.99, 8), ("slow, at the rate", 0.96, 40),
     ("lognormal, at the rate", 0.99, 8), ("rising with load", 0.85, 50),
     ("a knee at 16", 0.97, 26), ("5 times as slow", 0.95, 26), ("423 above 12", 0.5, 12), ("5xx for 30 s", 0.96, 8)],
)  # fmt: skip
def test_each_world_is_used_well(name: str, use: float, busy_most: float) -> None:
    """Near what the best fixed number gets, without crowding the server."""
    seen = live(WORLDS[name], Concurrency())
    assert seen.answers >= use * best(name)
    assert seen.busy_s / 240 <= busy_most


def test_the_gradient_does_worse_where_it_matters() -> None:
    """What was refused: with tolerance it runs away beyond a knee and into 423; without, it sends too little."""
    ours = {name: live(WORLDS[name], Concurrency()) for name in WORLDS if name != "1 ms, no rate"}
    tolerant = {name: live(WORLDS[name], Gradient(1.5)) for name in ours}
    strict = {name: live(WORLDS[name], Gradient(1.0)) for name in ours}
    assert tolerant["a knee at 16"].busy_s > 2 * ours["a knee at 16"].busy_s
    assert tolerant["423 above 12"].overloads > 5 * ours["423 above 12"].overloads
    assert tolerant["5 times as slow"].answers < 0.95 * ours["5 times as slow"].answers
    assert strict["5 times as slow"].answers < 0.8 * ours["5 times as slow"].answers
    assert strict["rising with load"].answers < 0.9 * ours["rising with load"].answers


def test_an_outage_shrinks_and_recovery_grows() -> None:
    """While everything fails the least is left; half a minute later there are as many as before."""
    found = Concurrency()
    world = World(latency_s=lambda _now, _there: 0.8, overload=lambda now, _there: 60 <= now < 90, per_s=RATE)
    seen = live(world, found)
    assert seen.allowed_at(59.0) > RATE * 0.8
    assert seen.allowed_at(89.0) == POLICY.least
    assert seen.allowed_at(150.0) > RATE * 0.8


def test_latency_that_is_our_own_doing_is_sent_away() -> None:
    """Beyond a knee latency rises, and falls when less is sent: the number stays near the knee, not at the most."""
    found = Concurrency()
    seen = live(World(latency_s=lambda _now, there: 0.1 * max(1.0, there / 16), varying=False), found)
    assert seen.latency_s / seen.answers < 0.2
    assert all(number <= 48 for at, number in seen.allowed if at > 10)
