"""The entries that budget and spend items write (see `entries` for the rest). Pure.

What is to be made stands in the intent of the campaign (`more`), so it is durable before the campaign can exist.
"""

from typing import Any, Literal, TypedDict


class Item(TypedDict):
    """A budget or spend item is about to be made. Durable before the first byte leaves."""

    t: Literal["item"]
    run: int  #: number of the run
    a: int  #: attempt of this run, from 1
    again: bool  #: whether it had failed, and is tried once more
    srv: list[float] | None  #: bounds of the server's clock when this was written; None before any measurement
    at: float  #: wall clock
    of: int  #: number of the intent that names it
    k: int  #: its place in that intent's `more`
    kind: str  #: budget or spend
    campaign: str  #: HubSpot's id
    identity: str  #: of the record, 32 hex digits
    name: str  #: of the campaign
    source: str  #: name of the source
    ordinal: int  #: 0-based number of the row in its source
    line: int | None  #: 1-based line on which the row starts; null where the format has no lines
    body: Any  #: the request body exactly as sent: bytes when appended, parsed when read back


#: One or more entries close an item: `of` is its number.
ItemOutcome = TypedDict(
    "ItemOutcome",
    {
        "t": Literal["item_outcome"],
        "of": int,  #: number of the `item` entry
        "class": str,  #: answered, refused, not_sent, unknown, looked
        "event": str,  #: created, refused, returned, doubted, found, absent, undecidable
        "status": int | None,  #: status of the answer; null without one
        "corr": str | None,  #: HubSpot's id of the request
        "id": str | None,  #: HubSpot's, of an item that exists
        "code": str | None,  #: why it was not made, or cannot be told
        "note": str | None,  #: what was seen, for people
        "at": float,  #: wall clock
    },
)

ItemEntry = Item | ItemOutcome
