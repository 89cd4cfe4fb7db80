"""The laws of a limit that processes share, in simulated time: never over, well used, fair, and death frees."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.pacing import RatePolicy
from importer.sharing.limit import MARGIN_S
from importer.sharing.window import LEASE_S
from tests.depth import examples, seconds
from tests.rate_world import Server, law
from tests.sharing.shared_world import Process, World

LIMIT = 190
FOUR = ("a", "b", "c", "d")


def world(kind: str, *, headers: bool = True) -> World:
    """Return a world in which the law of latency named `kind` rules."""
    return World(Server(LIMIT, headers=headers), law(kind, Random(kind)), seed=f"{kind} {headers}")


def kept_to(world: World, limit: int = LIMIT) -> None:
    """Check that no window held too many and nothing was refused."""
    assert world.most() <= limit
    assert world.refused == 0


def test_four_processes_one_of_which_is_killed() -> None:
    """Latencies with tails, a death and another process instead: never over, well used, and fair."""
    one = world("wide tail")
    processes = [one.process(name) for name in FOUR]

    def instead() -> None:
        one.kill(processes[1])
        one.at(one.now + 5.0, lambda: processes.append(one.process("instead")))

    one.at(80.0, instead)
    one.run(240.0)
    kept_to(one)
    assert one.use(LIMIT) >= 0.94
    a, _, c, d, _ = [process.sent for process in processes]
    assert max(a, c, d) - min(a, c, d) <= 0.03 * a


@pytest.mark.parametrize("kind", ["constant", "exponential", "tail"])
@pytest.mark.parametrize("headers", [True, False], ids=["headers", "no headers"])
def test_minutes_of_four_processes(kind: str, headers: bool) -> None:
    """Whatever the latencies, with the server's count or without: never over, and more than 0.9 of the rate is used."""
    one = world(kind, headers=headers)
    one.policy = RatePolicy(requests=LIMIT, margin_s=one.policy.margin_s)
    for name in FOUR:
        one.process(name)
    one.run(seconds(45.0, deep=90.0))
    kept_to(one)
    assert one.use(LIMIT) >= 0.94


@pytest.mark.parametrize("skews", [(-5.0, 0.0, 5.0, 2.0), (5.0, 5.0, -5.0, -5.0), (0.0, 0.3, -0.3, 0.1)])
def test_clocks_that_disagree(skews: tuple[float, ...]) -> None:
    """Hosts whose clocks are up to 5 s apart, and a process that comes late: never over, hardly any slower."""
    one = world("wide tail")
    processes = [one.process(name, skew_s=skew_s) for name, skew_s in zip(FOUR[:3], skews, strict=False)]
    one.at(35.0, lambda: processes.append(one.process("d", skew_s=skews[3])))
    one.run(seconds(70.0, deep=120.0))
    kept_to(one)
    assert one.use(LIMIT) >= 0.9


@pytest.mark.parametrize("jump_s", [-3_600.0, -1.0, 1.0, 3_600.0])
def test_a_clock_that_is_set(jump_s: float) -> None:
    """The storage's clock is set by an hour or a second while four processes send: never over, and nobody stalls."""
    one = world("tail")
    for name in FOUR:
        one.process(name)

    def jump() -> None:
        one.clock_jump_s = jump_s

    one.at(31.0, jump)
    one.run(seconds(60.0, deep=120.0))
    kept_to(one)
    assert one.use(LIMIT) >= 0.9


def test_what_a_dead_process_held_is_free_after_its_lease() -> None:
    """Killed while it has all slots and no answer, it holds up the others for its lease and a window, not longer."""
    one = World(Server(10), lambda: (0.05, 1_000.0, True), seed="dead", policy=RatePolicy(requests=10))
    dying = one.process("dying", workers=10)
    one.run(1.0)
    assert dying.sent == 10
    one.kill(dying)
    one.latency = lambda: (0.05, 0.05, True)
    heir = one.process("heir")
    one.run(LEASE_S)
    assert heir.sent == 0
    one.run(LEASE_S + 12.0)
    assert heir.sent == 10
    kept_to(one, 10)


