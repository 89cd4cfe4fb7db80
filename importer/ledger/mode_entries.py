"""The entries that updates and adoption write (see `entries` for the rest). Pure."""

from typing import Any, Literal, TypedDict

from importer.ledger.entries import FailedItem, Item


class Update(TypedDict):
    """A batch of updates is about to be sent. Durable before the first byte leaves; may be repeated."""

    t: Literal["update"]
    run: int  #: number of the run
    a: int  #: attempt, from 1
    srv: list[float] | None  #: bounds of the server's clock; None before any measurement
    at: float  #: wall clock
    src: list[str]  #: names of the sources that `items` point to
    items: list[Item]  #: with the content that the record has now
    ids: list[str]  #: the campaign of each
    body: Any  #: the request body as sent: only the properties that change


#: One or more entries close an update: `of` is its number.
Updated = TypedDict(
    "Updated",
    {
        "t": Literal["updated"],
        "of": int,  #: number of the `update`
        "class": str,  #: answered, refused, not_sent, unknown, or read: told by reading the campaign
        "status": int | None,  #: status of the answer; null without one
        "corr": str | None,  #: HubSpot's id of the request
        "note": str | None,  #: what was seen, for people
        "updated": list[tuple[int, list[str]]],  #: index and properties written, of each that was
        "failed": list[FailedItem],  #: records that were refused
        "returned": list[int],  #: indices of records that may be sent again
        "doubt": list[int],  #: indices of records of which nobody knows
    },
)

Known = tuple[str, str, str, str]  #: identity, content, name, source


class Confirm(TypedDict):
    """Campaigns which were found to show what their rows say now."""

    t: Literal["confirm"]
    run: int  #: number of the run
    items: list[Known]  #: identity, content digest, name and source of each


class Gone(TypedDict):
    """Campaigns which were deleted in HubSpot and are to be made again."""

    t: Literal["gone"]
    run: int  #: number of the run
    items: list[Known]  #: identity, content digest, name and source of each


class Adopt(TypedDict):
    """Campaigns which were found in the account."""

    t: Literal["adopt"]
    run: int  #: number of the run
    #: identity, campaign, name, content, createdAt, how its identity was told: key (correlation), exact (key), name
    items: list[tuple[str, str, str, str, str | None, str]]
    values: list[dict[str, str]]  #: what each showed


ModeEntry = Update | Updated | Confirm | Gone | Adopt
