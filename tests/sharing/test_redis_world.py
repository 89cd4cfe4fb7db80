"""The laws of a limit in Redis, in simulated time: whatever Redis forgets, nobody is ever over, and it is well used."""

from functools import partial
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.pacing import RatePolicy
from importer.sharing.limit import MARGIN_S
from tests.depth import examples
from tests.rate_world import Latency, Server, law
from tests.sharing.redis_ground import FakeRedis, FakeRedisStore
from tests.sharing.shared_world import World

LIMIT = 190


def world(latency: Latency, limit: int = LIMIT) -> tuple[World, FakeRedis]:
    """Return a world whose processes share a limit in Redis, and that."""
    one = World(Server(limit), latency, seed="redis", policy=RatePolicy(requests=limit, margin_s=MARGIN_S))
    store = FakeRedisStore(clock=lambda: one.wall(0.0))
    one.store = store
    return one, store.server


def kept_to(one: World, limit: int = LIMIT) -> None:
    """Check that no window held too many and nothing was refused."""
    assert one.most() <= limit
    assert one.refused == 0


def test_three_processes_use_the_rate_after_one_window() -> None:
    """The first use of a key waits for a window, since it may have been forgotten; then the rate is used."""
    one, _ = world(law("tail", Random(1)))
    processes = [one.process(name) for name in "abc"]
    one.run(9.9)
    assert not one.arrived
    one.run(90.0)
    kept_to(one)
    assert one.use(LIMIT) >= 0.94
    assert min(process.sent for process in processes) > 300


@pytest.mark.parametrize("forgotten", [0, 1, 2, 40, 400])
def test_a_restart_with_an_older_state_is_noticed(forgotten: int) -> None:
    """It comes back empty, or with what stood there some turns ago: all pause for a window, and nobody goes over."""
    one, redis = world(law("tail", Random(2)))
    for name in "abc":
        one.process(name)
    one.run(45.0)
    redis.restart(forgotten)
    one.run(46.0)
    sent = len(one.arrived)
    one.run(54.5)
    assert len(one.arrived) == sent
    one.run(110.0)
    kept_to(one)
    assert len(one.arrived) > sent + 700


def test_while_redis_is_away_nobody_sends() -> None:
    """For half a minute it cannot be asked: no request leaves, and afterwards all goes on without a pause."""
    one, redis = world(law("tail", Random(3)))
    for name in "abc":
        one.process(name)
    one.run(30.0)
    redis.away = True
    one.run(32.0)
    before = len(one.arrived)
    one.run(60.0)
    assert len(one.arrived) == before
    redis.away = False
    one.run(70.0)
    assert len(one.arrived) > before + 100
    one.run(100.0)
    kept_to(one)


def test_a_process_that_dies_in_its_turn_holds_the_others_up_for_two_seconds() -> None:
    """It has begun a turn and never ends it: the turn is taken from it, and what it writes later is not taken."""
    one, redis = world(law("constant", Random(4)))
    for name in "ab":
        one.process(name)
    one.run(40.0)
    state = redis.state
    redis.turn = "dead", redis.now() + 2.0
    one.run(41.9)
    assert redis.state == state
    one.run(50.0)
    assert redis.state != state
    one.run(90.0)
    kept_to(one)
    assert one.use(LIMIT) >= 0.85


EVENTS = st.tuples(
    st.floats(1, 80),
    st.one_of(
        st.tuples(st.just("restart"), st.integers(0, 60)),
        st.tuples(st.just("away"), st.floats(0.1, 40)),
        st.tuples(st.just("answers"), st.integers(1, 6)),
        st.tuples(st.just("clock"), st.sampled_from([-3600.0, -1.0, 1.0, 3600.0])),
    ),
)


@settings(deadline=None, max_examples=examples(10, deep=1_000))
@given(
    limit=st.integers(1, 12),
    ways=st.lists(st.tuples(st.floats(0, 12), st.booleans()), min_size=1, max_size=30),
    crew=st.lists(st.tuples(st.integers(1, 8), st.sampled_from([None, "one"])), min_size=1, max_size=4),
    events=st.lists(EVENTS, max_size=5),
)
def test_never_over_whatever_redis_does(
    limit: int,
    ways: list[tuple[float, bool]],
    crew: list[tuple[int, str | None]],
    events: list[tuple[float, tuple[str, float]]],
) -> None:
    """Restarts with older states, outages, lost answers, clocks that are set: no window ever holds too many."""
    turns = iter(range(1_000_000))

    def latency() -> tuple[float, float, bool]:
        seconds, through = ways[next(turns) % len(ways)]
        return min(seconds * 0.3, 1.0), seconds, through

    one, redis = world(latency, limit)
    for number, (workers, host) in enumerate(crew):
        one.process(f"p{number}", workers=workers, host=host)

    def happens(kind: str, much: float) -> None:
        if kind == "restart":
            redis.restart(int(much))
        elif kind == "away":
            redis.away = True
            one.at(one.now + much, lambda: setattr(redis, "away", False))
        elif kind == "answers":
            redis.loses_answers = int(much)
        else:
            one.clock_jump_s += much

    for at, (kind, much) in events:
        one.at(at, partial(happens, kind, much))
    one.run(120.0)
    kept_to(one, limit)
