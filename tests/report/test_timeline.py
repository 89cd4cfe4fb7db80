"""Samples of a run: they add up to the counts, and stay few however long it lasts."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from importer.model import State
from importer.report.books import Tally
from importer.report.timeline import EVERY_S, SAMPLES_MAX, Recorder, as_table, from_table

STEP = st.tuples(st.floats(min_value=0.01, max_value=100), st.integers(0, 500), st.floats(0, 9))


@given(st.lists(STEP, max_size=40), st.integers(1, 30))
def test_samples_add_up_and_stay_few(steps: list[tuple[float, int, float]], times: int) -> None:
    """Sums, span and the slowest answer are those of the run after any number of merges; no moment is left out."""
    tally = Tally()
    recorder, now_s = Recorder(tally, 5.0), 5.0
    for seconds, created, taken_s in steps * times:
        now_s += seconds
        tally.rows_read += created
        tally.end(State.CREATED, created)
        tally.send(again=False)
        tally.answer(taken_s)
        recorder.sample(now_s)
    samples = recorder.samples
    assert len(samples) < SAMPLES_MAX
    assert sum(sample.created for sample in samples) == tally.books().created
    assert sum(sample.requests for sample in samples) == sum(sample.answers for sample in samples) == len(steps) * times
    assert max((sample.slowest_s for sample in samples), default=0) == round(max((s[2] for s in steps), default=0), 4)
    assert all(one.to_s == other.from_s for one, other in pairwise(samples))
    assert not samples or (samples[0].from_s, samples[-1].to_s) == (0.0, round(now_s - 5.0, 3))


def test_the_interval_doubles_with_each_merge() -> None:
    """A run that lasts twice as long is looked at half as often."""
    recorder = Recorder(Tally(), 0.0)
    for second in range(1, SAMPLES_MAX + 1):
        recorder.sample(float(second))
    assert len(recorder.samples) == SAMPLES_MAX // 2
    assert recorder.every_s == EVERY_S * 2


def test_no_time_is_no_sample() -> None:
    """Two looks at the same moment make one sample."""
    recorder = Recorder(Tally(), 1.0)
    recorder.sample(1.0)
    recorder.sample(2.0)
    recorder.sample(2.0)
    assert len(recorder.samples) == 1


def test_samples_come_back_from_a_file() -> None:
    """A table read back is what was written; one of another shape, from another version, gives no samples."""
    tally = Tally(permitted_per_s=25.0)
    recorder = Recorder(tally, 0.0)
    tally.doubted = 50
    recorder.sample(1.5)
    table = as_table(recorder.samples)
    assert from_table(table) == tuple(recorder.samples)
    assert from_table(table | {"columns": [*table["columns"], "new"]}) == ()
    assert from_table({}) == ()
