"""`--mode upsert`, after the pass: records that were made earlier and differ now; unchanged ones where that is asked.

In groups: their campaigns and what was written there are gathered from the journal; 50 campaigns at a time are read
back and compared; only the properties that differ are written. An update is announced by a durable intent like a
create, but it may be repeated: what became of one without a clear answer is told by reading the campaign again.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from random import Random
from typing import IO, Any, Final

import anyio
import anyio.to_thread
import orjson
from anyio.streams.memory import MemoryObjectSendStream

from importer.admission import AdmissionPolicy
from importer.batches import Work
from importer.comparing import compare
from importer.inquiring import asker_of
from importer.ledger.journal import Journal
from importer.ledger.last_written import last_written
from importer.lookup import Lookup
from importer.model import BATCH_RECORDS_MAX, Batch, Problem, Record, Rejection, State
from importer.outage import Backoff, Outage
from importer.plan import Plan
from importer.producing import reject_item
from importer.report.books import Tally
from importer.sending import Sender
from importer.spooled import Spool
from importer.stopping import Stop, StoppedError
from importer.under_way import Began
from importer.updating import TRIES_MAX, Due, Updater

GROUP_RECORDS: Final = 20_000  #: of which what was written is held in memory at once


@dataclass(slots=True, kw_only=True)
class Upserter:
    """Brings campaigns to what their rows say."""

    updater: Updater
    journal: Journal
    tally: Tally
    stop: Stop
    policy: AdmissionPolicy
    run: int
    folder: Path  #: the ledger's
    tasks: int  #: batches that are read and updated at the same time, as far as the gate lets them
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
                known = await anyio.to_thread.run_sync(last_written, self.folder, identities)
                left -= len(group)
                dues = [Due(record, known[record.identity]) for record in group]
                await self._group(self._not_refused(dues), send, began)
        finally:
            self.tally.end(State.NOT_SENT, left)

    def _not_refused(self, dues: list[Due]) -> list[Due]:
        """Return those whose update HubSpot did not refuse as it is; the others are settled, unless told otherwise."""
        message = "HubSpot refused this update in an earlier run, and the row is unchanged"
        still = [due for due in dues if due.written.refused == due.record.content and not self.policy.retry_failed]
        if still:
            self._reject(still, Problem("still_refused", message))
        return [due for due in dues if not due.settled]

    async def _group(self, dues: list[Due], send: MemoryObjectSendStream[Work], began: Began) -> None:
        batches = [dues[at : at + BATCH_RECORDS_MAX] for at in range(0, len(dues), BATCH_RECORDS_MAX)]
        batches.reverse()

        async def work() -> None:
            while batches:
                await self._batch(batches.pop(), send, began)

        try:
            async with anyio.create_task_group() as tasks:
                for _ in range(min(self.tasks, len(batches))):
                    tasks.start_soon(work)
        finally:
            self.tally.end(State.NOT_SENT, sum(map(len, batches)))

    async def _batch(self, dues: list[Due], send: MemoryObjectSendStream[Work], began: Began) -> None:
        """Read, compare and update one batch until each record of it is settled or may not be sent any more."""
        pieces = [dues]
        try:
            while pieces and not self.stop.requested:
                pieces += self._pieces(await self._once(pieces.pop(), send, began))
        except StoppedError:
            pass
        finally:
            open_ones = [due for due in dues if not due.settled]
            unclear = sum(due.unclear for due in open_ones)
            self.tally.end(State.IN_DOUBT, unclear)
            self.tally.end(State.NOT_SENT, len(open_ones) - unclear)

    async def _once(self, dues: list[Due], send: MemoryObjectSendStream[Work], began: Began) -> list[Due]:
        """Read, compare, write; return what is to be tried again. Raises `StoppedError`."""
        shown = await self.updater.read(dues, {name for due in dues for name in _names(due)})
        dues = self.updater.tell(dues, shown)
        ready = self._judge([due for due in dues if due.written.id in shown], shown)
        await self._missing([due for due in dues if due.written.id not in shown], send, began)
        return await self.updater.send(ready) if ready else []

    def _pieces(self, again: list[Due]) -> list[list[Due]]:
        """Return what is tried again, in halves once it was tried often; a record alone fails then."""
        if not again or min(due.tries for due in again) < TRIES_MAX:
            return [again] if again else []
        if len(again) == 1:
            if not self.updater.may_give_up(again[0]):
                return [again]
            self.updater.give_up(again)
            self._reject(again, Problem("exhausted", f"updated {again[0].sent} times, and HubSpot does not show it"))
            return []
        return [again[: len(again) // 2], again[len(again) // 2 :]]

    def _judge(self, dues: list[Due], shown: Mapping[str, Mapping[str, str]]) -> list[Due]:
        """Return what is to be written; what is so already, and conflicts that are left alone, are settled."""
        ready, same = [], []
        for due in dues:
            compared = compare(due.record.properties, shown[due.written.id], due.written.values, self.fed)
            due.changes = compared.changes
            if not due.sent and due.written.items is not None:
                self.tally.items.changed += due.record.items != due.written.items
            if not compared.changes:
                same.append(due)
            elif not compared.conflicts or self._overwrites(due, compared.conflicts, shown[due.written.id]):
                ready.append(due)
        news = [due.record for due in same if due.written.content != due.record.content]
        if news:
            self.journal.put({"t": "confirm", "run": self.run, "items": [_known(record) for record in news]})
        self.updater.end(State.SKIPPED, same)
        return ready

    def _overwrites(self, due: Due, names: Sequence[str], shown: Mapping[str, str]) -> bool:
        """Count and list a conflict; return whether it is to be overwritten, else settle the record."""
        if due.conflict:  # told, and then overwritten by an update that had no effect
            return True
        due.conflict = True
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
            self.updater.end(State.SKIPPED, [due])
        return decision == "overwrite"

    async def _missing(self, dues: list[Due], send: MemoryObjectSendStream[Work], began: Began) -> None:
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

    def _reject(self, dues: Sequence[Due], problem: Problem) -> None:
        rejections = [Rejection(due.record.row, (problem,), due.record.identity, due.record.name) for due in dues]
        self.journal.put({"t": "reject", "run": self.run, "items": [reject_item(one) for one in rejections]})
        self.updater.end(State.FAILED, dues)
        self.tally.fail(problem.code, len(dues))
        for one in rejections:
            self.tally.sample(one)


def upserter_of(plan: Plan, lookup: Lookup, sender: Sender, *, fed: frozenset[str], conflicts: IO[bytes]) -> Upserter:
    """Return who updates in a run of `plan`, through the gate of its `sender`; the rest as `Upserter` has it."""
    assert sender.reconciler is not None
    updater = Updater(
        asker=asker_of(plan, lookup), gate=sender.gate, reconciler=sender.reconciler, journal=sender.journal,
        outage=Outage(Backoff(Random(), plan.outage), plan.outage), run=sender.run,
    )  # fmt: skip
    return Upserter(
        updater=updater, journal=sender.journal, tally=sender.tally, stop=sender.stop, policy=plan.admission,
        run=sender.run, folder=plan.ledger, tasks=plan.concurrency.tasks, fed=fed, encode=sender.encode,
        conflicts=conflicts,
    )  # fmt: skip


def _known(record: Record) -> tuple[str, str, str, str]:
    return record.identity, record.content, record.name, record.row.source


def _names(due: Due) -> list[str]:
    return [*due.record.properties, *due.written.values]
