"""What entries mean: states, rows of the ledgers, changes for the index."""

from typing import Any

import pytest

from importer import problems
from importer.errors import LedgerError
from importer.ledger.effects import Change, Effect
from importer.ledger.fold import Fold
from importer.model import State
from tests.ledger.conftest import (
    SCHEME,
    content,
    decision,
    end,
    header,
    identity,
    intent,
    life,
    made,
    outcome,
    refused,
    reject,
    resolve,
    run,
)  # fmt: skip

RESULT_FIELDS = {"source", "ordinal", "line_number", "identity", "id", "name", "created_at", "via", "pairing", "run"}
FAILURE_FIELDS = {
    "source", "ordinal", "line_number", "identity", "name", "state", "code", "message", "fix", "correlation_id",
    "attempts", "row", "run",
}  # fmt: skip


def folded(*entries: dict[str, Any]) -> tuple[Fold, list[Effect]]:
    """Return a fold that took a header and these entries, and what each of them did."""
    fold = Fold()
    return fold, [fold.apply(n, entry, 100 * n) for n, entry in enumerate([header(), *entries])]


def states(effect: Effect) -> dict[str, State]:
    """Return identity → state of an effect's changes."""
    return {change.identity: change.state for change in effect.changes}


def test_a_life() -> None:
    """From the first run to the operator's word: every record ends in the state that the entries say."""
    fold, effects = folded(*life())
    known: dict[str, State] = {}
    for effect in effects:
        known |= states(effect)
    made_ones = dict.fromkeys((0, 1, 4, 5, 6), State.CREATED)
    assert known == {identity(n): state for n, state in (made_ones | {2: State.FAILED, 7: State.FAILED}).items()}
    assert list(fold.open) == [11]
    assert fold.open[11].states == [State.SENT]
    assert fold.open[11].offset == 1100
    assert fold.ended
    assert fold.schemes == {"": SCHEME}


def test_an_intent_opens_and_an_outcome_closes() -> None:
    """An intent is open while a record of it is sent, in doubt or unresolved, and not longer."""
    fold, effects = folded(run(), intent(0, 1, 2, 3))
    assert fold.open[2].states == [State.SENT] * 4
    assert effects[2].changes == []
    effect = fold.apply(3, outcome(2, created=made(0), failed=[refused(1)], returned=[2], doubt=[3]))
    assert states(effect) == {
        identity(0): State.CREATED,
        identity(1): State.FAILED,
        identity(2): State.OPEN,
        identity(3): State.IN_DOUBT,
    }
    assert fold.open[2].unsettled() == [3]
    fold.apply(4, resolve(2, unresolved=[(3, "why")]))
    assert fold.open[2].unsettled(State.UNRESOLVED) == [3]
    fold.apply(5, decision(2, 3, 3, "absent"))
    assert fold.open == {}


def test_a_change_carries_content_and_name() -> None:
    """The index learns identity, state, content, name and source."""
    _fold, effects = folded(run(), intent(7), outcome(2, created=made(0)))
    assert effects[3].changes == [Change(identity(7), State.CREATED, content(7), "Name 7", "a.csv")]


@pytest.mark.parametrize(
    "late",
    [
        outcome(2, created=made(0)),  # closed already
        outcome(9, created=made(0)),  # no such intent
        outcome(4, created=made(5)),  # no such record
        resolve(2, absent=[0]),
        decision(4, 0, 3),  # another identity
        decision(9, 0, 0),
        header(),
        {"t": "surprise"},
        {"no": "type"},
        {"t": "outcome", "of": 4},
    ],
)
def test_illegal_entries_change_nothing(late: dict[str, Any]) -> None:
    """What contradicts the entries before is refused, and states, schemes and runs stay as they were."""
    fold, _effects = folded(run(), intent(0), outcome(2, created=made(0)), intent(1))
    before = (fold.snapshot(), {n: list(open_.states) for n, open_ in fold.open.items()})
    with pytest.raises(LedgerError):
        fold.apply(5, late)
    assert (fold.snapshot(), {n: list(open_.states) for n, open_ in fold.open.items()}) == before


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (outcome(2, doubt=[0]), outcome(2, created=made(0))),  # in doubt: only a finding can settle it
        (outcome(2, doubt=[0]), outcome(2, returned=[0])),
        (outcome(2, doubt=[0]), outcome(2, doubt=[0])),
        (resolve(2, unresolved=[(0, "w")]), resolve(2, failed=[refused(0)])),
        (resolve(2, unresolved=[(0, "w")]), outcome(2, returned=[0])),
    ],
)
def test_illegal_steps_raise(first: dict[str, Any], second: dict[str, Any]) -> None:
    """A step that the table of transitions does not hold is refused."""
    fold, _effects = folded(run(), intent(0), first)
    with pytest.raises(LedgerError, match="contradicts"):
        fold.apply(4, second)


def test_rows_of_created_records() -> None:
    """A results row has the fields of its contract, whoever found the campaign."""
    fold, effects = folded(run(), intent(0, 1, 2, attempt=3), outcome(2, created=made(0), doubt=[1, 2]))
    reply = effects[3].results[0]
    found = fold.apply(4, resolve(2, created=[(1, "77", None, "listing", None)], unresolved=[(2, "why")])).results[0]
    told = fold.apply(5, decision(2, 2, 2)).results[0]
    for row in (reply, found, told):
        assert row.keys() >= RESULT_FIELDS
        assert row["source"] == "a.csv"
        assert row["attempts"] == 3
        assert row["run"] == 1
    assert [row["via"] for row in (reply, found, told)] == ["reply", "reconcile", "operator"]
    assert [row["id"] for row in (reply, found, told)] == ["500", "77", "900"]
    assert [row["ordinal"] for row in (reply, found, told)] == [0, 1, 2]
    assert [row["line_number"] for row in (reply, found, told)] == [2, 3, 4]
    assert "supersedes" not in reply.keys() | found.keys()
    assert told["supersedes"] == "unresolved"


