"""What the journal says of items: due once their campaign is known, one life each, and no history that contradicts."""

from pathlib import Path
from typing import Any

import pytest

from importer.errors import LedgerError
from importer.inspecting import verify
from importer.ledger.fold import Fold
from importer.ledger.items_audit import ItemsAudit
from importer.ledger.items_due import count_due, due_campaigns
from importer.ledger.position import Tail, position_of
from importer.ledger.replay import JOURNAL, Replay
from importer.model import State
from tests.ledger.conftest import decision, header, intent, made, outcome, resolve, run, sealed

MORE = [
    [0, "budget", "Budget", "100", 0, ""],
    [0, "spend", "Ads", "2.5", 0, "why"],
    [1, "budget", "Budget", "7", 0, ""],
]


def item(k: int, *, of: int = 2, again: bool = False) -> dict[str, Any]:
    """Return the intent to make the `k`-th item of `MORE`."""
    at, kind, name, amount, order, _description = MORE[k]
    return {
        "t": "item", "run": 1, "a": 1, "again": again, "srv": [1.0, 2.0], "at": 1.5, "of": of, "k": k, "kind": kind,
        "campaign": f"c{at}", "identity": f"{at:032x}", "name": f"Name {at}", "source": "a.csv", "ordinal": at,
        "line": at, "body": {"name": name, "amount": float(str(amount)), "order": order},
    }  # fmt: skip


def told(of: int, event: str, **more: Any) -> dict[str, Any]:
    """Return what became of an item."""
    usual = {"class": "answered", "status": 201, "corr": None, "id": None, "code": None, "note": None, "at": 2.0}
    return {"t": "item_outcome", "of": of, "event": event} | usual | more


def begun() -> list[dict[str, Any]]:
    """Return a ledger with an intent of two records and three items."""
    return [header(), run(), intent(0, 1) | {"more": MORE}]


def folded(entries: list[dict[str, Any]]) -> Fold:
    """Return what entries come to."""
    fold = Fold()
    for n, entry in enumerate(entries):
        fold.apply(n, entry, n)
    return fold


@pytest.mark.parametrize(
    ("closing", "due"),
    [
        ([], 0),
        ([outcome(2, created=made(0, 1))], 3),
        ([outcome(2, created=made(0), doubt=[1])], 2),
        ([outcome(2, doubt=[0, 1]), resolve(2, created=made(1), absent=[0])], 1),
        ([outcome(2, doubt=[0, 1]), resolve(2, created=[], unresolved=[(0, "why"), (1, "why")])], 0),
        ([outcome(2, doubt=[0, 1]), resolve(2, created=[], unresolved=[(0, "why"), (1, "why")]), decision(2, 1, 1)], 1),
        ([outcome(2, returned=[0, 1])], 0),
    ],
)
def test_items_fall_due_with_their_campaign(closing: list[dict[str, Any]], due: int, tmp_path: Path) -> None:
    """However the campaign becomes known; the journal read for what is left says the same."""
    entries = [*begun(), *closing]
    assert folded(entries).items_due == due
    (tmp_path / JOURNAL).write_bytes(b"".join(sealed(entries)))
    assert count_due(tmp_path)[0] == due


