"""Books: every row in exactly one state, and one status for all that hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import PRECEDENCE, BooksError, ExitStatus
from importer.model import Problem, Rejection, Row, State
from importer.report.books import SAMPLES_MAX, Books, Tally, exit_status

ENDS = [State.CREATED, State.UPDATED, State.FAILED, State.SKIPPED, State.UNRESOLVED, State.IN_DOUBT, State.NOT_SENT]


@given(st.lists(st.tuples(st.sampled_from(ENDS), st.integers(0, 1000))))
def test_a_tally_that_ends_every_row_balances(ended: list[tuple[State, int]]) -> None:
    """Counting every row that was read in some state gives books that balance."""
    tally = Tally()
    for state, count in ended:
        tally.rows_read += count
        tally.end(state, count)
    books = tally.books()
    books.check()
    assert books.accounted == sum(count for _, count in ended)


@given(st.sampled_from(ENDS), st.integers(-5, 5).filter(bool))
def test_one_row_too_many_or_too_few_is_noticed(state: State, off: int) -> None:
    """Books that are off by anything, in any state, do not pass."""
    tally = Tally(rows_read=10)
    tally.end(state, 10 + off)
    with pytest.raises(BooksError, match="do not balance"):
        tally.books().check()


def test_the_line_adds_up_and_leaves_out_what_is_empty() -> None:
    """The four states that matter always show; the others only when they have rows."""
    plain = Books(read=12_000, created=11_842, skipped=151, failed=7)
    assert plain.line() == "12,000 read = 11,842 created + 151 skipped + 7 failed + 0 unresolved"
    rare = Books(read=3, updated=1, in_doubt=1, not_sent=1)
    expected = "3 read = 0 created + 1 updated + 0 skipped + 0 failed + 0 unresolved + 1 in doubt + 1 not sent"
    assert rare.line() == expected


def test_failures_are_counted_by_code() -> None:
    """The same code adds up."""
    tally = Tally()
    tally.fail("invalid_date")
    tally.fail("invalid_date", 2)
    assert tally.codes == {"invalid_date": 3}


def test_a_few_rejected_rows_are_kept_of_each_code() -> None:
    """Samples are the first few of a code, however many follow."""
    tally = Tally()
    rejections = [Rejection(Row("a.csv", n, n + 2, None, None), (Problem("name_missing", "blank"),)) for n in range(9)]
    for rejection in rejections:
        tally.sample(rejection)
    assert tally.samples == {"name_missing": rejections[:SAMPLES_MAX]}


def test_precedence_decides_which_status_stands() -> None:
    """Of all statuses that hold the first in the order of precedence stands; none at all is success."""
    assert exit_status() is ExitStatus.OK
    assert exit_status(ExitStatus.SOME_FAILED, ExitStatus.OK, ExitStatus.INTERRUPTED) is ExitStatus.INTERRUPTED
    assert exit_status(*ExitStatus) is ExitStatus.BOOKS
    assert set(PRECEDENCE) == set(ExitStatus)
