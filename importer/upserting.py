"""`--mode upsert`, after the pass: records that were made earlier and differ now; unchanged ones where that is asked.

In groups: their campaigns and what was written there are gathered from the journal; 50 campaigns at a time are read
back and compared; only the properties that differ are written. An update is announced by a durable intent like a
create, but it may be repeated: what became of one without a clear answer is told by reading the campaign again.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import IO, Any, Final, cast

import anyio
import anyio.to_thread
import orjson
from anyio.streams.memory import MemoryObjectSendStream

from importer.admission import AdmissionPolicy
from importer.batches import Work
from importer.comparing import compare
from importer.doubts import LookFailedError
from importer.hubspot import steps, verdicts, wire
from importer.hubspot.exchange import Reply, Updating
from importer.ledger.journal import Journal
from importer.ledger.last_written import Written, last_written
from importer.lookup import Lookup
from importer.model import BATCH_RECORDS_MAX, Batch, Problem, Record, Rejection, State
from importer.outcomes import failed_item, intent_items
from importer.producing import Began, reject_item
from importer.report.books import Tally
from importer.rereading import close_update, read_campaigns, took
from importer.spooled import Spool
from importer.stopping import Stop, StoppedError

GROUP_RECORDS: Final = 20_000  #: of which what was written is held in memory at once
ATTEMPTS_MAX: Final = 5
_AT_ONCE: Final = 8  #: batches that are read and updated at the same time


@dataclass(slots=True)
class _Due:
    """One record to be updated."""

    record: Record
    written: Written
    changes: dict[str, str] = field(default_factory=dict)
    settled: bool = False  #: counted in the books
    unclear: bool = False  #: an update of it is on its way, or was left without a clear answer


@dataclass(slots=True, kw_only=True)
class Upserter:
    """Brings campaigns to what their rows say."""

    lookup: Lookup
    journal: Journal
    tally: Tally
    stop: Stop
    policy: AdmissionPolicy
    run: int
    fed: frozenset[str]  #: properties which the source feeds
    encode: Callable[[Sequence[Record]], bytes]  #: of creates, for what is made again
    conflicts: IO[bytes]  #: takes a row for each conflict

    async def upsert(self, spools: Sequence[Spool], send: MemoryObjectSendStream[Work], began: Began) -> None:
        """Update all records of `spools`; what is to be made again goes into `send`, counted in `began`.

        A wish to stop: what is not updated is counted as not sent. Cancellation: as in doubt where it is on its way.
        """
        left = sum(spool.count for spool in spools)
        groups = chain.from_iterable(spool.groups(GROUP_RECORDS) for spool in spools)
        try:
            while not self.stop.requested:
                group = await anyio.to_thread.run_sync(next, groups, None)
                if group is None:
                    return
                await self.journal.flush()
                identities = [record.identity for record in group]
                known = await anyio.to_thread.run_sync(last_written, self.lookup.folder, identities)
                left -= len(group)
                dues = [_Due(record, known[record.identity]) for record in group]
                await self._group(self._not_refused(dues), send, began)
        finally:
            self.tally.end(State.NOT_SENT, left)

    def _not_refused(self, dues: list[_Due]) -> list[_Due]:
        """Return those whose update HubSpot did not refuse as it is; the others are settled, unless told otherwise."""
        message = "HubSpot refused this update in an earlier run, and the row is unchanged"
        still = [due for due in dues if due.written.refused == due.record.content and not self.policy.retry_failed]
        if still:
            self._reject(still, Problem("still_refused", message))
        return [due for due in dues if not due.settled]

    async def _group(self, dues: list[_Due], send: MemoryObjectSendStream[Work], began: Began) -> None:
        batches = [dues[at : at + BATCH_RECORDS_MAX] for at in range(0, len(dues), BATCH_RECORDS_MAX)]
        batches.reverse()

        async def work() -> None:
            while batches:
                await self._batch(batches.pop(), send, began)

        try:
            async with anyio.create_task_group() as tasks:
                for _ in range(min(_AT_ONCE, len(batches))):
                    tasks.start_soon(work)
        finally:
            self.tally.end(State.NOT_SENT, sum(map(len, batches)))

    async def _batch(self, dues: list[_Due], send: MemoryObjectSendStream[Work], began: Began) -> None:
        """Read, compare and update one batch until each record of it is settled or may not be sent any more."""
        left = dues
        try:
            for attempt in range(1, ATTEMPTS_MAX + 1):
                if left and not self.stop.requested:
                    left = await self._once(left, attempt, send, began)
        finally:
            open_ones = [due for due in dues if not due.settled]
            unclear = sum(due.unclear for due in open_ones)
            self.tally.end(State.IN_DOUBT, unclear)
            self.tally.end(State.NOT_SENT, len(open_ones) - unclear)

    async def _once(
        self, dues: list[_Due], attempt: int, send: MemoryObjectSendStream[Work], began: Began
    ) -> list[_Due]:
        """Read, compare, write; return what is to be tried again."""
        names = {name for due in dues for name in (*due.record.properties, *due.written.values)}
        try:
            with self.stop.interruptible():
                shown = await read_campaigns(self.lookup, self.stop, [due.written.id for due in dues], names)
        except StoppedError:
            return []
        except LookFailedError as error:
            self.tally.notices.append(f"campaigns to be updated could not be read: {error}")
            return []
        for due in dues:
            due.unclear = False
        ready = self._judge([due for due in dues if due.written.id in shown], shown, first=attempt == 1)
        await self._missing([due for due in dues if due.written.id not in shown], send, began)
        return await self._send(ready, attempt) if ready else []

    def _end(self, state: State, dues: Sequence[_Due]) -> None:
        """Count records which ended in `state`."""
        for due in dues:
            due.settled = True
        self.tally.end(state, len(dues))

    def _judge(self, dues: list[_Due], shown: Mapping[str, Mapping[str, str]], *, first: bool) -> list[_Due]:
        """Return what is to be written; what is so already, and conflicts that are left alone, are settled."""
        ready, same = [], []
        for due in dues:
            compared = compare(due.record.properties, shown[due.written.id], due.written.values, self.fed)
            due.changes = compared.changes
            if first and due.written.items is not None:
                self.tally.items.changed += due.record.items != due.written.items
            if not compared.changes:
                same.append(due)
            elif compared.conflicts and first and not self._overwrites(due, compared.conflicts, shown[due.written.id]):
                continue
            else:
                ready.append(due)
        news = [due.record for due in same if due.written.content != due.record.content]
        if news:
            self.journal.put({"t": "confirm", "run": self.run, "items": [_known(record) for record in news]})
        self._end(State.SKIPPED, same)
        return ready

    def _overwrites(self, due: _Due, names: Sequence[str], shown: Mapping[str, str]) -> bool:
        """Count and list a conflict; return whether it is to be overwritten, else settle the record."""
        self.tally.conflicts += 1
        record, decision = due.record, self.policy.on_conflict
        row: dict[str, Any] = {"source": record.row.source, "ordinal": record.row.ordinal}
        row |= {"line_number": record.row.line_number}
        row |= {"identity": record.identity, "name": record.name, "id": due.written.id, "run": self.run}
        row["conflicts"] = {
            name: {
                "written": due.written.values.get(name, [""])[-1],
                "in_hubspot": shown.get(name, ""),
                "in_source": record.properties.get(name, ""),
            }
            for name in names
        }
        self.conflicts.write(orjson.dumps(row | {"did": decision}, option=orjson.OPT_APPEND_NEWLINE))
        if decision == "fail":
            message = f"{', '.join(names)} of campaign {due.written.id} was changed in HubSpot since it was written"
            self._reject([due], Problem("conflict", message))
        elif decision == "skip":
            self._end(State.SKIPPED, [due])
        return decision == "overwrite"

    async def _missing(self, dues: list[_Due], send: MemoryObjectSendStream[Work], began: Began) -> None:
        """Make deleted campaigns again, or report them."""
        if not dues:
            return
        self.tally.missing += len(dues)
        records = tuple(due.record for due in dues)
        if not self.policy.recreate_missing:
            self._reject(dues, Problem("campaign_missing", "its campaign was deleted in HubSpot"))
            return
        await self.journal.append({"t": "gone", "run": self.run, "items": [_known(record) for record in records]})
        with suppress(StoppedError), self.stop.interruptible():
            await began.hand_over(send, Work(batch=Batch(records=records, body=self.encode(records))))
            for due in dues:  # whoever sends them counts them
                due.settled = True
                self.tally.items.skipped -= len(due.record.items)

    def _reject(self, dues: Sequence[_Due], problem: Problem) -> None:
        rejections = [Rejection(due.record.row, (problem,), due.record.identity, due.record.name) for due in dues]
        self.journal.put({"t": "reject", "run": self.run, "items": [reject_item(one) for one in rejections]})
        self._end(State.FAILED, dues)
        self.tally.fail(problem.code, len(dues))
        for one in rejections:
            self.tally.sample(one)

    async def _send(self, dues: list[_Due], attempt: int) -> list[_Due]:
        """Write the changes; return what is to be read and tried again. Cancellation: the intent stays open."""
        records = [due.record for due in dues]
        sources = list(dict.fromkeys(record.row.source for record in records))
        body = wire.encode_updates([(due.written.id, due.changes) for due in dues])
        now = self.lookup.wall()
        bounds = self.lookup.clock.bounds(now)
        with anyio.CancelScope(shield=True):
            n = await self.journal.append({
                "t": "update", "run": self.run, "a": attempt, "srv": list(bounds) if bounds else None, "at": now,
                "src": sources, "items": intent_items(records, sources), "ids": [due.written.id for due in dues],
                "body": body,
            })  # fmt: skip
        for due in dues:  # from now on these values may stand there by our hand
            due.unclear = True
            for name, value in due.changes.items():
                due.written.values.setdefault(name, [""]).append(value)
        transport = cast("Updating", self.lookup.transport)  # that of a run; fakes of creates have no updates
        exchange = await self.lookup.ask(lambda: transport.update(body))
        verdict = verdicts.judge_create(exchange, self.lookup.waits)
        told = {"status": exchange.status if isinstance(exchange, Reply) else None, "corr": verdict.correlation_id}
        told["note"] = None if verdict.outcome is steps.Outcome.ANSWERED else verdict.message
        everyone = list(range(len(dues)))
        match verdict.step:
            case steps.Settle(batch=reply):
                shown = {result.id for result in reply.results}
                done = [index for index in everyone if dues[index].written.id in shown]
                left = [index for index in everyone if index not in done]
                updated = [(index, sorted(dues[index].changes)) for index in done]
                close_update(self.journal, n, "answered", updated=updated, returned=left, **told)
                self._end(State.UPDATED, [dues[index] for index in done])
                return self._again([dues[index] for index in left])
            case steps.Bisect() | steps.SplitBySize() if len(dues) == 1:
                problem = Problem("refused", f"HubSpot refused the update: {verdict.message}")
                failed = [failed_item(0, problem, "record", records[0])]
                close_update(self.journal, n, "refused", failed=failed, **told)
                self._end(State.FAILED, dues)
                self.tally.fail(problem.code)
                return []
            case steps.Bisect() | steps.SplitBySize():
                close_update(self.journal, n, "refused", returned=everyone, **told)
                self._again(dues)
                half = len(dues) // 2
                return [*await self._send(dues[:half], attempt), *await self._send(dues[half:], attempt)]
            case steps.Resend(after_s=after_s):
                close_update(self.journal, n, "refused", returned=everyone, **told)
                wait = self.lookup.retry_s * attempt if after_s is None else after_s
                self.lookup.pacer.pause(wait)
                return self._again(dues)
            case steps.Pause(error=error) | steps.Stop(error=error):
                close_update(self.journal, n, "refused", returned=everyone, **told)
                self.stop.request_for(error)
                return self._again(dues)
            case steps.LookUp():
                self.tally.meet(verdict.message)
                close_update(self.journal, n, "unknown", doubt=everyone, **told)
                with suppress(StoppedError), self.stop.interruptible():
                    await anyio.sleep(self.lookup.retry_s * attempt)
                return await self._told_by_reading(n, dues)

    def _again(self, dues: list[_Due]) -> list[_Due]:
        """Note that nothing of the update of these is on its way."""
        for due in dues:
            due.unclear = False
        return dues

    async def _told_by_reading(self, n: int, dues: list[_Due]) -> list[_Due]:
        """Read what became of an update without a clear answer; return what did not take effect, as far as is told."""
        names = {name for due in dues for name in due.changes}
        try:
            with self.stop.interruptible():
                shown = await read_campaigns(self.lookup, self.stop, [due.written.id for due in dues], names)
        except (StoppedError, LookFailedError):
            self.tally.notices.append(f"{len(dues)} updates are in doubt: the next run reads what became of them")
            return []
        done = [at for at, due in enumerate(dues) if took(due.changes, shown.get(due.written.id))]
        left = [at for at in range(len(dues)) if at not in done]
        close_update(self.journal, n, "read", updated=[(at, sorted(dues[at].changes)) for at in done], returned=left)
        self._end(State.UPDATED, [dues[at] for at in done])
        return self._again([dues[at] for at in left])


def _known(record: Record) -> tuple[str, str, str, str]:
    return record.identity, record.content, record.name, record.row.source
