"""An hour of the rate limit in simulated time: how much of what is permitted is used, and that nothing is refused."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.pacing import RatePolicy, RollingWindow
from tests.depth import examples, seconds
from tests.rate_world import HEADER, Drive, Server, law

LIMIT, WORKERS = 190, 64
HOUR_S = seconds(600.0, deep=3_600.0)  #: with every change, the first sixth of the hour
#: Law of latency → the least use with and without the server's headers.
USE = {
    "constant": (0.979, 0.979),
    "uniform": (0.98, 0.98),
    "exponential": (0.98, 0.976),
    "tail": (0.98, 0.978),
    "wide tail": (0.971, 0.968),
}


def hour(kind: str, server: Server, policy: RatePolicy | None = None) -> Drive:
    """Return an hour of sending, in which the law named `kind` rules."""
    return Drive(RollingWindow(policy), server, law(kind, Random(f"{kind} law")), workers=WORKERS)


@pytest.mark.slow
@pytest.mark.parametrize("headers", [True, False], ids=["headers", "no headers"])
@pytest.mark.parametrize("kind", USE)
def test_an_hour_alone(kind: str, headers: bool) -> None:
    """Nobody else there: nothing is refused, and nearly all of the permitted rate is used."""
    drive = hour(kind, Server(LIMIT, headers=headers), None if headers else RatePolicy(requests=LIMIT))
    drive.run(HOUR_S)
    assert drive.refused == 0
    assert drive.use(windows=3) >= USE[kind][0 if headers else 1]


@pytest.mark.slow
@pytest.mark.parametrize("fast", [0.9996, 1.0004])
def test_an_hour_with_clocks_that_disagree(fast: float) -> None:
    """A server whose clock gains or loses 1.4 s in the hour refuses nothing and is used as well."""
    drive = hour("tail", Server(LIMIT, fast=fast))
    drive.run(HOUR_S)
    assert drive.refused == 0
    assert drive.use(windows=3) >= 0.979


@pytest.mark.slow
def test_an_hour_beside_a_neighbour_at_random() -> None:
    """Somebody uses half of the account at random moments: most of the rest is used, hardly anything refused."""
    drive, random = hour("tail", Server(LIMIT)), Random("neighbour")
    drive.neighbour(lambda: random.expovariate(LIMIT / 20))
    drive.run(2 * HOUR_S)
    assert drive.refused / len(drive.sent) < 0.01
    assert 0.4 <= drive.use(windows=3) <= 0.5


@pytest.mark.slow
def test_an_hour_of_a_share() -> None:
    """Told to use a third, it uses a third, whatever the neighbour's requests seem to prove about ours."""
    drive, random = hour("tail", Server(LIMIT), RatePolicy(share=1 / 3)), Random("share")
    drive.neighbour(lambda: random.expovariate(LIMIT / 20))
    drive.run(HOUR_S)
    assert drive.refused / len(drive.sent) < 0.001
    assert 0.31 <= drive.use(windows=3) <= 0.334


@settings(max_examples=examples(40, deep=2_000))
@given(
    limit=st.integers(1, 12),
    ways=st.lists(st.tuples(st.floats(0, 12), st.floats(0, 1)), min_size=1, max_size=40),
    workers=st.integers(1, 20),
    late=st.booleans(),
    fast=st.sampled_from([0.9996, 1.0, 1.0004]),
)
def test_what_the_headers_prove_is_true(
    limit: int, ways: list[tuple[float, float]], workers: int, late: bool, fast: float
) -> None:
    """Wherever between sending and answer each request arrives, nothing is refused; also if counted at the answer."""
    turns = iter(range(1_000_000))

    def latency() -> tuple[float, float, bool]:
        seconds, place = ways[next(turns) % len(ways)]
        return seconds * place, seconds * (1 - place), True

    drive = Drive(RollingWindow(RatePolicy(requests=limit)), Server(limit, late=late, fast=fast), latency,
                  workers=workers)  # fmt: skip
    drive.run(150.0)
    assert drive.refused == 0


def test_a_slow_answer_holds_no_slot_that_the_count_has_freed() -> None:
    """One request hangs for 9 s; the answer to a later one shows that both have arrived, so both slots come back."""
    free_at = []
    for remaining in ("0", "1"):
        window = RollingWindow(RatePolicy(requests=2))
        assert window.take(0.0) == window.take(0.1) == 0.0
        window.answered(0.2, {f"{HEADER}max": "2", f"{HEADER}remaining": remaining}, since=0.1)
        assert window.take(10.3) == 0.0
        free_at.append(10.3 + window.take(10.3))
    assert free_at == [10.3, pytest.approx(20.3, abs=0.1)]


def test_a_lost_request_ends_the_trust_in_the_count() -> None:
    """A request without an answer may arrive later and be counted then: for a minute only answers free slots."""
    window = RollingWindow(RatePolicy(requests=3))
    assert window.take(0.0) == window.take(0.0) == window.take(0.1) == 0.0
    window.abandoned(0.2)
    window.answered(0.2, {f"{HEADER}max": "3", f"{HEADER}remaining": "0"}, since=0.1)
    assert window.take(10.3) == window.take(10.3) == 0.0
    assert window.take(10.3) > 0.0


def test_with_a_share_the_count_proves_nothing() -> None:
    """Whoever shares the account is counted too: what may be theirs frees no slot of ours."""
    window = RollingWindow(RatePolicy(requests=4, share=0.5))
    assert window.take(0.0) == window.take(0.1) == 0.0
    window.answered(0.2, {f"{HEADER}max": "4", f"{HEADER}remaining": "2"}, since=0.1)
    assert window.take(10.3) == 0.0
    assert window.take(10.3) > 0.0
