"""What is certain of arrivals: a bound that only rises, and never says more than what was told."""

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from importer.arrivals import Arrivals


@given(st.lists(st.tuples(st.floats(0, 3), st.none() | st.integers(0, 50)), max_size=60), st.floats(-1, 200))
def test_the_bound_is_the_most_that_was_told_by_then(told: list[tuple[float, int | None]], at: float) -> None:
    """`certain` is the largest count told by a moment, `since` the first moment at which it was that large."""
    arrivals, now, ended = Arrivals(), 0.0, 0
    marks = [(float("-inf"), 0)]
    for pause, count in told:
        now += pause
        if count is None:
            arrivals.end(now)
            ended += 1
        else:
            arrivals.prove(now, count)
        marks.append((now, ended if count is None else count))
    most = max(count for when, count in marks if when <= at)
    assert arrivals.answered == ended
    assert arrivals.certain(at) == most
    highest = max(count for _, count in marks)
    assert arrivals.since(highest) == next(when for when, count in marks if count == highest)
    assert arrivals.since(highest + 1) is None


def test_what_is_forgotten_is_nothing_and_what_is_kept_is_true() -> None:
    """Memory is bounded: long ago nothing is certain any more, and lately all that was."""
    arrivals = Arrivals()
    times = [n / 100 for n in range(20_000)]
    for now in times:
        arrivals.forget(now - 10.0)
        arrivals.end(now)
    assert arrivals.certain(1.0) == 0
    for at in (190.0, 195.005, 199.99, 300.0):
        assert arrivals.certain(at) == bisect_right(times, at)
