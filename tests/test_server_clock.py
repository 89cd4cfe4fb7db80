"""The server's time, told from its Date headers."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.server_clock import ServerClock

NOW = 1_795_000_000.0


def date_of(server_time: float) -> str:
    """Return the Date header that a server writes at `server_time`, epoch seconds."""
    return format_datetime(datetime.fromtimestamp(int(server_time), UTC), usegmt=True)


ANSWERS = st.lists(
    st.tuples(
        st.floats(0, 600),  # seconds since the answer before
        st.floats(0, 30),  # from sending to the server's writing of Date
        st.floats(0, 30),  # from there to our having it
    ),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=200)
@given(ANSWERS, st.floats(-1e6, 1e6), st.floats(-100e-6, 100e-6), st.floats(0, 86_400))
def test_the_truth_lies_within_the_bounds(
    answers: list[tuple[float, float, float]], offset: float, drift: float, later: float
) -> None:
    """Whatever the offset, the latencies and a small drift, the server's clock shows a time within the bounds."""
    clock = ServerClock()
    wall = NOW

    def server(at: float) -> float:
        return at + offset + drift * (at - NOW)

    for pause, going, coming in answers:
        sent = wall + pause
        wall = sent + going + coming
        clock.observe(date_of(server(sent + going)), sent, wall)

        bounds = clock.bounds(wall)
        assert bounds is not None
        assert bounds[0] - 1e-3 <= server(wall) <= bounds[1] + 1e-3

    bounds = clock.bounds(wall + later)
    assert bounds is not None
    assert bounds[0] - 1e-3 <= server(wall + later) <= bounds[1] + 1e-3


def test_many_answers_narrow_the_bounds() -> None:
    """Answers at different parts of a second tell the offset far better than one."""
    clock = ServerClock()
    for number in range(100):
        sent = NOW + number * 1.013
        clock.observe(date_of(sent + 0.05 + 7.3), sent, sent + 0.1)
    bounds = clock.bounds(NOW + 101)
    assert bounds is not None
    assert bounds[1] - bounds[0] < 0.2


@settings(deadline=None, max_examples=100)
@given(st.floats(3, 1e6), st.sampled_from([-1, 1]))
def test_a_clock_that_was_set_is_believed_anew(jump: float, sign: int) -> None:
    """Contradicting bounds are replaced by those of the newest answer."""
    clock = ServerClock()
    clock.observe(date_of(NOW), NOW, NOW + 0.2)
    clock.observe(date_of(NOW + 10 + sign * jump), NOW + 10, NOW + 10.2)
    bounds = clock.bounds(NOW + 10.2)
    assert bounds is not None
    assert bounds[0] <= NOW + 10.1 + sign * jump <= bounds[1]
    assert bounds[1] - bounds[0] < 1.3


@pytest.mark.parametrize("header", [None, "", "soon", "Mon, 99 Nov 2026 10:00:00 GMT"])
def test_a_header_that_says_nothing_is_passed_over(header: str | None) -> None:
    """Without a readable Date nothing is known."""
    clock = ServerClock()
    clock.observe(header, NOW, NOW + 1)
    assert clock.bounds(NOW) is None


def test_an_answer_before_its_request_is_passed_over() -> None:
    """A wall clock set back during the exchange spoils only that observation."""
    clock = ServerClock()
    clock.observe(date_of(NOW), NOW, NOW - 60)
    assert clock.bounds(NOW) is None
