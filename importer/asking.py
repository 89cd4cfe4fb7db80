"""Questions to HubSpot through any weather: each in its turn at the limiter, asked again until it is answered.

What may not be asked twice (a create) does not go this way. A question, and an archiving, may be repeated at any time.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import anyio

from importer.errors import PausedError
from importer.hubspot import steps, verdicts, wire
from importer.hubspot.exchange import Exchange, Reply
from importer.lookup import Lookup
from importer.model import Result
from importer.outage import Outage
from importer.stopping import StoppedError

T = TypeVar("T")

TRIES_MAX: Final = 8  #: of one question, not counting those that HubSpot refuses for the rate or that never left
UNAUTHORISED: Final = 401
THROTTLED: Final = 429
_NOT_FOUND: Final = "not_found"


#: Answers which say that this token may not use this endpoint, or that this account has none.
_NOT_FOR_US: Final = frozenset({403, 404, 405, 410})


class NoAnswerError(Exception):
    """HubSpot gave no answer that tells; says what it gave instead."""


class NotPermittedError(NoAnswerError):
    """HubSpot does not let us use this endpoint; nothing that goes without it is hindered."""


@dataclass(slots=True, kw_only=True)
class Asker:
    """Asks; safe to use from many tasks."""

    lookup: Lookup  #: whose turn it is, the server's clock, the counts, another token
    outage: Outage

    async def read(
        self, ids: Sequence[str], properties: Sequence[str], *, optional: bool = False, draining: bool = False
    ) -> dict[str, Result]:
        """Return those of `ids` (at most 50) that exist, by id. Cancellation: nothing left behind.

        A `draining` question is asked once even after a wish to stop.

        Raises:
            NotPermittedError: the endpoint is refused, where it is `optional`; else that ends the run.
            NoAnswerError: HubSpot does not say of each whether it exists.
            StoppedError: the run is stopping, or has to.
        """
        send = partial(self.lookup.transport.read, ids, properties)
        batch = await self.ask(send, wire.parse_batch, optional=optional, draining=draining)
        found = {result.id: result for result in batch.results}
        if not found.keys() <= set(ids):  # an answer that is out of step
            raise NoAnswerError("the answer shows campaigns that nobody asked for")
        unsaid = [error.message for error in batch.errors if not _says_missing(error)]
        if len(found) < len(set(ids)) and (unsaid or not batch.complete):
            raise NoAnswerError(unsaid[0] if unsaid else f"the answer is {batch.status}, not complete")
        return found

    async def ask(
        self, send: Callable[[], Any], parse: Callable[[bytes], T], *, optional: bool = False, draining: bool = False
    ) -> T:
        """Return the answer to a question. Cancellation: nothing left behind. Raises as `read`."""
        for _ in range(TRIES_MAX):
            began = anyio.current_time()
            exchange = await self.send(send, draining=draining)
            verdict = verdicts.judge_read(exchange, parse, self.lookup.waits)
            match verdict.step:
                case steps.Use(data=data):
                    self.outage.answered()
                    return data
                case steps.Resend() as step:
                    await self.wait(step, verdict.message)
                case steps.Stop(error=error) if optional and verdict.status in _NOT_FOR_US:
                    raise NotPermittedError(error.message)
                case steps.Pause(error=error) | steps.Stop(error=error):
                    if verdict.status != UNAUTHORISED or not await self.renewed(began):
                        self.lookup.stop.request_for(error)
                        raise StoppedError
        raise NoAnswerError(verdict.message)

    async def send(self, send: Callable[[], Any], *, draining: bool = False) -> Exchange:
        """Send one request in its turn; a wish to stop ends the wait for it, unless it is `draining`.

        Cancellation: as `Transport`. Raises `StoppedError`.
        """
        lookup = self.lookup
        with nullcontext() if draining else lookup.stop.interruptible():
            slot = await lookup.pacer.take()
        try:
            lookup.tally.requests += 1
            sent = lookup.wall()
            exchange: Exchange = await send()
            if isinstance(exchange, Reply):
                slot.answered(exchange.headers, refused=exchange.status == THROTTLED)
                lookup.clock.observe(exchange.headers.get("date"), sent, lookup.wall())
                lookup.renewal.heard(exchange.status)
        finally:
            slot.close()
        return exchange

    async def wait(self, step: steps.Resend, why: str) -> None:
        """Wait before the same is sent again: as long as HubSpot asks, else longer each time and for all.

        Raises `StoppedError` when there was nothing else for too long, or somebody wants to stop.
        """
        lookup = self.lookup
        if step.after_s is not None:
            lookup.tally.throttled += 1
            seconds = step.after_s
        else:
            try:
                seconds = self.outage.failed(anyio.current_time(), why)
            except PausedError as error:
                lookup.stop.request_for(error)
                raise StoppedError from None
        lookup.tally.meet(why)
        lookup.tally.waiting_for, lookup.tally.waiting_until = why, anyio.current_time() + seconds
        lookup.pacer.pause(seconds)
        await lookup.stop.sleep(seconds)
        lookup.tally.waiting_for = lookup.tally.waiting_until = None

    async def renewed(self, began: float) -> bool:
        """Return whether the token is another than the one sent at `began`. Cancellation: as `Renewal.renewed`."""
        return await self.lookup.renewal.renewed(began)


def _says_missing(error: Any) -> bool:
    """Return whether an error of a batch says that there is no such campaign, which is an answer."""
    words = " ".join(filter(None, (error.category, error.sub_category, error.code, error.message)))
    return _NOT_FOUND in words.casefold().replace(" ", "_")
