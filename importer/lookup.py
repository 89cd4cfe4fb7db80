"""How reconciliation asks HubSpot: by paging the newest campaigns, or by name, whichever is cheaper.

Both go newest first and end at the earliest createdAt that matters, so that campaigns made meanwhile shift pages but
hide nothing. Every request takes its turn at the limiter. The name filter of the API matches substrings, so names are
compared here; a name that could mean something else in a query is never asked for.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread
import orjson

from importer import canonical
from importer.doubts import LookFailedError
from importer.hubspot import steps, verdicts, wire
from importer.hubspot.exchange import Exchange, Reply, Transport
from importer.hubspot.throttle import WaitPolicy
from importer.ledger.journal import Journal
from importer.ledger.projections import RESULTS
from importer.matching import Wanted, content_of
from importer.model import Result
from importer.moments import epoch
from importer.pacing import Pacer
from importer.renewal import UNAUTHORISED, Renewal
from importer.report.books import Tally
from importer.server_clock import ServerClock
from importer.stopping import Stop

PAGE_CAMPAIGNS: Final = 100  #: the API's largest page
TRIES_MAX: Final = 4
_BLOCK_BYTES: Final = 1 << 20
_CLOCK_SLACK_S: Final = 900.0  #: results older than that before the bound are not searched for ids


@dataclass(slots=True, kw_only=True)
class Lookup:
    """Asks, through the limiter."""

    transport: Transport
    pacer: Pacer
    clock: ServerClock
    wall: Callable[[], float]  #: epoch seconds
    tally: Tally
    stop: Stop
    waits: WaitPolicy
    folder: Path  #: the ledger's
    journal: Journal | None = None  #: known once the ledger is open
    correlation: str | None = None
    retry_s: float = 2.0  #: before asking again after a failure that names no time
    renewal: Renewal = field(default_factory=Renewal)  #: asks anew for the token

    async def ask(self, send: Callable[[], Any]) -> Exchange:
        """Send one question in its turn, again with another token after a 401. Cancellation: the slot is given back."""
        async with self.pacer.slot() as slot:
            self.tally.requests += 1
            sent, began = self.wall(), anyio.current_time()
            exchange: Exchange = await send()
            if isinstance(exchange, Reply):
                slot.answered(exchange.headers, refused=exchange.status == 429)
                self.clock.observe(exchange.headers.get("date"), sent, self.wall())
        status = exchange.status if isinstance(exchange, Reply) else None
        self.renewal.heard(status)
        if status == UNAUTHORISED and await self.renewal.renewed(began):
            return await self.ask(send)
        return exchange

    async def page(
        self, properties: Sequence[str], after: str | None, name: str | None, *, sort: str = "-createdAt"
    ) -> wire.Page:
        """Return one page, newest first unless `sort` says otherwise.

        Raises:
            LookFailedError: HubSpot does not give it.
        """
        for _ in range(TRIES_MAX):
            exchange = await self.ask(
                lambda: self.transport.list_page(
                    properties=properties, after=after, name=name, sort=sort, limit=PAGE_CAMPAIGNS
                )
            )
            verdict = verdicts.judge_read(exchange, wire.parse_page, self.waits)
            match verdict.step:
                case steps.Use(data=page):
                    return page
                case steps.Resend(after_s=after_s, whole_client=whole):
                    if whole:
                        self.pacer.pause(after_s or 0.0)
                    await anyio.sleep(self.retry_s if after_s is None else after_s)
                case steps.Pause(error=error) | steps.Stop(error=error):
                    self.stop.request_for(error)
                    raise LookFailedError(verdict.message)
        raise LookFailedError(verdict.message)

    async def look(self, wanted: Sequence[Wanted], *, created_since: int) -> list[Result]:
        """Return every campaign that has the content, the name or the key of one of `wanted`."""
        asked = sorted({name for record in wanted for name in record.properties} - canonical.NOT_ECHOED)
        keep = self._keeper(wanted, frozenset(asked))
        not_before = min(record.not_before for record in wanted)
        names = {canonical.text(record.properties["hs_name"]) for record in wanted}
        by_name = len(names) < created_since // PAGE_CAMPAIGNS and all(_is_plain(name) for name in names)
        found: dict[str, Result] = {}
        for name in sorted(names) if by_name else [None]:
            async for page in self._pages(asked, name, not_before):
                found |= {campaign.id: campaign for campaign in page.results if keep(campaign)}
        return list(found.values())

    async def _pages(self, properties: Sequence[str], name: str | None, not_before: float) -> AsyncIterator[wire.Page]:
        """Yield pages, newest first, back to `not_before`; prove as far as can be that nothing is missing."""
        after: str | None = None
        total: int | None = None  # at the first page; what was made since then stands before it, and matters to nobody
        seen: set[str] = set()
        while True:
            page = await self.page(properties, after, name)
            yield page
            total = page.total if after is None else total
            seen.update(campaign.id for campaign in page.results)
            if page.after is None:
                if total is not None and len(seen) < total:
                    raise LookFailedError(f"the listing shows {len(seen)} campaigns and says there are {total}")
                return
            if page.after == after:
                raise LookFailedError("the listing does not get on: it names the same page as the next one again")
            after = page.after
            oldest = epoch(page.results[-1].created_at or "") if page.results else None
            if oldest is not None and oldest < not_before:
                return

    def _keeper(self, wanted: Sequence[Wanted], asked: frozenset[str]) -> Callable[[Result], bool]:
        """Return the test that keeps the few campaigns which matter out of a long listing."""
        names = {canonical.name_key(record.properties["hs_name"]) for record in wanted}
        contents = {content_of(record.properties, self.correlation) for record in wanted}
        identities = {record.identity for record in wanted}

        def keep(campaign: Result) -> bool:
            if canonical.name_key(campaign.properties.get("hs_name", "")) in names:
                return True
            if self.correlation is not None and campaign.properties.get(self.correlation) in identities:
                return True
            shown = {name: value for name, value in campaign.properties.items() if name in asked}
            return content_of(shown, self.correlation) in contents

        return keep

    async def taken(self, ids: Sequence[str], not_before: float) -> frozenset[str]:
        """Return which of `ids` the ledger holds. Cancellation: nothing left behind."""
        if not ids:
            return frozenset()
        assert self.journal is not None
        await self.journal.flush()
        path = self.folder / RESULTS
        return await anyio.to_thread.run_sync(known_ids, path, frozenset(ids), not_before - _CLOCK_SLACK_S)


def known_ids(path: Path, ids: frozenset[str], not_before: float) -> frozenset[str]:
    """Return which of `ids` stand in the results file, read from its end back to campaigns created before `not_before`.

    Rows stand in the order in which they became known, which is nearly that of createdAt: the search ends at a block
    in which every campaign is older.
    """
    found: set[str] = set()
    for lines in _blocks_backwards(path):
        newest = 0.0
        for line in lines:
            row = orjson.loads(line)
            if row["id"] in ids:
                found.add(row["id"])
            newest = max(newest, epoch(row["created_at"] or "") or float("inf"))
        if newest < not_before or len(found) == len(ids):
            break
    return frozenset(found)


def _blocks_backwards(path: Path) -> Iterable[list[bytes]]:
    """Yield the whole lines of a file in blocks of about a megabyte, the last block first.

    The journal's thread may be at work on the last line, or a full disk may have torn it: it is left out until it ends.
    """
    with path.open("rb") as file:
        end = file.seek(0, 2)
        rest, whole_to = b"", None
        while end > 0:
            start = max(0, end - _BLOCK_BYTES)
            file.seek(start)
            block = file.read(end - start) + rest
            if whole_to is None:
                whole_to = block.rfind(b"\n") + 1
                block = block[:whole_to]
            lines = block.split(b"\n")
            rest = lines.pop(0) if start else b""
            end = start
            yield [line for line in lines if line]


def _is_plain(name: str) -> bool:
    """Return whether a substring query for `name` can only mean `name`."""
    return name.isascii() and len(name) <= 100 and all(part.isalnum() for part in name.replace("-", " ").split())
