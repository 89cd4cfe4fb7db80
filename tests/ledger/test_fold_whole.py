"""Rows of the ledgers to the last field, and all that a fold remembers from entry to entry and over a snapshot."""

from typing import Any

import orjson
import pytest

from importer import problems
from importer.ledger.fold import Fold
from importer.model import State
from importer.moments import epoch
from tests.ledger.conftest import (
    SCHEME,
    decision,
    end,
    header,
    identity,
    intent,
    made,
    outcome,
    refused,
    reject,
    resolve,
    run,
)
from tests.ledger.test_fold import folded

PLACE = {"schema": 1, "source": "a.csv", "ordinal": 4, "line_number": 6, "identity": identity(4), "name": "Name 4"}
SENT = {"attempts": 1, "run": 1}
EARLY, LATE, LATEST = "1970-01-01T00:16:30Z", "1970-01-01T00:16:40Z", "1970-01-01T00:16:50Z"


def created(ident: str, at: str | None, index: int = 0) -> list[Any]:
    """Return one created item."""
    return [(index, ident, at, "exact", None)]


def test_a_result_is_this_row() -> None:
    """A campaign that an answer told of, and one that a person told of: nothing more, nothing else."""
    _, effects = folded(run(), intent(4), outcome(2, created=created("500", LATE)))
    assert effects[-1].results == [
        PLACE | SENT | {"n": 3, "id": "500", "created_at": LATE, "via": "reply", "pairing": "exact"}
    ]
    unresolved = resolve(2, unresolved=[(0, "why")])
    _, effects = folded(run(), intent(4), outcome(2, doubt=[0]), unresolved, decision(2, 0, 4))
    told = {"n": 5, "id": "900", "created_at": None, "via": "operator", "pairing": "operator"}
    assert effects[-1].results == [PLACE | SENT | told | {"supersedes": "unresolved"}]


@pytest.mark.parametrize("fix", [None, "Mend it so."])
def test_a_failure_is_this_row(fix: str | None) -> None:
    """Where an answer gives no fix, that of the code stands in the row."""
    failed = refused(0, {"hs_name": "Name 4"}) | {"column": "hs_name", "fix": fix}
    _, effects = folded(run(), intent(4), outcome(2, failed=[failed]))
    (row,) = effects[-1].failures
    assert row.pop("fix") == (fix or problems.CODES["refused"].fix)
    assert row == PLACE | SENT | {
        "n": 3, "state": "failed", "code": "refused", "message": "no", "column": "hs_name", "attribution": "record",
        "correlation_id": "c-1", "row": {"hs_name": "Name 4"},
    }  # fmt: skip


@pytest.mark.parametrize("fix", [None, "Mend it so."])
def test_a_rejected_row_is_this_row(fix: str | None) -> None:
    """The first problem stands on top, with the fix of its code where it has none of its own."""
    entry = reject(3)
    entry["items"][0]["problems"][0]["fix"] = fix
    _, effects = folded(run(), entry)
    assert effects[-1].failures == [{
        "schema": 1, "n": 2, "source": "a.csv", "ordinal": 3, "line_number": 5, "identity": None, "name": None,
        "state": "failed", "code": "name_missing", "message": "hs_name is blank", "column": "hs_name",
        "fix": fix or problems.CODES["name_missing"].fix, "correlation_id": None, "attempts": 0,
        "problems": entry["items"][0]["problems"], "row": {"hs_name": ""}, "run": 1,
    }]  # fmt: skip


def test_a_snapshot_brings_everything_back() -> None:
    """What was learnt before a snapshot is known after it, and goes through JSON."""
    fold, _ = folded(
        run(), intent(1), outcome(2, doubt=[0]), resolve(2, created=created("7", EARLY), refusal="partial"),
        intent(2), end(),
    )  # fmt: skip
    again = Fold.restored(orjson.loads(orjson.dumps(fold.snapshot())))
    assert (again.header, again.run, again.ended) == (header(), 1, True)
    assert (again.refusals, again.skew_s, again.newest) == ("partial", 10.0, ("7", EARLY))
    assert (again.schemes, again.run_schemes) == ({"": SCHEME}, {1: SCHEME})


def test_a_ledger_without_runs() -> None:
    """It has had no run, and none is unfinished."""
    fold, _ = folded()
    assert (fold.run, fold.ended, fold.books) == (0, True, {})


def test_the_books_of_a_run_are_kept() -> None:
    """By the number of the run."""
    fold, _ = folded(run(), end(), run(2), end(2))
    assert fold.books == {1: end(), 2: end(2)}


def test_only_schemes_of_open_intents_are_kept() -> None:
    """A run's scheme is forgotten when nothing that it sent is open any more."""
    fold, _ = folded(run(), intent(1), outcome(2, created=made(0)), run(2), intent(2, run=2), run(3))
    assert list(fold.run_schemes) == [2, 3]


def test_what_an_answer_made_binds_the_scheme() -> None:
    """A campaign that was never in doubt does so, too."""
    fold, _ = folded(run(), intent(1), outcome(2, created=made(0)))
    assert fold.schemes == {"": SCHEME}


def test_a_finding_closes_its_intent_and_teaches() -> None:
    """Found campaigns count as the newest; what is settled is open no more; a finding without refusal changes none."""
    fold, _ = folded(
        run(), intent(1), outcome(2, doubt=[0]), resolve(2, created=created("7", LATE), refusal="atomic"),
        intent(2), outcome(5, doubt=[0]), resolve(5, absent=[0]),
    )  # fmt: skip
    assert (fold.open, fold.newest, fold.refusals) == ({}, ("7", LATE), "atomic")


@pytest.mark.parametrize(
    ("answers", "newest"),
    [
        ([("1", LATE), ("20", EARLY)], ("1", LATE)),
        ([("1", EARLY), ("20", LATE)], ("20", LATE)),
        ([("1", LATE), ("20", LATE)], ("1", LATE)),
        ([("9999", EARLY), ("1", LATE)], ("1", LATE)),
        ([("1", None), ("20", LATE)], ("20", LATE)),
    ],
)
def test_the_newest_campaign(answers: list[tuple[str, str | None]], newest: tuple[str, str]) -> None:
    """It is the one created last, the first of equals, by the first campaign of each answer."""
    entries: list[dict[str, Any]] = [run()]
    for number, (ident, at) in enumerate(answers):
        of = len(entries) + 1
        entries += [intent(2 * number, 2 * number + 1)]
        entries += [outcome(of, created=created(ident, at) + created("77", LATEST, 1))]
    assert folded(*entries)[0].newest == newest


def test_nothing_is_learnt_without_a_bound() -> None:
    """An intent that could not bound the server's clock says nothing of it."""
    fold, _ = folded(run(), intent(1) | {"srv": None}, outcome(2, created=created("7", EARLY)))
    assert (fold.skew_s, fold.newest, fold.open) == (None, ("7", EARLY), {})


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("1970-01-01T01:00:00Z", 3600.0),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1970-01-01T01:00:00", 3600.0),
        ("x", None),
    ],
)
def test_moments(moment: str, seconds: float | None) -> None:
    """A zone that is named holds; none means UTC."""
    assert epoch(moment) == seconds


def test_an_entry_stands_at_the_start_unless_told() -> None:
    """The place of an intent in the journal is 0 when nobody gives one."""
    fold = Fold()
    for n, entry in enumerate([header(), run(), intent(1)]):
        fold.apply(n, entry)
    assert (fold.open[2].offset, fold.open[2].states) == (0, [State.SENT])
