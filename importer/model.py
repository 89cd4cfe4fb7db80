"""The nouns: frozen values that travel between the stations, and the life of a record as a table.

A source yields `Row`s. Mapping and validation turn a row into a `Record` or a `Rejection`. Records are
grouped into a `Batch`; one sending of a batch is an attempt, announced by a durable *intent* in the journal and
closed by an *outcome* which holds one `Finding` per record.

The life of a record in the ledger is the table `TRANSITIONS`: a state, an event, the next state. An absent
entry is an error, never a shrug. The live run, the replay of the journal and `verify` all go through
`advance`, so they cannot disagree.

    open ──intent──▶ sent ──created──▶ created
      ▲               │ ├──refused──▶ failed ──intent (changed, or --retry-failed)──▶ sent
      │               │ └──doubted──▶ in doubt ──found──▶ created
      ├───returned────┘                 │ └──undecidable──▶ unresolved ──found──▶ created
      └───────────────absent────────────┴───────────────────absent──────────────────┘

    created, updated ──update──▶ updating ──updated──▶ updated, or ──returned, refused──▶ created, as it was
    created, updated ──gone──▶ open;  open ──adopted──▶ created
    created ──archive──▶ archiving ──archived──▶ open
                             └──stands────▶ created

`sent` without an outcome (the process died) is read as `in doubt` by whoever opens the ledger next.
This module is pure: no I/O, no clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final, NamedTuple, Self

import orjson

BATCH_RECORDS_MAX: Final = 50  #: HubSpot's limit for one batch/create request (OpenAPI description, all versions)


class State(StrEnum):
    """Where a record stands; the words of the ledgers and of the books."""

    __hash__ = str.__hash__  # the hash of Enum is a function in Python, and states are looked up for each record

    OPEN = "open"  #: nothing of it is at HubSpot and nothing is on the way
    SENT = "sent"  #: an intent is durable and its outcome is not yet known
    IN_DOUBT = "in_doubt"  #: sent, and not known whether the campaign exists
    CREATED = "created"  #: the campaign exists and its id is known
    UPDATING = "updating"  #: it exists, an update is durable, and whether it took effect is not yet known
    ARCHIVING = "archiving"  #: about to be archived, and not yet known whether the campaign still stands
    UPDATED = "updated"  #: the campaign existed and was changed
    FAILED = "failed"  #: not made, cause named
    SKIPPED = "skipped"  #: the same identity exists already, or came twice in the pass
    UNRESOLVED = "unresolved"  #: cannot be told; never re-sent by itself
    NOT_SENT = "not_sent"  #: the run ended before its turn


class Event(StrEnum):
    """What can happen to a record in the ledger."""

    __hash__ = str.__hash__  # as that of State

    INTENT = "intent"
    CREATED = "created"  #: paired with a result of the reply
    REFUSED = "refused"  #: an answer proves that it was not made, and will not be as it stands
    RETURNED = "returned"  #: proved not made by this attempt; may be sent again at once
    DOUBTED = "doubted"  #: no answer, or one that does not tell
    FOUND = "found"  #: a lookup (or the operator) knows its campaign
    ABSENT = "absent"  #: two agreeing lookups (or the operator) say that it was not made
    UNDECIDABLE = "undecidable"  #: lookups could not tell
    UPDATE = "update"  #: the intent to change a campaign that exists
    UPDATED = "updated"  #: it shows what the update was to write
    ADOPTED = "adopted"  #: it was found in the account, made by somebody else or by a ledger that is lost
    GONE = "gone"  #: it does not exist any more, and is to be made again
    ARCHIVE = "archive"  #: the intent to archive its campaign is durable
    ARCHIVED = "archived"  #: a look does not show its campaign any more: it is as never made
    STANDS = "stands"  #: a look shows its campaign when no request can archive it any more


TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = {
    State.OPEN: {Event.INTENT: State.SENT, Event.ADOPTED: State.CREATED},
    State.SENT: {
        Event.CREATED: State.CREATED,
        Event.REFUSED: State.FAILED,
        Event.RETURNED: State.OPEN,
        Event.DOUBTED: State.IN_DOUBT,
        Event.FOUND: State.CREATED,
        Event.ABSENT: State.OPEN,
        Event.UNDECIDABLE: State.UNRESOLVED,
    },
    State.IN_DOUBT: {
        Event.FOUND: State.CREATED,
        Event.ABSENT: State.OPEN,
        Event.REFUSED: State.FAILED,
        Event.UNDECIDABLE: State.UNRESOLVED,
    },
    State.UNRESOLVED: {
        Event.FOUND: State.CREATED,
        Event.ABSENT: State.OPEN,
        Event.UNDECIDABLE: State.UNRESOLVED,
    },
    State.FAILED: {Event.INTENT: State.SENT},
    State.CREATED: {Event.ARCHIVE: State.ARCHIVING, Event.UPDATE: State.UPDATING, Event.GONE: State.OPEN},
    State.UPDATING: {
        Event.UPDATED: State.UPDATED,
        Event.REFUSED: State.CREATED,
        Event.RETURNED: State.CREATED,
        Event.DOUBTED: State.UPDATING,
    },
    State.UPDATED: {Event.UPDATE: State.UPDATING, Event.GONE: State.OPEN},
    State.ARCHIVING: {Event.ARCHIVED: State.OPEN, Event.STANDS: State.CREATED},
}


class IllegalTransitionError(ValueError):
    """An event that the table does not allow in this state."""


def advance(state: State, event: Event) -> State:
    """Return the state that follows `event` in `state`; raise `IllegalTransitionError` if there is none."""
    following = TRANSITIONS.get(state, {}).get(event)
    if following is None:
        raise IllegalTransitionError(f"a record that is {state} cannot become {event}")
    return following


class CellError(Enum):
    """What a spreadsheet shows where a formula has no value. No text: only who uses the cell has a problem with it."""

    NULL = "#NULL!"
    DIVIDED_BY_ZERO = "#DIV/0!"
    VALUE = "#VALUE!"
    REFERENCE = "#REF!"
    NAME = "#NAME?"
    NUMBER = "#NUM!"
    NOT_AVAILABLE = "#N/A"
    GETTING_DATA = "#GETTING_DATA"
    SPILL = "#SPILL!"
    CONNECT = "#CONNECT!"
    BLOCKED = "#BLOCKED!"
    FIELD = "#FIELD!"
    CALCULATION = "#CALC!"
    UNKNOWN = "#UNKNOWN!"

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the error that is written so, `UNKNOWN` for any other text."""
        try:
            return cls(text.strip())
        except ValueError:
            return cls.UNKNOWN


