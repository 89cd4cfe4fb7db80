"""The items of one campaign, one after the other: intent, request, outcome; what is in doubt is looked up.

The order is the protocol, as it is for campaigns. The slot of the rate limit is taken first; the request leaves only
after the intent is durable; and since nothing ties a second request to a first, an item without a clear answer is
never made again unseen. A look may find it at any time; that it is not there is believed only when no request can
land any more, after two looks which agree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import anyio

from importer.asking import UNAUTHORISED, Asker, NoAnswerError, NotPermittedError
from importer.doubts import SettlePolicy
from importer.errors import ImporterError
from importer.hubspot import steps
from importer.hubspot.exchange import Exchange, Reply
from importer.hubspot.items import ItemCalls, ShownItem, encode_item, parse_totals
from importer.items.judging import judge_item
from importer.items.telling import Told, tell
from importer.ledger import item_entries
from importer.ledger.items_due import DueCampaign
from importer.ledger.items_fold import OpenItem
from importer.ledger.journal import Journal
from importer.model import CampaignItem, Event, State
from importer.report.books import Tally
from importer.stopping import StoppedError

ATTEMPTS_MAX: Final = 5  #: requests for one item that came to HubSpot and had no effect
NOT_FOUND: Final = 404


@dataclass(slots=True)
class _Item:
    """One item at work."""

    due: DueCampaign
    k: int
    item: CampaignItem
    failed: bool  #: it was refused before, and is tried once more
    unclear: bool = False  #: a request for it may be on its way
    unresolved: bool = False  #: an earlier run could not tell what became of it


@dataclass(slots=True, kw_only=True)
class ItemSender:
    """Makes items; safe to use from many tasks, each with a campaign of its own."""

    asker: Asker
    calls: ItemCalls
    journal: Journal
    settling: SettlePolicy
    run: int
    tally: Tally
    look_only: bool = False  #: find out what became of what was announced, and make nothing
    believes_refusals: bool = False  #: a look after a refusal of this run has shown that nothing was made

    async def settle(self, due: DueCampaign, doubts: Mapping[int, OpenItem]) -> None:
        """Make the items of a campaign; `doubts` are those, by place, which an earlier run announced.

        A wish to stop, or a cancellation: what was announced is in doubt, the rest not sent; the next run goes on.
        """
        books = self.tally.items
        for k, item in due.items:
            if self.look_only and k not in doubts:
                continue
            one = _Item(due, k, item, k in due.failed)
            state: State | None = None
            try:
                state = await self._settle(one, doubts.get(k))
            finally:
                books.earlier += due.run != self.run
                books.end(state or (State.IN_DOUBT if one.unclear else State.NOT_SENT))

    async def _settle(self, one: _Item, doubt: OpenItem | None) -> State:
        """Bring an item to its end, as far as this run can."""
        if doubt is not None:
            one.unclear, one.unresolved = True, doubt.state is State.UNRESOLVED
            state = await self._look_up(one, doubt.n, lands=anyio.current_time() + self._wait_s(doubt))
            if state is not State.OPEN or self.look_only:
                return state
        attempt, state = 1, State.OPEN
        while state is State.OPEN:
            state, counts = await self._attempt(one, attempt)
            attempt += counts
        return state

    async def _attempt(self, one: _Item, number: int) -> tuple[State, bool]:
        """Send an item once; return where it stands, and whether the request came to HubSpot without effect.

        The last attempt leaves it in no state from which it could be sent again.
        """
        body = encode_item(one.item)
        n = -1

        async def announced() -> Exchange:
            nonlocal n
            n = await self._announce(one, number, body)
            return await self.calls.make(one.item.kind, one.due.id, body)

        began = anyio.current_time()
        exchange = await self.asker.send(announced)
        verdict, shown = judge_item(one.item, exchange, self.asker.lookup.waits)
        if shown is not None:
            self.asker.outage.answered()
            return self._close(one, n, Event.CREATED, verdict, found=shown.id), False
        match verdict.step:
            case steps.Resend() as step:
                self._close(one, n, Event.RETURNED, verdict)
                await self.asker.wait(step, verdict.message)
                return State.OPEN, False
            case steps.Stop(error=error) if verdict.status == NOT_FOUND:
                return await self._not_found(one, n, verdict, error), False
            case steps.Pause(error=error) | steps.Stop(error=error):
                self._close(one, n, Event.RETURNED, verdict)
                if verdict.status == UNAUTHORISED and await self.asker.renewed(began):
                    return State.OPEN, False
                self.asker.lookup.stop.request_for(error)
                raise StoppedError
            case steps.Bisect() | steps.SplitBySize():
                return await self._refused(one, n, verdict), False
            case _:
                self.tally.meet(verdict.message)
                self._close(one, n, Event.DOUBTED, verdict)
                sent = exchange.sent_at if exchange.sent_at is not None else anyio.current_time()
                lands = sent + self.settling.timeout_s + self.settling.settle_s
                return await self._look_up(one, n, lands=lands, last=number == ATTEMPTS_MAX), True

    async def _announce(self, one: _Item, number: int, body: bytes) -> int:
        """Make the intent durable. Cancellation waits: what was announced has to be known as such."""
        lookup, due = self.asker.lookup, one.due
        now = lookup.wall()
        bounds = lookup.clock.bounds(now)
        entry: item_entries.Item = {
            "t": "item", "run": self.run, "a": number, "again": one.failed,
            "srv": list(bounds) if bounds else None, "at": now, "of": due.of, "k": one.k, "kind": one.item.kind,
            "campaign": due.id, "identity": due.identity, "name": due.name, "source": due.source,
            "ordinal": due.ordinal, "line": due.line_number, "body": body,
        }  # fmt: skip
        with anyio.CancelScope(shield=True):
            n = await self.journal.announce(entry)
            one.unclear, one.failed = True, False
        return n

    async def _not_found(self, one: _Item, n: int, verdict: steps.Verdict, error: ImporterError) -> State:
        """There is no such campaign any more, or no such endpoint; where that is not told, a later run looks."""
        try:
            gone = await self._is_gone(one.due.id)
        except NoAnswerError as untold:
            self.tally.meet(f"it is not told whether the campaign of an item exists: {untold}")
            return State.IN_DOUBT
        if gone:
            return self._close(one, n, Event.REFUSED, verdict, code="item_without_campaign")
        self._close(one, n, Event.RETURNED, verdict)
        self.asker.lookup.stop.request_for(error)
        raise StoppedError

    async def _refused(self, one: _Item, n: int, verdict: steps.Verdict) -> State:
        """An item was refused: that this made nothing is documented nowhere, so the first one of a run is looked up."""
        if not self.believes_refusals:
            self._close(one, n, Event.DOUBTED, verdict)
            try:
                shown = await self._shown(one.due)
            except NotPermittedError:  # nothing can be looked up here, so a refusal is believed
                shown = None
            except NoAnswerError:
                return State.IN_DOUBT
            told = tell(one.item, shown or ())
            if told.id is not None:
                return self._close(one, n, Event.FOUND, verdict, found=told.id, kind="looked")
            if told.unclear is not None:
                return self._unresolved(one, n, told)
            self.believes_refusals = True
        return self._close(one, n, Event.REFUSED, verdict, code="item_refused")

    async def _look_up(self, one: _Item, n: int, *, lands: float, last: bool = False) -> State:
        """Look what became of item `n`, whose request may land until `lands` (monotonic seconds); close it.

        One that is not there after its `last` attempt has failed. Raises `StoppedError`.
        """
        absent_since: float | None = None
        while True:
            looked = anyio.current_time()
            try:
                shown = await self._shown(one.due)
            except NoAnswerError as error:
                self.tally.meet(f"an item could not be looked up: {error}")
                return State.IN_DOUBT
            if shown is None and one.unresolved:
                return self._close(one, n, Event.ABSENT, None, kind="looked")
            if shown is None:
                return self._close(one, n, Event.REFUSED, None, code="item_without_campaign", kind="looked")
            told = tell(one.item, shown)
            if told.id is not None:
                return self._close(one, n, Event.FOUND, None, found=told.id, kind="looked")
            if told.unclear is not None and looked >= lands:
                return self._unresolved(one, n, told)
            if absent_since is not None and looked - absent_since >= self.settling.looks_apart_s:
                if last:
                    return self._close(one, n, Event.REFUSED, None, code="item_exhausted", kind="looked")
                return self._close(one, n, Event.ABSENT, None, kind="looked")
            if absent_since is None and looked >= lands:
                absent_since = looked
            wait = self.settling.looks_apart_s if absent_since is not None else lands - looked
            await self.asker.lookup.stop.sleep(max(wait, 0.01))

    async def _shown(self, due: DueCampaign) -> tuple[ShownItem, ...] | None:
        """Return the items that a campaign shows; None when there is no such campaign. Raises as `Asker.ask`."""
        statuses: list[int] = []

        async def send() -> Exchange:
            exchange = await self.calls.totals(due.id)
            statuses.append(exchange.status if isinstance(exchange, Reply) else 0)
            return exchange

        try:
            self.tally.looks += 1
            return await self.asker.ask(send, parse_totals, optional=True, draining=True)
        except NotPermittedError:
            if statuses[-1] == NOT_FOUND and await self._is_gone(due.id):
                return None
            raise

    async def _is_gone(self, campaign: str) -> bool:
        """Return whether there is no such campaign; else it is the endpoint that is not there."""
        return not await self.asker.read([campaign], ["hs_name"], draining=True)

    def _wait_s(self, doubt: OpenItem) -> float:
        """Return how long the request of an earlier run may still land, by the server's clock where that is known."""
        if doubt.state is State.UNRESOLVED:
            return 0.0
        lookup = self.asker.lookup
        whole = self.settling.timeout_s + self.settling.settle_s
        now, bounds = lookup.clock.bounds(lookup.wall()), doubt.entry["srv"]
        return whole if bounds is None or now is None else min(whole, max(0.0, whole - (now[0] - bounds[1])))

    def _unresolved(self, one: _Item, n: int, told: Told) -> State:
        return self._close(one, n, Event.UNDECIDABLE, None, code="item_unresolved", kind="looked", note=told.unclear)

    def _close(
        self, one: _Item, n: int, event: Event, verdict: steps.Verdict | None, *, found: str | None = None,
        code: str | None = None, kind: str | None = None, note: str | None = None,
    ) -> State:  # fmt: skip
        """Journal what became of item `n`, count its failure, and return where it stands."""
        message = verdict.message if verdict is not None and found is None else None
        entry: item_entries.ItemOutcome = {
            "t": "item_outcome", "of": n, "class": kind or ("answered" if found else str(verdict and verdict.outcome)),
            "event": event, "status": verdict.status if verdict else None,
            "corr": verdict.correlation_id if verdict else None, "id": found, "code": code,
            "note": note or message or _NOTES.get(code or ""), "at": self.asker.lookup.wall(),
        }  # fmt: skip
        self.journal.put(entry)
        one.unclear = event is Event.DOUBTED
        if code is not None:
            self.tally.fail(code)
        return _STATES[event]


_NOTES: Final = {
    "item_without_campaign": "its campaign is not in HubSpot any more",
    "item_exhausted": f"it was sent {ATTEMPTS_MAX} times, and the campaign does not show it",
}
_STATES: Final = {
    Event.CREATED: State.CREATED,
    Event.FOUND: State.CREATED,
    Event.REFUSED: State.FAILED,
    Event.RETURNED: State.OPEN,
    Event.ABSENT: State.OPEN,
    Event.DOUBTED: State.IN_DOUBT,
    Event.UNDECIDABLE: State.UNRESOLVED,
}
