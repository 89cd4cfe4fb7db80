"""Figures follow from runs as their names say."""

import pytest

from benchmarks.figures import GOALS, MIB, MILLION, Case, Goal, Measured, Run


def run(
    client: str, rate: float, *, latency_ms: float = 0, records: int = 1_000, mib: int = 50, python: str = "a"
) -> Run:
    """Return a run of `client` at `rate` records a second."""
    case = Case(client, "csv", latency_ms, 16, python)
    return Run(
        case=case, records=records, seconds=records / rate, cpu_s=1, peak_bytes=mib * MIB, stub_cpu_s=1
    )  # fmt: skip


def figure(name: str, seen: Measured) -> float | None:
    """Return the figure whose name begins so."""
    return next(goal for goal in GOALS if goal.name.startswith(name)).value(seen)


def test_a_ratio_is_that_of_means() -> None:
    """Means are divided, not ratios averaged; runs of another interpreter or latency stay out of it."""
    seen = Measured(runs=[run("importer", 10), run("importer", 30), run("bare", 50), run("bare", 150),
                          run("importer", 900, python="b"), run("importer", 5, latency_ms=100)])  # fmt: skip
    assert figure("records/s ÷ bare", seen) == pytest.approx(20 / 100)


def test_hidden_latency_is_a_share_of_what_the_workers_can_reach() -> None:
    """16 workers with 50 records in each 0.1 s are 8,000 a second."""
    seen = Measured(runs=[run("importer", 6_000, latency_ms=100)])
    assert figure("latency of 100 ms", seen) == pytest.approx(0.75)


def test_memory_is_told_of_the_row_counts_that_the_name_says() -> None:
    """A smaller import says nothing of a million rows; the largest counts only against a million."""
    few = Measured(runs=[run("importer", 10)], largest=[run("importer", 10, records=10 * MILLION, mib=99)])
    assert figure("peak memory, 1,000,000 rows", few) is None
    assert figure("peak memory, 10,000,000", few) is None
    many = Measured(runs=[run("importer", 10, records=MILLION, mib=90)], largest=few.largest)
    assert figure("peak memory, 1,000,000 rows", many) == 90
    assert figure("peak memory, 10,000,000", many) == pytest.approx(1.1)


def test_what_was_not_measured_meets_no_goal() -> None:
    """Nothing measured: no figure is there, none is called met or missed."""
    assert {goal.value(Measured()) for goal in GOALS} == {None}
    assert {goal.met(None) for goal in GOALS} == {"-"}


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.name)
def test_a_goal_is_met_on_its_own_side(goal: Goal) -> None:
    """The goal itself is enough, a little better too, a little worse is not."""
    better, worse = (goal.goal + 1, goal.goal - 1) if goal.more else (goal.goal - 1, goal.goal + 1)
    assert [goal.met(value) for value in (goal.goal, better, worse)] == ["yes", "yes", "no"]