def test_a_difference_in_spelling_is_kept() -> None:
    """What came back in another spelling stands in the row, and only where there is something to tell."""
    spelt = [(0, "5", None, "name", {"hs_notes": "x"}), (1, "6", None, "exact", None)]
    _fold, effects = folded(run(), intent(0, 1), outcome(2, created=spelt))
    assert [row.get("normalised") for row in effects[3].results] == [{"hs_notes": "x"}, None]


def test_rows_of_failed_records() -> None:
    """A failures row has the fields of its contract; properties stand in for a row that is not in memory."""
    fold, effects = folded(run(), intent(0, 1), outcome(2, failed=[refused(0, {"hs_name": "raw"})], doubt=[1]))
    with_row = effects[3].failures[0]
    without = fold.apply(4, resolve(2, failed=[refused(1)])).failures[0]
    for row in (with_row, without):
        assert row.keys() >= FAILURE_FIELDS
        assert (row["state"], row["code"], row["fix"]) == ("failed", "refused", problems.CODES["refused"].fix)
    assert with_row["row"] == {"hs_name": "raw"}
    assert "properties" not in with_row
    assert without["row"] is None
    assert without["properties"] == {"hs_name": "Name 1", "hs_notes": "ä"}
    assert [with_row["correlation_id"], without["correlation_id"]] == ["c-1", "c-2"]


def test_rows_of_unresolved_records() -> None:
    """An unresolved record has a failures row with what was sent, and a results row that supersedes it if found."""
    fold, effects = folded(run(), intent(0), resolve(2, unresolved=[(0, "it cannot be told")]))
    row = effects[3].failures[0]
    assert row.keys() >= FAILURE_FIELDS
    assert (row["state"], row["code"], row["message"]) == ("unresolved", "unresolved", "it cannot be told")
    assert row["properties"]["hs_name"] == "Name 0"
    found = fold.apply(4, resolve(2, created=made(0))).results[0]
    assert found["supersedes"] == "unresolved"


def test_rows_of_rejected_rows() -> None:
    """A rejected row keeps its raw row, has made no attempt and shows its first problem and all of them."""
    _fold, effects = folded(run(), reject(4, 5))
    assert [row["ordinal"] for row in effects[2].failures] == [4, 5]
    for row in effects[2].failures:
        assert row.keys() >= FAILURE_FIELDS
        assert (row["code"], row["attempts"], row["row"]) == ("name_missing", 0, {"hs_name": ""})
        assert row["fix"] == problems.CODES["name_missing"].fix
        assert len(row["problems"]) == 1


def test_a_new_run_takes_what_was_sent_for_in_doubt() -> None:
    """What an earlier process sent without writing an outcome is in doubt as soon as a run begins."""
    fold, _effects = folded(run(), intent(0, 1), outcome(2, created=made(0)) | {"of": 2, "doubt": []}, intent(2))
    effect = fold.apply(5, run(2))
    assert states(effect) == {identity(1): State.IN_DOUBT, identity(2): State.IN_DOUBT}
    assert (fold.run, fold.ended) == (2, False)
    fold.apply(6, end(2))
    assert fold.ended


def test_only_what_made_something_binds_the_scheme() -> None:
    """A run that made nothing leaves its key space free; one with a record in doubt does not."""
    assert folded(run(), intent(0), outcome(2, failed=[refused(0)]))[0].schemes == {}
    assert folded(run(), intent(0), outcome(2, returned=[0]))[0].schemes == {}
    assert folded(run(), intent(0), outcome(2, doubt=[0]))[0].schemes == {"": SCHEME}


def test_one_partial_refusal_is_never_forgotten() -> None:
    """A refused batch that had made something overrules every refusal that had not, before and after."""
    fold, _effects = folded(run())
    seen = []
    for n, said in enumerate(("atomic", "partial", "atomic")):
        fold.apply(2 + 2 * n, intent(n))
        fold.apply(3 + 2 * n, resolve(2 + 2 * n, absent=[0], refusal=said))
        seen.append(fold.refusals)
    assert seen == ["atomic", "partial", "partial"]


def test_what_is_learnt_of_the_clock() -> None:
    """The skew is the most by which createdAt lay before our bound of the server's clock; bad dates tell nothing."""
    fold, _effects = folded(run())
    skews = []
    for n, at in enumerate(("1970-01-01T00:16:45Z", "1970-01-01T00:16:35Z", "1970-01-01T00:16:38Z", "soon", None)):
        fold.apply(2 + 2 * n, intent(n))
        fold.apply(3 + 2 * n, outcome(2 + 2 * n, created=[(0, str(n), at, "exact", None)]))
        skews.append(fold.skew_s)
    assert skews == [0.0, 5.0, 5.0, 5.0, 5.0]


def test_a_snapshot_is_a_copy() -> None:
    """What happens after a snapshot does not change it, and a fold made of it goes on alike."""
    fold, _effects = folded(run())
    snapshot = fold.snapshot()
    kept = repr(snapshot)
    fold.apply(2, intent(0))
    fold.apply(3, outcome(2, created=made(0)))
    fold.apply(4, end())
    assert repr(snapshot) == kept
    again = Fold.restored(fold.snapshot())
    assert again.snapshot() == fold.snapshot()
