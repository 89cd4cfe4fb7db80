"""The campaigns of the simulated account, in columns: flat memory, and pages without walking through all. Pure."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, overload

import orjson

from importer.simulator.replies import iso

OBJECT_ID_BASE: Final = 300_000_000_000  #: numeric ids (`hs_object_id`) count from here
SORTS: Final = ("hs_name", "createdAt", "updatedAt")


class Campaign(NamedTuple):
    """One campaign of the ground truth."""

    id: str
    properties: dict[str, str]  #: as stored
    created_at: str  #: as the server shows it
    request: int  #: number of the request that made it; 0 for none
    foreign: bool  #: made by somebody else
    archived: bool
    items: tuple[dict[str, Any], ...] = ()  #: of budget and spend, in the order of their making; with their requests


class Page(NamedTuple):
    """One page of a listing."""

    total: int  #: campaigns that match, on all pages
    positions: Sequence[int]


class Store(Sequence[Campaign]):
    """All campaigns ever made, in the order of their making; a position is an index into it."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.texts: list[str] = []  #: properties as JSON; str, because orjson's bytes keep an oversized buffer alive
        self._names: list[str] = []  #: case-folded
        self._made_ms = array("q")  #: true times, never falling
        self._created_ms = array("q")  #: as shown
        self._updated_ms: dict[int, int] = {}
        self._requests = array("q")
        self._foreign: set[int] = set()
        self._archived: set[int] = set()
        self._items: dict[int, dict[str, dict[str, Any]]] = {}
        self.next_item = 1  #: number of the next budget or spend item
        self._positions: dict[str, int] = {}
        self._created_rising = True
        self._orders: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> Campaign: ...
    @overload
    def __getitem__(self, index: slice) -> list[Campaign]: ...
    def __getitem__(self, index: int | slice) -> Campaign | list[Campaign]:
        if isinstance(index, slice):
            return [self._campaign(position) for position in range(*index.indices(len(self)))]
        return self._campaign(range(len(self))[index])

    def __iter__(self) -> Iterator[Campaign]:
        return map(self._campaign, range(len(self)))

    def _campaign(self, position: int) -> Campaign:
        return Campaign(
            id=self.ids[position],
            properties=self.properties(position),
            created_at=iso(self._created_ms[position]),
            request=self._requests[position],
            foreign=position in self._foreign,
            archived=position in self._archived,
            items=self.items(position),
        )

    @property
    def foreign_count(self) -> int:
        """Campaigns that somebody else made."""
        return len(self._foreign)

    @property
    def archived_count(self) -> int:
        """Campaigns that were archived."""
        return len(self._archived)

    @property
    def last_request(self) -> int:
        """The highest request number that made a campaign."""
        return max(self._requests, default=0)

    def add(
        self, campaign_id: str, text: str, name: str, *, made_ms: int, created_ms: int, request: int, foreign: bool
    ) -> int:
        """Keep a campaign and return its position; times are epoch milliseconds."""
        position = len(self.ids)
        if self._made_ms:
            made_ms = max(made_ms, self._made_ms[-1])
            self._created_rising = self._created_rising and created_ms >= self._created_ms[-1]
        self.ids.append(campaign_id)
        self.texts.append(text)
        self._names.append(name.casefold())
        self._made_ms.append(made_ms)
        self._created_ms.append(created_ms)
        self._requests.append(request)
        self._positions[campaign_id] = position
        if foreign:
            self._foreign.add(position)
        return position

    def update(self, position: int, properties: Mapping[str, str], at_ms: int) -> None:
        """Replace the properties of a campaign."""
        self.texts[position] = orjson.dumps(properties).decode()
        self._names[position] = properties.get("hs_name", "").casefold()
        self._updated_ms[position] = at_ms
        self._orders.clear()

    def archive(self, position: int) -> None:
        """Take a campaign out of all replies; the truth keeps it."""
        self._archived.add(position)

    def put_item(self, position: int, item: dict[str, Any]) -> None:
        """Keep an item of a campaign, new or changed."""
        self._items.setdefault(position, {})[item["id"]] = item
        self.next_item = max(self.next_item, int(item["id"]) + 1)

    def items(self, position: int) -> tuple[dict[str, Any], ...]:
        """Return the items of a campaign that were not removed, in the order of their making."""
        return tuple(item for item in self._items.get(position, {}).values() if not item.get("removed"))

    def find(self, campaign_id: str) -> int | None:
        """Return the position of a campaign which is not archived, or None."""
        position = self._positions.get(campaign_id)
        return None if position in self._archived else position

    def properties(self, position: int) -> dict[str, str]:
        """Return a copy of the stored properties."""
        properties: dict[str, str] = orjson.loads(self.texts[position])
        return properties

    def times(self, position: int) -> tuple[int, int]:
        """Return `createdAt` and `updatedAt` in epoch milliseconds."""
        created = self._created_ms[position]
        return created, self._updated_ms.get(position, created)

    def shown(self, position: int, properties: Any) -> dict[str, Any]:
        """Return the campaign as replies show it, with `properties` (a map or an `orjson.Fragment`)."""
        created, updated = self.times(position)
        return {
            "id": self.ids[position],
            "properties": properties,
            "createdAt": iso(created),
            "updatedAt": iso(updated),
            "businessUnits": self.business_units(position),
        }

    def business_units(self, position: int) -> list[dict[str, int]]:
        """Return the brands, which are written as the property `hs_business_unit_ids`."""
        if '"hs_business_unit_ids"' not in self.texts[position]:
            return []
        ids = self.properties(position).get("hs_business_unit_ids", "").replace(",", ";").split(";")
        return [{"id": int(unit)} for unit in ids if unit.strip().isdecimal()]

    def page(
        self, *, sort: str, descending: bool, name: str | None, until_ms: int | None, offset: int, limit: int
    ) -> Page:
        """Return one page of what was made until `until_ms` (None: everything), whose names contain `name`.

        Only a plain listing by `createdAt` is free of walking through all campaigns.
        """
        visible = len(self) if until_ms is None else bisect_right(self._made_ms, until_ms)
        positions: Sequence[int]
        if sort == "createdAt" and self._created_rising:
            positions = range(visible)
        else:
            positions = [position for position in self._ordered(sort) if position < visible]
        if self._archived:
            positions = [position for position in positions if position not in self._archived]
        if name:
            needle, names = name.casefold(), self._names
            positions = [position for position in positions if needle in names[position]]
        if descending:
            positions = positions[::-1]
        return Page(len(positions), positions[offset : offset + limit])

    def _ordered(self, sort: str) -> list[int]:
        """Return all positions in the order of `sort`; sorting what is sorted but for its end is quick."""
        keys: dict[str, Callable[[int], Any]] = {
            "hs_name": self._names.__getitem__,
            "createdAt": self._created_ms.__getitem__,
            "updatedAt": lambda position: self.times(position)[1],
        }
        order = self._orders.setdefault(sort, [])
        if len(order) < len(self):
            order.extend(range(len(order), len(self)))
            order.sort(key=keys[sort])
        return order
