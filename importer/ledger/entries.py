"""The entries of the journal: what each line says.

Entries are plain dictionaries with a declared shape, so that what is appended live and what is read back is one
and the same value. `n` and `c` (number and checksum) are added by the journal. Times are epoch seconds.
This module is pure.
"""

from typing import Any, Final, Literal, NotRequired, TypedDict

SCHEMA: Final = 1  #: version of the journal's lines


class Header(TypedDict):
    """First line of every journal."""

    t: Literal["header"]
    schema: int  #: version of the journal's lines
    journal: str  #: a random id
    tool: str  #: version of the importer that made it
    base_url: str  #: where the API lives
    account: str | None  #: portal id, where it could be told
    simulated: bool  #: whether HubSpot is a simulated one


class Run(TypedDict):
    """A run begins."""

    t: Literal["run"]
    run: int  #: consecutive from 1
    tool: str  #: version of the importer
    pid: int  #: its process
    host: str  #: the machine it ran on
    at: float  #: wall clock
    sources: list[str]  #: names of its sources
    scheme: dict[str, Any]  #: identity scheme of its key space (`records.scheme`)


#: source (index into `src`), ordinal, line number, identity, name, content digest
Item = tuple[int, int, int | None, str, str, str]


#: place of its record in the batch, then the item: kind, name, amount, order, description
MoreItem = tuple[int, str, str, str, int, str]


class Intent(TypedDict):
    """A batch is about to be sent. Durable before the first byte leaves."""

    t: Literal["intent"]
    run: int  #: number of the run
    a: int  #: attempt: 1 + how often these records were sent before
    srv: list[float] | None  #: bounds of the server's clock when this was written; None before any measurement
    at: float  #: wall clock
    src: list[str]  #: names of the sources that `items` point to
    items: list[Item]  #: the records
    more: NotRequired[list[MoreItem]]  #: budget and spend items to be made once the campaigns are
    body: Any  #: the request body exactly as sent: bytes when appended, parsed when read back


#: index in the batch, id, createdAt, pairing, values that came back in another spelling
CreatedItem = tuple[int, str, str | None, str, dict[str, str] | None]


class FailedItem(TypedDict):
    """A record which was not made."""

    i: int
    code: str
    message: str
    column: str | None
    fix: str | None
    attribution: str
    row: Any  #: the raw row, None when only the journal knows the record


#: One entry closes one intent: `of` is the intent's number.
Outcome = TypedDict(
    "Outcome",
    {
        "t": Literal["outcome"],
        "of": int,  #: number of the intent
        "class": str,  #: answered, refused, not_sent or unknown
        "status": int | None,  #: status of the answer; null without one
        "corr": str | None,  #: HubSpot's id of the request
        "note": str | None,  #: what was seen, for people
        "created": list[CreatedItem],  #: records that are campaigns now
        "failed": list[FailedItem],  #: records that were refused
        "returned": list[int],  #: indices of records that may be sent again
        "doubt": list[int],  #: indices of records of which nobody knows whether they were made
        "extra": list[dict[str, Any]],  #: campaigns of the reply that belong to none of ours
        "s": float,  #: seconds that the exchange took
    },
)


class RejectItem(TypedDict):
    """A row which is not sent."""

    source: str
    ordinal: int
    line: int | None
    identity: str | None
    name: str | None
    state: str  #: failed or unresolved
    problems: list[dict[str, Any]]
    row: Any


class Reject(TypedDict):
    """Rows which failed here, before anything was sent."""

    t: Literal["reject"]
    run: int  #: number of the run
    items: list[RejectItem]  #: the rows


class Resolve(TypedDict):
    """What reconciliation found out about records in doubt of the intent `of`."""

    t: Literal["resolve"]
    of: int  #: number of the intent
    run: int  #: number of the run that looked
    evidence: dict[str, Any]  #: what the look was and what it showed
    created: list[CreatedItem]  #: records that were found
    failed: list[FailedItem]  #: refused alone, and now known to have made nothing
    absent: list[int]  #: indices of records that were not made
    unresolved: list[tuple[int, str]]  #: index and why it cannot be told
    extra: NotRequired[list[dict[str, Any]]]  #: campaigns that belong to none of ours
    refusal: NotRequired[str]  #: "atomic" or "partial": whether a refused batch had made anything


#: intent that made it and index there, the campaign's id, identity, name, content digest, source
ArchiveItem = tuple[int, int, str, str, str, str, str]


class Archive(TypedDict):
    """Campaigns are about to be archived. Durable before the first byte leaves."""

    t: Literal["archive"]
    srv: list[float] | None  #: bounds of the server's clock when this was written; None before any measurement
    at: float  #: wall clock
    items: list[ArchiveItem]  #: the campaigns


#: One entry closes one `archive`: `of` is its number. The answer proves nothing; what is told is what a look showed.
Archived = TypedDict(
    "Archived",
    {
        "t": Literal["archived"],
        "of": int,  #: number of the `archive`
        "class": str,  #: answered, refused, not_sent or unknown; settled by a later undo
        "status": int | None,  #: status of the answer; null without one
        "corr": str | None,  #: HubSpot's id of the request
        "note": str | None,  #: what was seen, for people
        "gone": list[int],  #: indices of campaigns not shown any more: the record is as never made
        "stands": list[int],  #: indices of campaigns still shown, and no request can archive them any more
        "at": float,  #: wall clock
    },
)


class Decision(TypedDict):
    """What a person says about an unresolved record."""

    t: Literal["decision"]
    of: int  #: number of the intent
    i: int  #: index of the record in it
    identity: str  #: that of the record
    decision: Literal["created", "absent"]  #: what a person says
    id: str | None  #: HubSpot's id of the campaign, where it exists
    reason: str | None  #: why, in that person's words
    user: str  #: who said so
    at: float  #: wall clock


class Repeat(TypedDict):
    """What a repetition of a pass is known by."""

    digest: str  #: 32 hex digits, of the sources' bytes and of the settings that decide what becomes of a row
    bytes: int  #: size of all sources


class End(TypedDict):
    """A run ends: `end` after a complete pass, `stop` before that."""

    t: Literal["end", "stop"]
    run: int  #: number of the run
    reason: str | None  #: why it ended before its time; null when it did not
    at: float  #: wall clock
    books: dict[str, int]  #: where each row of the pass ended
    sources: list[dict[str, Any]]  #: name and fingerprint of each source
    repeat: NotRequired[Repeat]  #: by which the next run sees that it would find nothing to do; only where it would not


Entry = Header | Run | Intent | Outcome | Reject | Resolve | Archive | Archived | Decision | End
