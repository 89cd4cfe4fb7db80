"""The probe's hands: its requests, counted; the campaigns it made, and how they are taken away again.

A campaign is the probe's own when an answer shows it with a name that holds the name of this probe. Nothing else is
ever archived, whatever ids an answer names.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

import anyio
import orjson

from importer import canonical
from importer.errors import InternalError
from importer.hubspot import verdicts, wire
from importer.hubspot.exchange import Exchange, Reply, Transport
from importer.hubspot.inquiries import Inquiries
from importer.hubspot.steps import Pause, Resend, Stop, Use
from importer.model import BATCH_RECORDS_MAX, Result
from importer.probing.observations import Create, Properties
from importer.server_clock import ServerClock

MADE_MAX: Final = 12  #: campaigns that the probe's requests can make, where HubSpot refuses what it must refuse
_TRIES_MAX: Final = 4  # of a question; creates are sent once
_ARCHIVE_TRIES_MAX: Final = 3
_RETRY_MAX_S: Final = 30.0

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Bench:
    """One probe of one account."""

    transport: Transport
    inquiries: Inquiries
    name: str  #: begins the name of every campaign of this probe
    retry_s: float = 2.0
    wall: Callable[[], float] = time.time
    requests: int = 0
    could_make: int = 0  #: inputs sent that were not known to be refused
    ours: dict[str, str] = field(default_factory=dict)  #: id → name of every campaign of this probe that was shown
    archived: set[str] = field(default_factory=set)
    hidden: bool = False  #: whether a create may have made something that no answer has named
    _clock: ServerClock = field(default_factory=ServerClock)

    async def create(self, *inputs: Properties, more: dict[str, Any] | None = None, hopeless: bool = False) -> Create:
        """Send one batch, once; `more` stands beside `properties` in each input and beside `inputs` in the body.

        `hopeless` inputs are not counted: HubSpot was seen to refuse such, and to make none. Cancellation: what the
        request made is hidden, as after a lost answer.
        """
        if not hopeless:
            self.could_make += len(inputs)
            if self.could_make > MADE_MAX:
                raise InternalError(f"the probe may make {MADE_MAX} campaigns and was about to make more")
        more = more or {}
        body = orjson.dumps({"inputs": [{"properties": each, **more} for each in inputs], **more})
        hidden, self.hidden = self.hidden, True
        sent = self.wall()
        exchange = await self._sent(self.transport.create(body))
        verdict = verdicts.judge_create(exchange)
        reply = _batch(exchange)
        made = Create(
            inputs=inputs, exchange=exchange, reply=reply, errors=verdict.errors, ended=anyio.current_time(),
            clock=self._around(sent),
        )  # fmt: skip
        self.note(reply.results if reply else ())
        self.hidden = hidden or (bool(inputs) and not made.told)
        return made

    def _around(self, sent: float) -> tuple[float, float] | None:
        first, last = self._clock.bounds(sent), self._clock.bounds(self.wall())
        return (first[0], last[1]) if first and last else None

    async def _sent(self, sending: Any) -> Exchange:
        self.requests += 1
        sent = self.wall()
        exchange: Exchange = await sending
        if isinstance(exchange, Reply):
            self._clock.observe(exchange.headers.get("date"), sent, self.wall())
        return exchange

    async def ask(self, send: Callable[[], Any], parse: Callable[[bytes], T]) -> T | None:
        """Return the answer to a question, None when HubSpot gives none. Cancellation: nothing left behind."""
        for _ in range(_TRIES_MAX):
            verdict = verdicts.judge_read(await self._sent(send()), parse)
            match verdict.step:
                case Use(data=data):
                    return data
                case Resend(after_s=after_s):
                    await anyio.sleep(min(_RETRY_MAX_S, self.retry_s if after_s is None else after_s))
                case Pause() | Stop():
                    return None
        return None

    async def status_of(self, send: Callable[[], Any]) -> int | None:
        """Send once and return the status alone, None without an answer. Cancellation: nothing left behind."""
        exchange = await self._sent(send())
        return exchange.status if isinstance(exchange, Reply) else None

    async def listed(self, *, name: str | None, sort: str = "-createdAt") -> list[Result] | None:
        """Return the newest campaigns, or all whose names hold `name`, as far as they are ours; None without an answer.

        Cancellation: nothing left behind.
        """
        found: list[Result] = []
        after: str | None = None
        while True:
            asked = partial(self.transport.list_page, properties=["hs_name"], name=name, sort=sort, after=after)
            page = await self.ask(asked, wire.parse_page)
            if page is None:
                return None
            found += self.note(page.results)
            if name is None or page.after is None or page.after == after or not page.results:
                return found
            after = page.after

    async def read(self, ids: Sequence[str], properties: Sequence[str] = ("hs_name",)) -> list[Result] | None:
        """Return those of `ids` that exist and are ours; None when HubSpot gives no answer. Cancellation: as `ask`."""
        found: list[Result] = []
        for some in _portions(ids):
            batch = await self.ask(partial(self.transport.read, some, properties), wire.parse_batch)
            if batch is None:
                return None
            found += self.note(batch.results)
        return found

    def note(self, results: Sequence[Result]) -> list[Result]:
        """Remember and return those of `results` that this probe made, told by their names."""
        mine = [result for result in results if self.is_ours(result.properties.get("hs_name", ""))]
        self.ours |= {result.id: result.properties["hs_name"] for result in mine}
        return mine

    def is_ours(self, name: str) -> bool:
        """Whether a campaign of this name was made by this probe."""
        return canonical.name_key(self.name) in canonical.name_key(name)

    async def settle(self, wait_s: float) -> list[Result] | None:
        """Wait, look, and return all that this probe has made; None without an answer. Cancellation: as `ask`."""
        await anyio.sleep(wait_s)
        found = await self.listed(name=self.name)
        self.hidden = self.hidden and found is None
        return found

    async def tidy(self, answered: Sequence[str], *, wait_s: float) -> dict[str, str]:
        """Archive all that this probe made, look afterwards, and return id → name of what is left.

        `answered` are ids that answers named, some perhaps without a name. What a lost answer hides is given `wait_s`
        to come up in the list. Cancellation: some may be left; the caller shields it.
        """
        await self.settle(wait_s if self.hidden else 0.0)
        unnamed = [campaign for campaign in dict.fromkeys(answered) if campaign not in self.ours]
        await self.read(unnamed)
        left = dict(self.ours)
        for attempt in range(_ARCHIVE_TRIES_MAX):
            if not left:
                break
            await anyio.sleep(self.retry_s if attempt else 0.0)
            for some in _portions(list(left)):
                await self.status_of(partial(self.inquiries.archive, some))
            still = await self.read(list(left))
            if still is None:  # an API may well answer that it knows none of these with an error
                still = await self.listed(name=self.name)
            if still is not None:
                left = {result.id: result.properties["hs_name"] for result in still}
        self.archived = self.ours.keys() - left.keys()
        return left


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), BATCH_RECORDS_MAX):
        yield ids[start : start + BATCH_RECORDS_MAX]


def _batch(exchange: Exchange) -> wire.BatchReply | None:
    if not isinstance(exchange, Reply) or exchange.status // 100 != 2:
        return None
    try:
        return wire.parse_batch(exchange.body)
    except wire.UnreadableReplyError:
        return None
