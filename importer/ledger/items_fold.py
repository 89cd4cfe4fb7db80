"""What entries of budget and spend items mean, folded as the rest is. Pure.

An item lives the life of a record: the table `model.TRANSITIONS` holds for it, too. The fold keeps only those of which
a request may be on its way or cannot be told; how many are due is a count, and which they are stands in the journal.
"""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from importer import problems
from importer.ledger.effects import Effect
from importer.ledger.item_entries import Item
from importer.model import Event, State, advance

if TYPE_CHECKING:
    from importer.ledger.fold import Fold, OpenIntent

_SETTLED: Final = frozenset({State.CREATED, State.FAILED, State.OPEN})
_DONE: Final = frozenset({State.CREATED, State.FAILED, State.UNRESOLVED})


@dataclass(slots=True)
class OpenItem:
    """An item that was announced and is not settled."""

    n: int
    entry: Item
    state: State
    offset: int  #: of its line in the journal, bytes


def fall_due(fold: "Fold", intent: "OpenIntent", created: Iterable[Any]) -> None:
    """Count the items of those records of an intent whose campaigns are known now."""
    more = intent.entry.get("more")
    if more:
        made = frozenset(one[0] for one in created)
        fold.items_due += sum(1 for place, *_ in more if place in made)


def reopen(fold: "Fold", n: int, entry: Any, offset: int, state: State) -> None:
    """Put back an item which was open when a snapshot was taken."""
    fold.items[n] = OpenItem(n, entry, state, offset)


def drop(fold: "Fold", campaigns: Container[str]) -> None:
    """Forget the open items of campaigns which are archived: nobody asks for them any more."""
    for n, item in list(fold.items.items()):
        if item.entry["campaign"] in campaigns:
            fold.items_due -= item.state is not State.UNRESOLVED
            del fold.items[n]


def body_of(entry: Item) -> dict[str, Any]:
    """Return what was sent for an item: name, amount, order, and a description where there is one."""
    body = entry["body"]
    found: dict[str, Any] = orjson.loads(body) if isinstance(body, bytes) else body
    return found


def _item(fold: "Fold", n: int, entry: Any, offset: int, _effect: Effect) -> None:
    before = State.FAILED if entry["again"] else State.OPEN
    fold.items[n] = OpenItem(n, entry, advance(before, Event.INTENT), offset)
    fold.items_due += entry["again"]
    fold.items_failed -= entry["again"]


def _item_outcome(fold: "Fold", n: int, entry: Any, _offset: int, effect: Effect) -> None:
    item = fold.items[entry["of"]]
    before, item.state = item.state, advance(item.state, Event(entry["event"]))
    fold.items_due += (before is State.UNRESOLVED) - (item.state in _DONE)
    fold.items_failed += item.state is State.FAILED
    if item.state in {State.FAILED, State.UNRESOLVED} and item.state is not before:
        effect.failures.append(_failure_row(n, fold.run, item, entry))
    if item.state in _SETTLED:
        del fold.items[entry["of"]]


def _failure_row(n: int, run: int, item: OpenItem, entry: Any) -> dict[str, Any]:
    """Return the failures row of an item, with the row of its campaign."""
    of, code, body = item.entry, entry["code"], body_of(item.entry)
    message = f"{body['name']} of {body['amount']}: {entry['note']}"
    return {
        "schema": 1, "n": n, "source": of["source"], "ordinal": of["ordinal"], "line_number": of["line"],
        "identity": of["identity"], "name": of["name"], "state": str(item.state), "code": code,
        "message": message, "column": of["kind"], "fix": problems.CODES[code].fix,
        "correlation_id": entry["corr"], "attempts": of["a"], "row": None, "run": run,
        "item": {"kind": of["kind"], "campaign": of["campaign"], **body},
    }  # fmt: skip


Handler = Callable[["Fold", int, Any, int, Effect], None]
HANDLERS: Final[dict[str, Handler]] = {"item": _item, "item_outcome": _item_outcome}
