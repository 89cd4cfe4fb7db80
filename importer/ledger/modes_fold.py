"""What entries of updates and adoption mean: `update`, `updated`, `confirm`, `gone`, `adopt`, folded as the rest is.

An update's intent is open while its records are `updating`. To the index an updated campaign is a created one with
another content: that it exists guards it, and its content tells whether a row differs. This module is pure.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from importer.ledger import items_fold
from importer.ledger.effects import Change, Effect
from importer.model import Event, State, advance

if TYPE_CHECKING:
    from importer.ledger.fold import Fold


def _update(fold: "Fold", n: int, entry: Any, offset: int, _effect: Effect) -> None:
    states = [advance(State.CREATED, Event.UPDATE)] * len(entry["items"])
    fold.reopen(n, entry, offset, states)


def _updated(fold: "Fold", n: int, entry: Any, _offset: int, effect: Effect) -> None:
    intent = fold.open[entry["of"]]
    items, sources = intent.entry["items"], intent.entry["src"]
    for index in entry["returned"]:
        intent.states[index] = advance(intent.states[index], Event.RETURNED)
    for index in entry["doubt"]:
        intent.states[index] = advance(intent.states[index], Event.DOUBTED)
    for failed in entry["failed"]:
        intent.states[failed["i"]] = advance(intent.states[failed["i"]], Event.REFUSED)
        effect.failures.append(fold.failure_row(n, intent, failed, entry["corr"]))
    for index, properties in entry["updated"]:
        intent.states[index] = advance(intent.states[index], Event.UPDATED)
        source, _ordinal, _line, identity, name, content = items[index]
        effect.changes.append(Change(identity, State.CREATED, content, name, sources[source]))
        row = fold.place(n, intent, items[index]) | {"id": intent.entry["ids"][index], "created_at": None}  # type: ignore[typeddict-item] # an update's
        row |= {"via": "update", "pairing": "key", "updated": list(properties)}
        effect.results.append(row | {"attempts": intent.entry["a"], "run": fold.run})
    fold.settle(intent)


def _confirm(_fold: "Fold", _n: int, entry: Any, _offset: int, effect: Effect) -> None:
    """The campaigns show what their rows say: nothing had to be written."""
    effect.changes += [Change(one[0], State.CREATED, one[1], one[2], one[3]) for one in entry["items"]]


def _gone(_fold: "Fold", _n: int, entry: Any, _offset: int, effect: Effect) -> None:
    state = advance(State.CREATED, Event.GONE)
    effect.changes += [Change(one[0], state, one[1], one[2], one[3]) for one in entry["items"]]


def _adopt(fold: "Fold", n: int, entry: Any, _offset: int, effect: Effect) -> None:
    state = advance(State.OPEN, Event.ADOPTED)
    scheme = fold.run_schemes[entry["run"]]
    by_key = any(item[5] == "exact" for item in entry["items"])
    by_name = not scheme.get("key") and not scheme.get("correlated")
    if "key" in scheme and (by_key or by_name):  # else their identities tell of no key; older adoptions named none
        fold.schemes.setdefault(scheme["key_space"], scheme)
    for identity, campaign, name, content, created_at, pairing in entry["items"]:
        effect.changes.append(Change(identity, state, content, name, ""))
        effect.results.append(
            {
                "schema": 1, "n": n, "source": "", "ordinal": 0, "line_number": None, "identity": identity,
                "name": name, "id": campaign, "created_at": created_at, "via": "adopt", "pairing": pairing,
                "attempts": 0, "run": entry["run"],
            }
        )  # fmt: skip


Handler = Callable[["Fold", int, Any, int, Effect], None]
HANDLERS: Final[dict[str, Handler]] = {
    "update": _update,
    "updated": _updated,
    "confirm": _confirm,
    "gone": _gone,
    "adopt": _adopt,
    **items_fold.HANDLERS,
}
