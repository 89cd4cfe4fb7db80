"""The decision: which column feeds which property, how its values are read, which columns name a record, what is left.

No two columns feed one property, no column feeds two, and each column is named: as a feed, as the key, or as left out
with the reason. A date format that is proposed reads every sampled value but those it names. This module is pure.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from importer.errors import UsageError
from importer.hubspot.definitions import Definition
from importer.items.mapped import column_rules, is_item
from importer.legible import one_line
from importer.mapping import OWN_COLUMNS
from importer.near_miss import nearest
from importer.properties import NAME, WRITABLE
from importer.proposing.columns import Column
from importer.proposing.fitting import Misfit, fit
from importer.proposing.orders import Order, order_of
from importer.proposing.scores import SURE, Match, matches
from importer.proposing.words import KEYS, squeezed

_KEY_ORDER: Final = {squeezed(heading): at for at, heading in enumerate(KEYS)}
_COLUMNS_SHOWN_MAX: Final = 12
_DECIMAL_COMMA: Final = re.compile(r",[0-9]{1,2}$|\..*,")  #: 1,5 and 1.234,567, but not 1,234
_MONEY: Final = ("budget", "spend", "cost")
NO_KEY: Final = (
    "no column names a record for good: without a key, a row that is edited in its name counts as another campaign"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One property and the column that feeds it."""

    prop: str
    column: str
    rule: Mapping[str, Any]  #: as an entry of a mapping's `properties`
    reason: str  #: why this column, a clause
    doubts: tuple[str, ...] = ()  #: what a person should look at, sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A mapping, and why."""

    name: str  #: the mapping's name, which is the key space
    feeds: tuple[Feed, ...]  #: `hs_name` first
    key: tuple[str, ...]
    key_reason: str
    left: Mapping[str, str]  #: column → why it feeds nothing

    def mapping(self) -> dict[str, Any]:
        """Return the mapping as parsed TOML would be."""
        return {
            "name": self.name,
            "key": list(self.key),
            "ignore": [column for column in self.left if column.strip()],
            "properties": {feed.prop: dict(feed.rule) for feed in self.feeds},
        }


def propose(columns: Sequence[Column], *, name: str, definitions: Sequence[Definition] = ()) -> Proposal:
    """Return the proposal for a sample; `definitions` are the account's properties, where they are known.

    Raises `UsageError` when no column can feed `hs_name`.
    """
    named = [one for one in columns if one.name.strip() and one.name not in OWN_COLUMNS]
    order = order_of(named)
    by_name = {one.name: one for one in definitions}
    feeds: dict[str, Feed] = {}
    left: dict[str, str] = {}
    for match in matches(named, definitions):
        column = match.column.name
        if match.prop in feeds or any(feed.column == column for feed in feeds.values()):
            if match.prop in feeds and match.score >= SURE:
                left.setdefault(column, f"{match.prop} is fed by {feeds[match.prop].column} already")
            continue
        made = _feed(match, order, by_name)
        if isinstance(made, Misfit):
            left.setdefault(column, made.reason)
        else:
            feeds[match.prop] = made
            left.pop(column, None)
    if NAME not in feeds:
        raise _nameless(columns)
    feeds |= {feed.prop: feed for feed in _items(named) if feed.column not in {one.column for one in feeds.values()}}
    key = _key(named, feeds)
    used = {feed.column for feed in feeds.values()} | ({key.name} if key else set())
    return Proposal(
        name=name,
        feeds=tuple(sorted(feeds.values(), key=_place)),
        key=(key.name,) if key else (),
        key_reason=f"filled and different in all {len(key.values)} sampled rows" if key else NO_KEY,
        left={one.name: left.get(one.name) or _why_left(one) for one in columns if one.name not in used},
    )


def _feed(match: Match, order: Order, definitions: Mapping[str, Definition]) -> Feed | Misfit:
    made = fit(match.prop, match.column, order, definitions.get(match.prop))
    if isinstance(made, Misfit):
        return made
    return Feed(
        prop=match.prop,
        column=match.column.name,
        rule={"column": match.column.name, **made.how},
        reason=match.reason,
        doubts=made.doubts,
    )


def _items(columns: Sequence[Column]) -> Iterator[Feed]:
    """Yield a feed for each column whose heading is a field of an item, where they make whole items."""
    names = [one.name for one in columns if is_item(one.name) and not one.nested]
    try:
        column_rules(names)
    except UsageError:
        return
    for name in names:
        yield Feed(prop=name, column=name, rule={"column": name}, reason="its heading is the field of an item")


def _place(feed: Feed) -> tuple[int, str]:
    """Return where a property stands: HubSpot's own in their usual order, then the account's."""
    return (WRITABLE.index(feed.prop), "") if feed.prop in WRITABLE else (len(WRITABLE), feed.prop)


def _key(columns: Sequence[Column], feeds: Mapping[str, Feed]) -> Column | None:
    """Return the column whose heading and values name a record, or None."""
    fed = {feed.column for feed in feeds.values()}
    known = [one for one in columns if one.keylike and one.name not in fed and _key_rank(one) is not None]
    return min(known, key=lambda one: _key_rank(one) or 0, default=None)


def _key_rank(column: Column) -> int | None:
    heading = squeezed(column.name)
    if heading in _KEY_ORDER:
        return _KEY_ORDER[heading]
    ends = column.name.endswith(("Id", "ID", " id", "_id", "-Nr", "_nr", " No", "_no")) or heading.endswith("idc")
    return len(KEYS) if ends else None


def _why_left(column: Column) -> str:
    if column.name in OWN_COLUMNS:
        return "files of failed rows have it for people"
    if not column.name.strip():
        return "it has no name"
    if column.nested:
        return "it holds lists or objects"
    if not column.filled:
        return f"it is blank in all {len(column.values)} sampled rows"
    if _key_rank(column) is not None:
        return "it is not needed: another column is the key" if column.unique else "it names no single record"
    if column.all_numbers and any(word in squeezed(column.name) for word in _MONEY):
        return _as_item(column)
    return "nothing in HubSpot's campaigns is known to take it"


def _as_item(column: Column) -> str:
    """Return how money becomes an item of the campaign: the line that does it."""
    kind = "budget" if "budget" in squeezed(column.name) else "spend"
    name = json.dumps(one_line(column.name), ensure_ascii=False)
    comma = any(_DECIMAL_COMMA.search(value) for value in column.filled)
    rule = f'{{ column = {name}, decimal = "," }}' if comma else name
    return f'money: to make it an item, move it below [mapping.properties] as "{kind}.amount" = {rule}'


def _nameless(columns: Sequence[Column]) -> UsageError:
    shown = ", ".join(one_line(one.name) for one in columns[:_COLUMNS_SHOWN_MAX])
    more = ", …" if len(columns) > _COLUMNS_SHOWN_MAX else ""
    near = next((one.name for one in columns if nearest(one.name, [NAME])), None)
    first = f'Is "{one_line(near)}" {NAME}, misspelt? ' if near is not None else ""
    return UsageError(
        f"no column looks like the campaign's name; the columns are: {shown}{more}",
        hint=f"{first}Rename the column that names the campaign to {NAME}; or write importer.toml yourself: a line"
        f' [mapping.properties], and below it {NAME} = "that column".',
    )