@pytest.mark.parametrize(
    ("events", "state", "due"),
    [
        (["created"], None, 0),
        (["refused"], None, 0),
        (["returned"], None, 1),
        ([], State.SENT, 1),
        (["doubted"], State.IN_DOUBT, 1),
        (["doubted", "found"], None, 0),
        (["doubted", "absent"], None, 1),
        (["doubted", "undecidable"], State.UNRESOLVED, 0),
        (["doubted", "undecidable", "found"], None, 0),
        (["doubted", "undecidable", "absent"], None, 1),
        (["found"], None, 0),
    ],
)
def test_an_item_lives_the_life_of_a_record(events: list[str], state: State | None, due: int, tmp_path: Path) -> None:
    """What is open, how many are due, the same after a restart at each place, and what a later run would make."""
    entries = [*begun(), outcome(2, created=made(1)), item(2)]
    codes = {"refused": "item_refused", "undecidable": "item_unresolved"}
    entries += [told(4, event, id="i", code=codes.get(event)) for event in events]
    fold = folded(entries)
    assert [one.state for one in fold.items.values()] == ([state] if state else [])
    assert fold.items_due == due
    lines = sealed(entries)
    (tmp_path / JOURNAL).write_bytes(b"".join(lines))
    for whole in range(3, len(lines)):
        seen = Replay(tmp_path / JOURNAL)
        steps = seen.steps()
        for _ in range(whole):
            next(steps)
        again = Replay(tmp_path / JOURNAL, position_of(seen.tail, seen.fold, [0, 0]))
        for _ in again.steps():
            pass
        assert (again.fold.items, again.fold.items_due) == (Replayed.of(tmp_path).items, due)
    left = [k for campaign in due_campaigns(tmp_path, retry_failed=False) for k, _item in campaign.items]
    assert left == ([2] if due or state else [])


class Replayed:
    """A journal read from its beginning."""

    @staticmethod
    def of(folder: Path) -> Fold:
        """Return its fold."""
        replay = Replay(folder / JOURNAL)
        for _ in replay.steps():
            pass
        return replay.fold


def test_failures_tell_the_item() -> None:
    """One row when it fails or cannot be told, none when it is only looked at once more."""
    fold = folded([*begun(), outcome(2, created=made(1)), item(2)])
    doubted = fold.apply(5, told(4, "doubted"), 5)
    first = fold.apply(6, told(4, "undecidable", code="item_unresolved", note="two of them"), 6)
    again = fold.apply(7, told(4, "undecidable", code="item_unresolved", note="two of them"), 7)
    assert (doubted.failures, again.failures) == ([], [])
    (row,) = first.failures
    assert (row["state"], row["message"], row["row"]) == ("unresolved", "Budget of 7.0: two of them", None)
    assert row["item"] == {"kind": "budget", "campaign": "c1", "name": "Budget", "amount": 7.0, "order": 0}


@pytest.mark.parametrize(
    "wrong",
    [
        [told(4, "created", id="i")],
        [item(2), told(4, "created", id="i"), told(4, "created", id="i")],
        [item(2), told(4, "doubted"), told(4, "returned")],
        [item(2), told(4, "no_event")],
    ],
)
def test_a_history_that_contradicts_itself_is_refused(wrong: list[dict[str, Any]]) -> None:
    """An outcome without its item, a second one, a step that no life has."""
    with pytest.raises((LedgerError, ValueError)):
        folded([*begun(), outcome(2, created=made(1)), *wrong])


def test_an_audit_finds_what_was_made_twice(tmp_path: Path) -> None:
    """Announced while it was open or made, another one than was planned, an id that two items have."""
    good = [*begun(), outcome(2, created=made(0, 1)), item(0), told(4, "created", id="a")]
    twice = [*good, item(0), told(6, "created", id="b")]
    busy = [*good, item(1), item(1)]
    other = [*good, item(2) | {"body": {"name": "Budget", "amount": 8, "order": 0}}]
    nowhere = [*good, item(2) | {"k": 3}]
    same_id = [*good, item(1), told(6, "created", id="a")]
    cases = {"ok": good, "once more": twice, "item once": busy, "another item": other, "does not hold": nowhere}
    for words, entries in (cases | {"is that of": same_id}).items():
        audit = ItemsAudit()
        for n, entry in enumerate(entries):
            audit.take(n, entry)
        assert (audit.found == []) if words == "ok" else any(words in line for line in audit.found), words
    (tmp_path / JOURNAL).write_bytes(b"".join(sealed(twice)))
    assert any("once more" in line for line in verify(tmp_path))


def test_a_tail_knows_nothing_of_items() -> None:
    """A position of an index that is older than items opens as before."""
    fold = folded(begun())
    position = position_of(Tail(), fold, [0, 0])
    del position["fold"]["items_due"], position["fold"]["items_failed"]
    assert Fold.restored(position["fold"]).items_due == 0
