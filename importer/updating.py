"""One batch of updates: announced durably, sent in its turn, and what became of it.

An update goes through the gate and the rate limit of the creates, and both are taken before its intent is written. It
may be repeated: what got no clear answer is told by reading the campaigns again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import anyio

from importer.asking import Asker, NoAnswerError
from importer.errors import AGAIN, PausedError
from importer.gate import Gate
from importer.hubspot import steps, verdicts, wire
from importer.hubspot.exchange import Exchange, Reply, Updating
from importer.hubspot.throttle import is_overload
from importer.ledger.journal import Journal
from importer.ledger.last_written import Written
from importer.model import Problem, Record, State
from importer.outage import Outage
from importer.outcomes import Announced, failed_item
from importer.pacing import Slot
from importer.reconcile import Reconciler
from importer.renewal import UNAUTHORISED
from importer.rereading import close_update, took
from importer.stopping import StoppedError
from importer.turns import turn

TRIES_MAX: Final = 5  #: updates without effect after which a record stands alone, and then fails


@dataclass(slots=True)
class Due:
    """One record to be updated."""

    record: Record
    written: Written
    changes: dict[str, str] = field(default_factory=dict)
    settled: bool = False  #: counted in the books
    unclear: bool = False  #: an update of it is on its way, or was left without a clear answer
    open: tuple[int, int] | None = None  #: its place in the journal, where it had no clear answer: update and index
    conflict: bool = False  #: somebody else changed it, and that was told
    sent: int = 0  #: how often it was sent
    tries: int = 0  #: how often it was sent without effect
    answered_before: int = 0  #: updates of this run that were answered when it was first sent


@dataclass(slots=True, kw_only=True)
class Updater:
    """Reads and updates campaigns; safe to use from many tasks."""

    asker: Asker
    gate: Gate  #: that of the creates
    reconciler: Reconciler  #: which may hold back all that writes
    journal: Journal
    outage: Outage  #: of updates alone: that campaigns can be read says nothing of them
    run: int
    answered: int = 0  #: updates that had an effect

    async def read(self, dues: Sequence[Due], names: set[str]) -> dict[str, Mapping[str, str]]:
        """Return id → properties of those campaigns that exist. Cancellation: nothing left behind.

        Raises:
            StoppedError: the run is stopping, or has to, since HubSpot does not say.
        """
        stop = self.asker.lookup.stop
        with stop.interruptible():
            await self.gate.enter()
        try:
            shown = await self.asker.read([due.written.id for due in dues], sorted(names))
        except NoAnswerError as error:
            stop.request_for(PausedError(f"campaigns to be updated could not be read: {error}", hint=AGAIN))
            raise StoppedError from error
        finally:
            self.gate.leave()
        return {one.id: one.properties for one in shown.values()}

    async def send(self, dues: list[Due]) -> list[Due]:
        """Write the changes; return what is to be read and tried again. Cancellation: the intent stays open.

        Raises:
            StoppedError: nothing of it was sent, or nothing is on its way any more.
        """
        left: list[Due] | None = None
        while left is None:  # so long as HubSpot says that it is not its turn
            left = await self._attempt(dues)
        return left

    def end(self, state: State, dues: Sequence[Due]) -> None:
        """Count records which ended in `state`."""
        for due in dues:
            due.settled = True
        self.asker.lookup.tally.end(state, len(dues))

    def tell(self, dues: Sequence[Due], shown: Mapping[str, Mapping[str, str]]) -> list[Due]:
        """Settle updates without a clear answer that are shown by now; the others had no effect. Return all the rest.

        Whoever books the row next, or sends it again, asks this first: an update may land late.
        """
        self._close_open(self._shown(dues, shown), updated=True)
        left = [due for due in dues if not due.settled]
        self.give_up(left)
        return left

    def give_up(self, dues: Sequence[Due]) -> None:
        """Take updates without a clear answer for ones that had no effect."""
        self._close_open(dues, updated=False)
        _clear(dues)

    def may_give_up(self, due: Due) -> bool:
        """Return whether updates of others had an effect since this record was first sent."""
        return self.answered > due.answered_before

    async def _attempt(self, dues: list[Due]) -> list[Due] | None:
        """Send once; return what is to be tried again, None where the same is to be sent again as it is."""
        lookup, began = self.asker.lookup, anyio.current_time()
        body = wire.encode_updates([(due.written.id, due.changes) for due in dues])
        slot = await turn(lookup.stop, self.gate, self.reconciler, lookup.pacer)
        try:
            n = await self._announce(dues, body)
            exchange = await self._exchange(body, slot)
        finally:
            slot.close()
            self.gate.leave()
        verdict = verdicts.judge_create(exchange, lookup.waits)
        lookup.renewal.heard(verdict.status)
        if verdict.status == UNAUTHORISED and await lookup.renewal.renewed(began):
            self._close(n, "refused", verdict, returned=list(range(len(dues))))
            _clear(dues)
            return None
        return await self._conclude(n, dues, verdict)

    async def _announce(self, dues: Sequence[Due], body: bytes) -> int:
        """Make the intent durable. Cancellation waits for it."""
        lookup, records = self.asker.lookup, [due.record for due in dues]
        said = Announced.of(records)
        now = lookup.wall()
        bounds = lookup.clock.bounds(now)
        for due in dues:
            due.answered_before = due.answered_before if due.sent else self.answered
            due.sent += 1
        with anyio.CancelScope(shield=True):
            n = await self.journal.announce({
                "t": "update", "run": self.run, "a": max(due.sent for due in dues),
                "srv": list(bounds) if bounds else None, "at": now, "src": said.sources,
                "items": said.items, "ids": [due.written.id for due in dues], "body": body,
            })  # fmt: skip
        for due in dues:  # from now on these values may stand there by our hand
            due.unclear = True
            for name, value in due.changes.items():
                due.written.values.setdefault(name, [""]).append(value)
        return n

    async def _exchange(self, body: bytes, slot: Slot) -> Exchange:
        """Send the batch, and let the gate learn from it."""
        lookup, tally = self.asker.lookup, self.asker.lookup.tally
        transport = cast("Updating", lookup.transport)  # that of a run; fakes of creates have no updates
        sent, began = lookup.wall(), anyio.current_time()
        tally.requests += 1
        tally.in_flight += 1
        try:
            exchange = await transport.update(body)
            taken_s, permitted_per_s = anyio.current_time() - began, lookup.pacer.permitted_per_s
            overload = is_overload(exchange)
            tally.workers = self.gate.ended(taken_s, permitted_per_s, on_way=tally.in_flight, overload=overload)
        finally:
            tally.in_flight -= 1
        if isinstance(exchange, Reply):
            slot.answered(exchange.headers, refused=exchange.status == 429)
            lookup.clock.observe(exchange.headers.get("date"), sent, lookup.wall())
        return exchange

    def _close(self, n: int, kind: str, verdict: steps.Verdict, **told: Any) -> None:
        """Journal what became of update number `n`."""
        note = None if verdict.outcome is steps.Outcome.ANSWERED else verdict.message
        close_update(self.journal, n, kind, status=verdict.status, corr=verdict.correlation_id, note=note, **told)

    async def _conclude(self, n: int, dues: list[Due], verdict: steps.Verdict) -> list[Due] | None:
        lookup, everyone = self.asker.lookup, list(range(len(dues)))
        match verdict.step:
            case steps.Settle(batch=reply):
                return await self._answered(n, dues, verdict, {result.id for result in reply.results})
            case steps.Bisect() | steps.SplitBySize() if len(dues) == 1:
                self._refused(n, dues, verdict)
                return []
            case steps.Bisect() | steps.SplitBySize():
                self._close(n, "refused", verdict, returned=everyone)
                half = len(_clear(dues)) // 2
                return [*await self.send(dues[:half]), *await self.send(dues[half:])]
            case steps.Resend(after_s=after_s):
                self._close(n, "refused", verdict, returned=everyone)
                _clear(dues)
                lookup.tally.throttled += after_s is not None
                lookup.pacer.pause(self._patience_s(verdict) if after_s is None else after_s)
                return None
            case steps.Pause(error=error) | steps.Stop(error=error):
                self._close(n, "refused", verdict, returned=everyone)
                lookup.stop.request_for(error)
                return _clear(dues)
            case steps.LookUp():
                self._close(n, "unknown", verdict, doubt=everyone)
                return await self._told_by_reading(n, dues, verdict)

    async def _answered(self, n: int, dues: list[Due], verdict: steps.Verdict, shown: set[str]) -> list[Due]:
        """Settle those of the update that the reply shows; return the others."""
        done = [index for index, due in enumerate(dues) if due.written.id in shown]
        left = [index for index in range(len(dues)) if index not in done]
        updated = [(index, sorted(dues[index].changes)) for index in done]
        self._close(n, "answered", verdict, updated=updated, returned=left)
        self._had_effect([dues[index] for index in done])
        fruitless = _without_effect([dues[index] for index in left])
        if fruitless and not done:
            await self.asker.lookup.stop.sleep(self._patience_s(verdict))
        return fruitless

    def _refused(self, n: int, dues: list[Due], verdict: steps.Verdict) -> None:
        """Settle a record whose update was refused alone."""
        problem = Problem("refused", f"HubSpot refused the update: {verdict.message}")
        self._close(n, "refused", verdict, failed=[failed_item(0, problem, "record", dues[0].record)])
        self.end(State.FAILED, dues)
        self.asker.lookup.tally.fail(problem.code)
        self.outage.answered()

    async def _told_by_reading(self, n: int, dues: list[Due], verdict: steps.Verdict) -> list[Due]:
        """Read what became of an update without a clear answer; return what does not show it yet, to be read again."""
        lookup = self.asker.lookup
        lookup.tally.meet(verdict.message)
        try:
            await lookup.stop.sleep(self._patience_s(verdict))
            shown = await self.read(dues, {name for due in dues for name in due.changes})
        except StoppedError:
            lookup.tally.notices.append(f"{len(dues)} updates are in doubt: the next run reads what became of them")
            raise
        for index, due in enumerate(dues):
            due.open = n, index
        self._close_open(self._shown(dues, shown), updated=True)
        left = [due for due in dues if not due.settled]
        for due in left:  # open until they are read once more
            due.tries += 1
        return left

    def _shown(self, dues: Sequence[Due], shown: Mapping[str, Mapping[str, str]]) -> list[Due]:
        return [due for due in dues if due.open is not None and took(due.changes, shown.get(due.written.id))]

    def _close_open(self, dues: Sequence[Due], *, updated: bool) -> None:
        """Journal and count what became of updates that are open."""
        places = [(*due.open, due) for due in dues if due.open is not None]
        for n in dict.fromkeys(n for n, _, _ in places):
            of_it = [(index, due) for other, index, due in places if other == n]
            if updated:
                close_update(self.journal, n, "read", updated=[(index, sorted(due.changes)) for index, due in of_it])
            else:
                close_update(self.journal, n, "read", returned=[index for index, _ in of_it])
        for _, _, due in places:
            due.open = None
        if updated:
            self._had_effect([due for _, _, due in places])

    def _had_effect(self, dues: list[Due]) -> None:
        if dues:
            self.answered += 1
            self.outage.answered()
            self.end(State.UPDATED, dues)

    def _patience_s(self, verdict: steps.Verdict) -> float:
        """Return the seconds to wait after a failure, longer each time. Raises `StoppedError` after too long."""
        stop = self.asker.lookup.stop
        try:
            return self.outage.failed(anyio.current_time(), verdict.message)
        except PausedError as error:
            stop.request_for(error)
            raise StoppedError from error


def _clear(dues: Sequence[Due]) -> list[Due]:
    """Note that nothing of the update of these is on its way."""
    for due in dues:
        due.unclear = False
    return list(dues)


def _without_effect(dues: list[Due]) -> list[Due]:
    for due in dues:
        due.tries += 1
    return _clear(dues)