class Row(NamedTuple):
    """One row of a source, as the source holds it."""

    source: str  #: name of the source, relative or as typed; never a secret
    ordinal: int  #: 0-based index of the row in its source (header and blank lines not counted)
    line_number: int | None  #: 1-based line on which the row starts, as an editor shows it; None without lines
    byte_offset: int | None  #: offset of the row's first byte in the decompressed source; None where unknown
    held: Mapping[str, Any] | Sequence[Any] | None  #: the cells, or their values in the order of `columns`
    columns: Sequence[str] | None = None  #: of a table, one object for all its rows

    @property
    def cells(self) -> Mapping[str, Any] | None:
        """Return column → value as read; None when the row is known from the journal only."""
        if self.columns is not None and self.held is not None:
            return dict(zip(self.columns, self.held, strict=True))
        assert self.held is None or isinstance(self.held, Mapping)
        return self.held


class Problem(NamedTuple):
    """One thing wrong with a row: code, place, cause, fix."""

    code: str  #: a key of `problems.CODES`
    message: str  #: the cause, one sentence, with the offending value where it helps (shortened)
    column: str | None = None  #: source column or property
    fix: str | None = None  #: what to do; None takes the code's general remedy


class Rejection(NamedTuple):
    """A row that is not sent, with everything that is wrong with it."""

    row: Row
    problems: tuple[Problem, ...]
    identity: str | None = None  #: 32 hex digits where it could be told
    name: str | None = None  #: hs_name where it could be told
    state: State = State.FAILED  #: FAILED, or UNRESOLVED for what an earlier run could not tell


class CampaignItem(NamedTuple):
    """An item of a campaign's budget or spend."""

    kind: str  #: budget or spend
    name: str
    amount: str  #: a plain decimal, as JSON writes numbers
    order: int
    description: str = ""


class Record(NamedTuple):
    """A validated campaign."""

    row: Row
    identity: str  #: 32 hex digits: digest of the key; two records of one identity are the same campaign
    name: str  #: hs_name as sent
    given: Mapping[str, str] | None  #: the properties; None where `payload` holds them
    content: str  #: 16 hex digits: digest of the canonical form of the properties
    mends: str | None = None  #: identity of the failed record which this row mends (`_identity` column)
    payload: bytes = b""  #: the properties as JSON, where they were written for the identity already
    items: tuple[CampaignItem, ...] = ()  #: of budget and spend, made after the campaign

    @property
    def properties(self) -> Mapping[str, str]:
        """Return what is sent, all strings; read anew each time where only the payload holds it."""
        if self.given is not None:
            return self.given
        read: dict[str, str] = orjson.loads(self.payload)
        return read


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """At most 50 records which travel in one request."""

    records: tuple[Record, ...]
    body: bytes  #: the request body, serialised once, sent and journaled as it stands

    def __post_init__(self) -> None:
        """Check the size that the API permits."""
        assert 1 <= len(self.records) <= BATCH_RECORDS_MAX


class Result(NamedTuple):
    """One campaign as HubSpot shows it."""

    id: str
    properties: Mapping[str, str]
    created_at: str | None  #: ISO 8601, server time
    updated_at: str | None = None


class RemoteError(NamedTuple):
    """One error object of a reply, softly parsed: every field may be missing."""

    message: str
    category: str | None = None
    sub_category: str | None = None
    code: str | None = None
    context: Mapping[str, tuple[str, ...]] = {}
    correlation_id: str | None = None


class Pairing(StrEnum):
    """How an input was paired with its campaign."""

    __hash__ = str.__hash__  # as that of State

    KEY = "key"  #: by the correlation property
    EXACT = "exact"  #: all results equal all inputs, as multisets
    NAME = "name"  #: by a name that is unique on both sides, nothing shown contradicting
    REREAD = "reread"  #: after reading the campaigns back
    COMPATIBLE = "compatible"  #: the only class of inputs it can belong to
    LISTING = "listing"  #: found by reconciliation
    OPERATOR = "operator"  #: a person said so


class Created(NamedTuple):
    """The campaign of the record at `index` of its batch is known."""

    index: int  # type: ignore[assignment]  # the tuple's method of that name is not missed
    id: str
    created_at: str | None
    pairing: Pairing
    normalised: Mapping[str, str] | None = None  #: property → value as shown, where it differs from what was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The record at `index` was not made and will not be as it stands."""

    index: int
    problem: Problem
    attribution: str = "record"  #: record (alone in its batch), value (named by the error), group


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """The record at `index` was not made by this attempt and may be sent again."""

    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InDoubt:
    """It is not known whether the record at `index` was made."""

    index: int


Finding = Created | Failed | Returned | InDoubt
