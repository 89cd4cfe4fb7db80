"""Each exit status leads where the table says, and no import is begun again for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import ExitStatus
from importer.fleet.model import Ended
from importer.fleet.standing import CRASHES_MAX, FINAL, Standing, State, begun, followed, over

NOW = 1_000_000.0
RETRIES = 3
ENDS = st.builds(
    Ended,
    status=st.one_of(st.none(), st.sampled_from([int(status) for status in ExitStatus]), st.integers(0, 255)),
    pause_until=st.one_of(st.none(), st.floats(NOW - 10, NOW + 1e6)),
)


def after(standing: Standing, ended: Ended) -> Standing:
    """Return what follows for a running import."""
    return followed(begun(standing), ended, now=NOW, retries=RETRIES, wait_max_s=3600)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (0, State.DONE), (1, State.DONE_WITH_FAILURES), (6, State.UNRESOLVED), (2, State.FAILED), (3, State.FAILED),
        (4, State.FAILED), (5, State.FAILED), (8, State.FAILED), (71, State.FAILED), (10, State.HELD),
        (7, State.PAUSED), (70, State.WAITING), (130, State.WAITING), (143, State.WAITING), (None, State.WAITING),
    ],
)  # fmt: skip
def test_each_status_leads_to_its_state(status: int | None, state: State) -> None:
    """The table of statuses, line by line."""
    assert after(Standing(), Ended(status=status)).state is state


def test_a_held_import_is_looked_at_again_ever_later_and_that_is_no_try() -> None:
    """After 2, 4, 8 … 60 s, however often, and neither losses nor crashes are counted."""
    standing, waits = Standing(), []
    for _ in range(12):
        standing = after(standing, Ended(status=10))
        waits.append((standing.until or 0) - NOW)
    assert waits[:7] == [2, 4, 8, 16, 32, 60, 60]
    assert waits[-1] == 60
    assert (standing.losses, standing.crashes) == (0, 0)
    assert after(after(standing, Ended(status=None)), Ended(status=10)).until == NOW + 2, "the row of looks begins anew"


def test_a_lost_import_goes_on_at_once_until_its_tries_are_used() -> None:
    """`retries` times it is begun again without a wait; the next loss is its end."""
    standing = Standing()
    for _ in range(RETRIES):
        standing = after(standing, Ended(status=None, lost="its worker is gone"))
        assert (standing.state, standing.until) == (State.WAITING, NOW)
    assert after(standing, Ended(status=143)).state is State.FAILED


def test_an_internal_error_is_tried_once_more() -> None:
    """70 is begun again once, and then failed."""
    once = after(Standing(), Ended(status=70))
    assert (once.state, once.crashes) == (State.WAITING, CRASHES_MAX)
    assert after(once, Ended(status=70)).state is State.FAILED


@pytest.mark.parametrize(("until", "waits"), [(NOW + 60, True), (NOW + 7200, False), (None, False)])
def test_a_pause_is_waited_for_when_its_end_is_known_and_near(until: float | None, waits: bool) -> None:
    """A longer pause than the fleet waits for, or one without an end, is left to the next run of the command."""
    standing = after(Standing(), Ended(status=7, pause_until=until))
    assert standing.state is State.PAUSED
    assert standing.until == (until if waits else None)
    assert over(standing) is not waits


@given(st.lists(ENDS, max_size=60))
def test_whatever_happens_tries_are_bounded(ends: list[Ended]) -> None:
    """But for held and paused ends, an import is begun at most 1 + retries + 1 times; what is final stays final."""
    standing, begins = Standing(), 0
    for ended in ends:
        if over(standing):
            break
        standing = after(standing, ended)
        begins += ended.status not in {10, 7}
        assert (standing.state in FINAL) or standing.until is not None or over(standing)
    assert begins <= 1 + RETRIES + CRASHES_MAX
