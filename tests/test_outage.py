"""Waiting while nothing gets through."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import PausedError
from importer.outage import Backoff, Outage, OutagePolicy


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 10_000), st.integers())
def test_a_wait_lies_between_nothing_and_its_bound(failures: int, seed: int) -> None:
    """Full jitter: the bound doubles from 0.5 s and ends at 60 s."""
    wait = Backoff(Random(seed)).delay_s(failures)
    assert 0.0 <= wait <= min(60.0, 0.5 * 2 ** min(failures - 1, 60))


def test_all_who_fail_within_a_wait_share_it() -> None:
    """Twenty workers which fail at once lengthen the wait no more than one."""
    together, alone = (Outage(Backoff(Random(3))) for _ in range(2))
    waits = {together.failed(0.0, "no connection") for _ in range(20)}
    assert waits == {alone.failed(0.0, "no connection")}


def test_patience_ends_after_ten_minutes_of_nothing_else() -> None:
    """The run pauses, resumable, and says what was wrong last; an answer in between starts the count anew."""
    outage = Outage(Backoff(Random(3)))
    for now in (0.0, 300.0, 599.0):
        outage.failed(now, "no connection")
    outage.answered()
    for now in (700.0, 1000.0, 1299.0):
        outage.failed(now, "no connection")
    with pytest.raises(PausedError, match="10 minutes: no connection") as caught:
        outage.failed(1300.0, "no connection")
    assert caught.value.hint


def test_two_failures_far_apart_are_no_outage() -> None:
    """A long silence of our own between two failures proves nothing."""
    outage = Outage(Backoff(Random(3)), OutagePolicy())
    outage.failed(0.0, "no connection")
    assert outage.failed(10_000.0, "no connection") >= 0.0
