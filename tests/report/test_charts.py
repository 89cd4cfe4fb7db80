"""Figures as geometry: the books balance in the picture too, and no line leaves its frame."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.report.books import Books
from importer.report.charts import HEIGHT, SAMPLES_MIN, STATES, WIDTH, balance, charts, nice, share
from importer.report.timeline import Sample


def sample(second: int, *, requests: int = 10, permitted: float | None = 10.0, answers: int = 5) -> Sample:
    """Return a sample of one second."""
    return Sample(
        from_s=float(second), to_s=second + 1.0, created=50, settled=50, requests=requests, answers=answers,
        answer_s=0.5 * answers, slowest_s=1.0 if answers else 0.0, permitted_per_s=permitted, in_flight=2, workers=4,
        doubted=0,
    )  # fmt: skip


@given(st.lists(st.integers(0, 10**7), min_size=len(STATES), max_size=len(STATES)))
def test_the_segments_are_as_wide_as_what_was_read(rows: list[int]) -> None:
    """Every state that has rows shows, side by side, without overlap, over the whole width."""
    books = Books(read=sum(rows), **dict(zip(STATES, rows, strict=True)))
    segments = balance(books)
    assert [segment.rows for segment in segments] == [number for number in rows if number]
    for one, other in pairwise(segments):
        assert one.x + one.width < other.x
    if segments:
        assert segments[-1].x + segments[-1].width == pytest.approx(WIDTH, abs=0.1)


def test_books_that_do_not_balance_are_not_drawn_as_if_they_did() -> None:
    """A row that got lost leaves a gap at the end."""
    segments = balance(Books(read=10, created=5))
    assert segments[-1].x + segments[-1].width == pytest.approx(WIDTH / 2, abs=0.1)


@pytest.mark.parametrize(
    ("rows", "said"), [(0, "0 %"), (1, "< 0.1 %"), (9_999, "> 99.9 %"), (10_000, "100 %"), (3_333, "33.3 %")]
)
def test_a_small_share_is_never_nothing(rows: int, said: str) -> None:
    """One failure among many is not rounded away, nor is all but one called all."""
    assert share(rows, 10_000 if rows != 1 else 10_001) == said


@given(st.floats(min_value=0, max_value=1e9, allow_nan=False))
def test_a_scale_is_round_and_high_enough(value: float) -> None:
    """The top of a scale is never below what it shows, and not much above."""
    top = nice(value)
    assert value <= top
    assert value <= 0.01 or top <= 2 * value


def test_too_few_samples_make_no_picture() -> None:
    """A line through two points would tell nothing."""
    assert charts([sample(at) for at in range(SAMPLES_MIN - 1)]) == ()


@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from([None, 10.0, 25.0]), st.integers(0, 9)), min_size=3))
def test_lines_stay_in_their_frame(steps: list[tuple[int, float | None, int]]) -> None:
    """Whatever the run did, each point of each line lies inside of the view box."""
    drawn = charts([sample(at, requests=r, permitted=p, answers=a) for at, (r, p, a) in enumerate(steps)])
    for chart in drawn:
        for line in chart.lines:
            for across, down in re.findall(r"[ML]([\d.-]+) ([\d.-]+)", line.path):
                assert 0 <= float(across) <= WIDTH
                assert 0 <= float(down) <= HEIGHT


def test_requests_are_counted_as_hubspot_counts_them() -> None:
    """The line shows the requests of the latest ten seconds, next to what was permitted in as many."""
    rate = next(chart for chart in charts([sample(at) for at in range(30)]) if chart.name == "rate")
    assert [line.value for line in rate.lines] == ["at most 100", "100"]
    assert "At most 100 requests lay within 10 s. 100 were permitted at the end." in rate.told


def test_without_answers_there_is_no_latency() -> None:
    """A run that only looked has two charts."""
    assert [chart.name for chart in charts([sample(at, answers=0) for at in range(3)])] == ["speed", "rate"]
