"""Budget and spend items: what is sent, what comes back, and where. One request makes one item; there is no batch.

Facts: HubSpot's OpenAPI files (`PublicBudgetItemInput`, `PublicBudgetItem`, `PublicBudgetTotals`; spend has the same).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from importer.hubspot.exchange import Exchange
from importer.hubspot.inquiries import Sends
from importer.hubspot.wire import UnreadableReplyError, paths
from importer.model import CampaignItem

_LISTS: Final = {"budget": "budgetItems", "spend": "spendItems"}


class ShownItem(NamedTuple):
    """An item as HubSpot shows it."""

    id: str
    kind: str  #: budget or spend
    name: str
    amount: float
    order: int | None


class ItemCalls:
    """Sends through a transport; each method sends one request, and a cancellation passes through."""

    def __init__(self, transport: Sends, api_version: str) -> None:
        self._transport, self._base = transport, paths(api_version).campaigns

    async def make(self, kind: str, campaign: str, body: bytes) -> Exchange:
        """POST a body of `encode_item`. A cancellation leaves open whether the item was made."""
        return await self._transport.exchange("POST", f"{self._base}/{campaign}/{kind}", body=body)

    async def totals(self, campaign: str) -> Exchange:
        """GET all items of a campaign's budget and spend."""
        return await self._transport.exchange("GET", f"{self._base}/{campaign}/budget/totals")


def encode_item(item: CampaignItem) -> bytes:
    """Return the body that makes an item; the amount stands there digit by digit, as a JSON number."""
    fields: dict[str, Any] = {"name": item.name, "amount": orjson.Fragment(item.amount), "order": item.order}
    return orjson.dumps(fields | ({"description": item.description} if item.description else {}))


def parse_item(kind: str, body: bytes) -> ShownItem:
    """Return what a 2xx answer to the making of an item holds; raise `UnreadableReplyError`."""
    return _item(kind, _object(body))


def parse_totals(body: bytes) -> tuple[ShownItem, ...]:
    """Return every item of a campaign; raise `UnreadableReplyError`."""
    held = _object(body)
    found: list[ShownItem] = []
    for kind, name in _LISTS.items():
        items = held.get(name)
        if not isinstance(items, Sequence) or isinstance(items, str):
            raise UnreadableReplyError(f"{name}: no list")
        found += [_item(kind, item) for item in items]
    return tuple(found)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        held = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UnreadableReplyError("the body is not JSON") from None
    if not isinstance(held, Mapping):
        raise UnreadableReplyError("the body is no JSON object")
    return held


def _item(kind: str, held: Any) -> ShownItem:
    if not isinstance(held, Mapping):
        raise UnreadableReplyError("an item is no JSON object")
    shown, name, amount, order = (held.get(field) for field in ("id", "name", "amount", "order"))
    if not isinstance(shown, str) or not shown or not isinstance(name, str):
        raise UnreadableReplyError("an item has no id or no name")
    if not isinstance(amount, int | float) or isinstance(amount, bool):
        raise UnreadableReplyError("an item has no amount")
    return ShownItem(shown, kind, name, float(amount), order if isinstance(order, int) else None)
