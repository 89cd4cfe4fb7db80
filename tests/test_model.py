"""The life of a record: every state, every event, and nothing else."""

from itertools import product

import pytest

from importer.model import (
    BATCH_RECORDS_MAX,
    TRANSITIONS,
    Batch,
    Event,
    IllegalTransitionError,
    Record,
    Row,
    State,
    advance,
)  # fmt: skip

#: The whole table once more, as the words of the design tell it.
LIFE = {
    ("open", "intent"): "sent",
    ("sent", "created"): "created",
    ("sent", "refused"): "failed",
    ("sent", "returned"): "open",
    ("sent", "doubted"): "in_doubt",
    ("sent", "found"): "created",
    ("sent", "absent"): "open",
    ("sent", "undecidable"): "unresolved",
    ("in_doubt", "found"): "created",
    ("in_doubt", "absent"): "open",
    ("in_doubt", "refused"): "failed",
    ("in_doubt", "undecidable"): "unresolved",
    ("unresolved", "found"): "created",
    ("unresolved", "absent"): "open",
    ("unresolved", "undecidable"): "unresolved",
    ("failed", "intent"): "sent",
    ("open", "adopted"): "created",
    ("created", "update"): "updating",
    ("created", "gone"): "open",
    ("updated", "update"): "updating",
    ("updated", "gone"): "open",
    ("updating", "updated"): "updated",
    ("updating", "refused"): "created",
    ("updating", "returned"): "created",
    ("updating", "doubted"): "updating",
    ("created", "archive"): "archiving",
    ("archiving", "archived"): "open",
    ("archiving", "stands"): "created",
}


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_step(state: State, event: Event) -> None:
    """A step leads where the table says, or is refused."""
    following = LIFE.get((str(state), str(event)))
    if following is None:
        with pytest.raises(IllegalTransitionError, match=f"that is {state} cannot become {event}"):
            advance(state, event)
    else:
        assert advance(state, event) is State(following)


def test_what_is_created_stays() -> None:
    """Only the intent to change or archive it leads away from created, and the news that the campaign is gone."""
    assert set(TRANSITIONS[State.CREATED]) == {Event.UPDATE, Event.GONE, Event.ARCHIVE}
    assert Event.INTENT not in TRANSITIONS[State.ARCHIVING]


def test_nothing_unknown_is_sent_again() -> None:
    """Only what is open or refused can be sent: never what is sent, in doubt, unresolved or created."""
    assert {state for state, steps in TRANSITIONS.items() if Event.INTENT in steps} == {State.OPEN, State.FAILED}


def test_every_doubt_can_end() -> None:
    """From each state that is not settled a chain of events leads to created, and one back to open."""
    for state in (State.SENT, State.IN_DOUBT, State.UNRESOLVED):
        assert {State.CREATED, State.OPEN} <= set(TRANSITIONS[state].values())


@pytest.mark.parametrize("count", [0, BATCH_RECORDS_MAX + 1])
def test_a_batch_has_a_size(count: int) -> None:
    """A batch holds one record at least, and no more than HubSpot takes."""
    record = Record(Row("a", 0, 2, None, {}), "0" * 32, "n", {"hs_name": "n"}, "0" * 16)
    assert len(Batch(records=(record,) * BATCH_RECORDS_MAX, body=b"").records) == 50
    with pytest.raises(AssertionError):
        Batch(records=(record,) * count, body=b"")
