"""Budget and spend: the items of a campaign, one request each, as HubSpot's OpenAPI files have them."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from importer.simulator.replies import Detail, RefusedError, Reply, dumped, plain

if TYPE_CHECKING:
    from importer.simulator.exchange import Exchange

KINDS: Final = ("budget", "spend")


def add(kind: str, x: "Exchange") -> Reply:
    """Make one item: 201."""
    position = _campaign(x)
    fields = _fields(x)
    return dumped(201, _shown(x.account.add_item(position, kind, fields, request=x.call.number)))


def change(kind: str, x: "Exchange") -> Reply:
    """Change one item: 200."""
    position, item = _item(x, kind)
    changed = {**item, **_fields(x), "updatedAt": x.account.now_ms()}
    x.account.put_item(position, changed)
    return dumped(200, _shown(changed))


def remove(kind: str, x: "Exchange") -> Reply:
    """Delete one item: 204."""
    position, item = _item(x, kind)
    x.account.put_item(position, {**item, "removed": True})
    return Reply(204)


def show(kind: str, x: "Exchange") -> Reply:
    """Show one item."""
    return dumped(200, _shown(_item(x, kind)[1]))


def totals(x: "Exchange") -> Reply:
    """Show all items of a campaign, the newest first, and their sums."""
    standing = x.account.store.items(_campaign(x))
    of_kind = {kind: [_shown(item) for item in reversed(standing) if item["kind"] == kind] for kind in KINDS}
    budget, spend = (math.fsum(item["amount"] for item in of_kind[kind]) for kind in KINDS)
    return dumped(
        200,
        {
            "currencyCode": x.account.policy.currency,
            "budgetItems": of_kind["budget"],
            "spendItems": of_kind["spend"],
            "budgetTotal": budget,
            "spendTotal": spend,
            "remainingBudget": budget - spend,
        },
    )


def _campaign(x: "Exchange") -> int:
    position = x.account.store.find(x.call.target)
    if position is None:
        raise RefusedError(plain(404, f"Campaign {x.call.target} was not found", context={"id": [x.call.target]}))
    return position


def _item(x: "Exchange", kind: str) -> tuple[int, dict[str, Any]]:
    position = _campaign(x)
    for item in x.account.store.items(position):
        if item["id"] == x.call.item and item["kind"] == kind:
            return position, item
    raise RefusedError(plain(404, f"The {kind} item {x.call.item} was not found", context={"id": [x.call.item]}))


def _fields(x: "Exchange") -> dict[str, Any]:
    """Return name, amount, order and description of the body; refuse what the API's files do not permit."""
    body = x.document()
    if not isinstance(body, dict):
        raise RefusedError(Detail("Invalid input JSON: an object is needed", code="INVALID_JSON"))
    missing = [name for name in ("amount", "name", "order") if body.get(name) is None]
    if missing:
        raise RefusedError(Detail(f"Some required fields were not set: [{', '.join(missing)}]", code="REQUIRED_FIELD"))
    amount, name, order = body["amount"], body["name"], body["order"]
    number = isinstance(amount, int | float) and not isinstance(amount, bool)
    if not number or type(order) is not int or not isinstance(name, str) or not name.strip():
        raise RefusedError(Detail("Invalid input JSON: a field has the wrong type", code="INVALID_JSON"))
    poison = x.account.policy.poison
    if amount < 0 or (poison is not None and poison in name):
        raise RefusedError(Detail(f"The item {name!r} is not accepted", code="INVALID_ITEM"))
    described = {"description": str(body["description"])} if body.get("description") else {}
    return {"name": name, "amount": amount, "order": order, **described}


def _shown(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in {"kind", "request", "removed"}}


def _of_kind(act: Callable[[str, "Exchange"], Reply], name: str) -> dict[str, Callable[["Exchange"], Reply]]:
    return {f"{name}_{kind}": partial(act, kind) for kind in KINDS}


ACTIONS: Final[Mapping[str, Callable[["Exchange"], Reply]]] = {
    **_of_kind(add, "add"),
    **_of_kind(change, "change"),
    **_of_kind(remove, "remove"),
    **_of_kind(show, "show"),
    "totals": totals,
}
