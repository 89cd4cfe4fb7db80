"""What the probe saw, as values, and what it sends. Pure."""

from dataclasses import dataclass, field
from typing import Any, Final

from importer.hubspot import wire
from importer.hubspot.exchange import Exchange, Reply
from importer.model import RemoteError, Result

Properties = dict[str, str]

TRACE: Final = "objectWriteTraceId"
STRANGE: Final = "importerProbeField"
BAD_DAY: Final = "not-a-day"
INPUTS_TOO_MANY: Final = 51
NAME_LENGTHS: Final = (4096, 1024, 256)  #: tried from the longest, until one is taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """One request that creates, and what came of it."""

    inputs: tuple[Properties, ...]
    exchange: Exchange
    reply: wire.BatchReply | None  #: None unless the answer is a 2xx that can be read
    errors: tuple[RemoteError, ...]
    clock: tuple[float, float] | None  #: the server's clock, from before the request to after its answer; epoch seconds
    ended: float  #: when the answer was there, monotonic seconds

    @property
    def status(self) -> int | None:
        """The HTTP status; None without an answer."""
        return self.exchange.status if isinstance(self.exchange, Reply) else None

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids in the answer."""
        return tuple(result.id for result in self.reply.results) if self.reply else ()

    @property
    def refused(self) -> bool:
        """Whether the whole request was refused."""
        return self.status is not None and 400 <= self.status < 500

    @property
    def told(self) -> bool:
        """Whether the answer names a campaign, or an error, for each input."""
        return self.reply is not None and len(self.reply.results) + len(self.reply.errors) >= len(self.inputs)

    def said(self) -> tuple[str, ...]:
        """Return the answer for people: the status, and what errors there were."""
        lines = [f"{self.answer}, {len(self.ids)} results for {len(self.inputs)} inputs"]
        for error in self.errors[:3]:
            context = ", ".join(f"{key}={list(values)[:3]}" for key, values in error.context.items())
            lines.append(f"error: {error.message[:300]} (context: {context[:300] or 'empty'})")
        return tuple(dict.fromkeys(lines))

    @property
    def answer(self) -> str:
        """The status in a word."""
        return "no answer" if self.status is None else str(self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """How long a new campaign took to come up in a list."""

    seconds: float | None  #: None: it did not within the settle time
    answered: bool  #: whether the list answered at all


@dataclass(slots=True, kw_only=True)
class Observations:
    """Everything that was seen; None where the experiment did not get so far."""

    name: str  #: begins the name of every campaign of this probe
    settle_s: float
    token_info: tuple[int | None] | None = None  #: the status, None without an answer
    statuses: tuple[str, ...] | None = None  #: options of hs_campaign_status
    plain: Create | None = None
    delays: dict[str, Delay] = field(default_factory=dict)  #: by the way of asking: name, createdAt
    spelt: Create | None = None  #: a name, a text and dates that a server may change
    loud: Create | None = None  #: a status in upper case
    twins: tuple[Create, ...] = ()  #: two equal ones in a batch, then one more
    strange: Create | None = None  #: with fields that no document names
    long: tuple[Create, ...] = ()  #: one for each length tried
    pair: Create | None = None  #: a good input and a bad one
    nothing: Create | None = None  #: no input
    too_many: Create | None = None
    too_many_reason: str | None = None  #: why that was not asked
    looked: list[Result] | None = None  #: what the list held after the settle time
    finally_looked: list[Result] | None = None  #: and after the last request
    by_name: dict[str, frozenset[str] | None] = field(default_factory=dict)  #: filter → ids of ours that it found
    reads: tuple[list[Result] | None, ...] = ()  #: two readings of every id

    @property
    def creates(self) -> tuple[Create, ...]:
        """Every request that creates, in order."""
        single = (self.strange, self.pair, self.nothing, self.too_many)
        first = (self.plain, self.spelt, self.loud, *self.twins, *self.long, *single)
        return tuple(create for create in first if create is not None)

    @property
    def shows_after_s(self) -> float:
        """How long to wait for what may be hidden: twice the delay that was measured, else the settle time."""
        measured = [delay.seconds for delay in self.delays.values()]
        known = [seconds for seconds in measured if seconds is not None]
        return min(self.settle_s, 2 * max(known)) if known and len(known) == len(measured) else self.settle_s

    @property
    def ids(self) -> list[str]:
        """Every id that an answer to a create named, once each."""
        return list(dict.fromkeys(campaign for create in self.creates for campaign in create.ids))


def spelt_input(name: str) -> Properties:
    """Return an input with all that a server may trim, fold or leave out."""
    return {
        "hs_name": f"  {name} 100% \"Two\" 'one'  end ",
        "hs_notes": "  a  b ",
        "hs_audience": "",
        "hs_start_date": "2030-01-02",
        "hs_end_date": "2030-12-31",
    }


def bad_input(name: str) -> Properties:
    """Return an input that HubSpot must refuse: a date that is none."""
    return {"hs_name": name, "hs_start_date": BAD_DAY}


def evidence_of(create: Create) -> dict[str, Any]:
    """Return what probe.json keeps of a request: what was sent, and the shape of what came back."""
    return {
        "inputs": [{name: value[:80] for name, value in each.items()} for each in create.inputs[:2]],
        "inputs_sent": len(create.inputs),
        "status": create.status,
        "batch_status": create.reply.status if create.reply else None,
        "results": len(create.ids),
        "errors": [
            {"message": error.message[:300], "category": error.category, "sub_category": error.sub_category}
            | {"context": {key: [value[:80] for value in values[:3]] for key, values in error.context.items()}}
            for error in create.errors[:3]
        ],
    }