def test_a_process_that_is_frozen_and_wakes_counts_what_it_holds() -> None:
    """Frozen beyond its lease it is taken for dead; awake, it hands over its answers, and the count is right again."""
    one = world("constant")
    sleeper, other = one.process("sleeper"), one.process("other")
    one.run(30.0)
    while not sleeper.held:
        one.run(one.now + 0.05)
    sleeper.frozen_until = 100.0
    one.run(99.0)
    before = other.sent
    one.run(150.0)
    kept_to(one)
    assert sleeper.flying <= sleeper.workers
    assert other.sent > before
    assert abs(sum(process.held for process in (sleeper, other)) - sleeper.flying - other.flying) \
        <= len(sleeper.ended) + len(other.ended)  # fmt: skip


def test_a_refusal_of_one_holds_back_all() -> None:
    """Somebody outside uses a part of the account: what one process learns from it the other keeps to as well."""
    one = world("constant")
    for name in ("a", "b"):
        one.process(name)

    def neighbour() -> None:
        one.server.arrive(one.now)
        one.at(one.now + 0.1, neighbour)

    neighbour()
    one.run(40.0)
    sent, refused = len(one.arrived), one.refused
    one.run(200.0)
    assert (one.refused - refused) / (len(one.arrived) - sent) < 0.02
    assert 0.35 <= one.use(LIMIT) <= 0.5


@pytest.mark.parametrize("left", [None, b"", b"{}", b'{"schema":1}\n00000000\n'])
def test_a_state_that_is_lost_begins_anew_with_a_pause(left: bytes | None) -> None:
    """The file is deleted or torn in mid flight: those who knew it pause for a window, register, and stay within."""
    one = world("tail")
    processes: list[Process] = [one.process(name) for name in FOUR]
    one.run(45.0)
    sent = sum(process.sent for process in processes)
    one.store.kept = left
    one.run(54.5)
    assert sum(process.sent for process in processes) - sent <= 4
    one.run(120.0)
    kept_to(one)
    assert sum(process.sent for process in processes) > sent + 500


def test_nobody_sends_while_the_store_cannot_be_asked() -> None:
    """For half a minute every turn fails: no request leaves, what has ended is handed over afterwards."""
    one = world("tail")
    for name in FOUR:
        one.process(name)
    one.run(30.0)
    one.store.broken = True
    one.run(32.0)
    before = len(one.arrived)
    one.run(60.0)
    assert len(one.arrived) == before
    one.store.broken = False
    one.run(120.0)
    kept_to(one)
    assert len(one.arrived) > before + 500


@settings(deadline=None, max_examples=examples(10, deep=500))
@given(
    limit=st.integers(1, 12),
    ways=st.lists(st.tuples(st.floats(0, 12), st.floats(0, 1), st.booleans()), min_size=1, max_size=30),
    crew=st.lists(
        st.tuples(st.floats(-5, 5), st.integers(1, 8), st.sampled_from([None, "one"])), min_size=1, max_size=4
    ),
    death=st.floats(1, 60),
)
def test_never_over_whatever_happens(
    limit: int,
    ways: list[tuple[float, float, bool]],
    crew: list[tuple[float, int, str | None]],
    death: float,
) -> None:
    """Any latencies, lost answers, clocks, hosts, numbers of workers, and one death: no window ever holds too many."""
    turns = iter(range(1_000_000))

    def latency() -> tuple[float, float, bool]:
        seconds, place, through = ways[next(turns) % len(ways)]
        return seconds * place, seconds * (1 - place), through

    one = World(Server(limit), latency, seed="any", policy=RatePolicy(requests=limit, margin_s=MARGIN_S))
    processes = [
        one.process(f"p{number}", skew_s=skew_s, workers=workers, host=host)
        for number, (skew_s, workers, host) in enumerate(crew)
    ]
    one.at(death, lambda: one.kill(processes[0]))
    one.run(90.0)
    kept_to(one, limit)
