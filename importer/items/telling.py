"""What a campaign shows of its budget and spend, against one item in doubt. Pure.

No row has two items of one kind, name and amount (such a row is refused), so what shows these is ours, or was typed in
by somebody else since; the order decides between several. HubSpot may number orders anew, so one that differs proves
nothing by itself.
"""

from collections.abc import Sequence
from typing import NamedTuple

from importer import canonical
from importer.hubspot.items import ShownItem
from importer.model import CampaignItem


class Told(NamedTuple):
    """What a look tells of an item."""

    id: str | None = None  #: it is there
    unclear: str | None = None  #: why it cannot be told; neither: it is not there


def tell(item: CampaignItem, shown: Sequence[ShownItem]) -> Told:
    """Return whether `item` is among the items that its campaign shows."""
    equal = [one for one in shown if is_same(item, one)]
    if len(equal) > 1:
        equal = [one for one in equal if one.order == item.order] or equal
    if len(equal) > 1:
        return Told(unclear=f"the campaign shows {len(equal)} items of this name and amount; one was sent")
    return Told(id=equal[0].id) if equal else Told()


def is_same(item: CampaignItem, shown: ShownItem) -> bool:
    """Return whether HubSpot shows this item, whatever its order."""
    same_name = canonical.name_key(item.name) == canonical.name_key(shown.name)
    return shown.kind == item.kind and same_name and float(item.amount) == shown.amount
