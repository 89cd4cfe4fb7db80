"""The import, as the list of its stations.

Two task groups: the outer one holds the journal's owner, which outlives everybody who writes; the inner one the
producer, the workers and the reconciler. Leaving the inner group means that nothing more is sent; then the journal is
closed and the outer group ends. Only this module makes streams.
"""

import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import anyio
import anyio.to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from importer import first_batch, run_entries
from importer.admission import Admission
from importer.answers import AnswerReader
from importer.batches import Batcher, Work
from importer.errors import ImporterError, SourceError, leaves
from importer.gate import Gate
from importer.hubspot import wire
from importer.hubspot.exchange import Transport
from importer.inquiring import whose
from importer.items.phase import make_items
from importer.ledger.disk import Disk
from importer.ledger.entries import Repeat
from importer.ledger.journal import Journal
from importer.ledger.opening import Ledger, open_ledger
from importer.lookup import Lookup
from importer.model import State
from importer.outage import Backoff, Outage
from importer.pacing import Pacer
from importer.plan import Plan
from importer.preflight import Account, earlier_doubts
from importer.producing import Producer, open_list
from importer.reading import Reading
from importer.reconcile import Reconciler
from importer.report.books import Summary, Tally
from importer.rereading import settle_updates
from importer.sending import Sender
from importer.server_clock import ServerClock
from importer.spooled import Spool
from importer.stopping import Stop, StoppedError
from importer.summing_up import conclude
from importer.under_way import Began, resender
from importer.up_to_date import repeat_of, skip_repetition
from importer.upserting import upserter_of

#: Batches that wait for a worker. Reading is ahead by a chunk besides, and what waits longer is in no cache any more.
_READY_MAX: Final = 8

Confirm = Callable[[Account, Plan], Awaitable[None]]  #: told whom the run writes to; raises an error to refuse


async def nobody_asks(_account: Account, _plan: Plan) -> None:
    """Go on without asking."""


@dataclass(slots=True)
class _Run:
    """What the stations of one run share."""

    plan: Plan
    tally: Tally
    stop: Stop
    transport: Transport
    pacer: Pacer
    clock: ServerClock
    ledger: Ledger
    lookup: Lookup
    account: Account
    reading: Reading
    number: int = 0
    repeat: Repeat | None = None  #: of the last pass, when this one repeats it
    failures: list[ImporterError] = field(default_factory=list)  #: what ended it early


async def run_plan(
    plan: Plan, transport: Transport, *, tally: Tally, stop: Stop, confirm: Confirm = nobody_asks,
    disk: Disk | None = None, wall: Callable[[], float] = time.time,
) -> Summary:  # fmt: skip
    """Import all that `plan` names through `transport` into a ledger on `disk`, by the clock `wall`; return the books.

    An `ImporterError` that ends the run is told by the summary's status and reason, and the books say where each row
    stands. Cancellation: as a kill; the journal is complete, and the next run goes on.

    Raises:
        ImporterError: before the ledger was opened (nothing was read or sent).
    """
    started, began = run_entries.wall_clock(), time.monotonic()
    pacer, clock = plan.pacer(stop, tally.hear_quota), ServerClock()
    tally.paced = lambda: pacer.idle_reason
    with ExitStack() as stack:
        how = (plan.reading, plan.mapping, plan.records, plan.ready, plan.admission.limit)
        reading = stack.enter_context(Reading(plan.sources, *how))
        await anyio.to_thread.run_sync(reading.begin)
        tally.notices += reading.notices()
        lookup = _lookup(plan, transport, pacer, clock, wall=wall, tally=tally, stop=stop)
        account, owner = await whose(plan, lookup)
        await confirm(account, plan)
        ledger = await anyio.to_thread.run_sync(lambda: open_ledger(plan.ledger, owner, disk=disk))
        lookup.journal = ledger.journal
        tally.notices += ledger.warnings
        run = _Run(plan, tally, stop, transport, pacer, clock, ledger, lookup, account, reading)
        try:
            await _in_ledger(run)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(ledger.close)
        return conclude(plan, tally, stop, run.failures, run=run.number, account=account, reading=reading,
                        started=started, seconds=time.monotonic() - began)  # fmt: skip


def _lookup(plan: Plan, transport: Transport, pacer: Pacer, clock: ServerClock, **more: Any) -> Lookup:
    return Lookup(
        transport=transport, pacer=pacer, clock=clock, waits=plan.waits, folder=plan.ledger, **more,
        correlation=plan.records.correlation, retry_s=min(2.0, plan.settling.looks_apart_s), renewal=plan.renewal(),
    )  # fmt: skip


async def _in_ledger(run: _Run) -> None:
    """Do the run between the ledger's opening and its closing; what ends it early is put into its `failures`."""
    journal = run.ledger.journal
    async with anyio.create_task_group() as outer:
        outer.start_soon(_own, journal)
        with closing(journal):  # whatever happens, else its owner would wait for ever
            try:
                await _begin(run)
                await _stations(run)
            except* ImporterError as group:
                run.failures.extend(leaves(group))  # several workers may have met the same one
            finally:
                if run.number:
                    _write_end(run)


async def _own(journal: Journal) -> None:
    """Let the journal write until it is closed. Cancellation: what was handed over is written and folded first."""
    with anyio.CancelScope(shield=True):
        await journal.run()


def _write_end(run: _Run) -> None:
    """Close the run in the journal: `end` after a complete pass, `stop` before that."""
    complete = run.reading.complete and not run.failures and not run.stop.requested
    reason = run.failures[0].message if run.failures else run.stop.reason
    repeat = (run.repeat or repeat_of(run.plan, run.reading, run.tally)) if complete else None
    entry = run_entries.ending(
        run.number, complete=complete, reason=reason, books=run.tally.books(), sources=run.reading.fingerprints(),
        repeat=repeat,
    )  # fmt: skip
    try:
        run.ledger.journal.put(entry)
    except ImporterError as error:
        run.failures.append(error)


async def _begin(run: _Run) -> None:
    """Check the identity scheme and write the run's entry, durable."""
    fold, scheme, accept = run.ledger.fold, run.reading.scheme, run.plan.admission.accept_new_identities
    run_entries.check_scheme(fold.schemes.get(scheme["key_space"]), scheme, accept=accept)
    run.number = fold.run + 1
    await run.ledger.journal.append(run_entries.beginning(run.number, run.reading.sources, scheme))


async def _stations(run: _Run) -> None:
    """The way of the data: what is in doubt is settled first; then source → batches → workers, until all is settled."""
    sender, reconciler, began = _sender(run)
    streams = _Streams()
    try:
        async with anyio.create_task_group() as inner:
            reconciler.resend = resender(run.stop, run.tally, streams.again, began, inner)
            inner.start_soon(_cut, run, inner.cancel_scope)
            await _settle_earlier(run, reconciler)
            inner.start_soon(reconciler.run)
            await _read_and_send(run, sender, streams, began)
            await make_items(run.plan, run.lookup, run.number)
            inner.cancel_scope.cancel()
    finally:
        _count_leftovers(run, reconciler, streams.receive)
        streams.close()


async def _read_and_send(run: _Run, sender: Sender, streams: "_Streams", began: Began) -> None:
    """Start the workers, read the pass, and let the stream end when nothing is under way any more."""
    async with anyio.create_task_group() as crew:
        for _ in range(run.plan.concurrency.tasks):
            crew.start_soon(_work, sender, streams.receive.clone(), began)
        with streams.again:
            async with streams.send:
                try:
                    await _produce(run, sender, streams.send, began)
                except SourceError as error:  # what was read before it stands, and is sent
                    run.failures.append(error)
            with suppress(StoppedError), run.stop.interruptible():
                await began.none_left()


class _Streams:
    """Both ends of the bounded stream of work; whoever counts what is left over holds on to the receiving end."""

    def __init__(self) -> None:
        """Make the stream."""
        self.send, self.receive = anyio.create_memory_object_stream[Work](max_buffer_size=_READY_MAX)
        self.again = self.send.clone()

    def close(self) -> None:
        """Close what is still open."""
        for stream in (self.send, self.again, self.receive):
            stream.close()


async def _work(sender: Sender, receive: MemoryObjectReceiveStream[Work], began: Began) -> None:
    """One worker: batch after batch. Cancellation: see `Sender.settle`."""
    async with receive:
        async for work in receive:
            try:
                await sender.settle(work)
            finally:
                began.done()


async def _cut(run: _Run, scope: anyio.CancelScope) -> None:
    """Cut what is on its way when the grace after a wish to stop is over, or at the second wish."""
    await run.stop.wait_hard(run.plan.grace_s)
    scope.cancel()


async def _settle_earlier(run: _Run, reconciler: Reconciler) -> None:
    """Settle what earlier runs left in doubt, before anything is read. A wish to stop leaves it in doubt."""
    now = (run.clock.bounds(run.lookup.wall()) or (None, None))[0]
    for doubt in earlier_doubts(run.ledger.fold, run.plan.settling, now, [State.IN_DOUBT]):
        reconciler.add(doubt)
    with suppress(StoppedError), run.stop.interruptible():
        await reconciler.settle_all()
    await settle_updates(run.lookup, run.ledger.journal, run.plan.settling, tally=run.tally, stop=run.stop)
    await run.ledger.journal.flush()  # so that the pass meets what was settled


def _count_leftovers(run: _Run, reconciler: Reconciler, receive: MemoryObjectReceiveStream[Work]) -> None:
    """Count what nobody took any more as not sent, and what nobody could settle any more as in doubt."""
    with suppress(anyio.WouldBlock, anyio.EndOfStream):
        while True:
            run.tally.end(State.NOT_SENT, len(receive.receive_nowait().batch.records))
    for doubt in reconciler.doubts:
        if doubt.work is not None:
            run.tally.end(State.IN_DOUBT, len(doubt.wanted))


async def _produce(run: _Run, sender: Sender, send: MemoryObjectSendStream[Work], began: Began) -> None:
    """Read the pass, unless it repeats the last one. Cancellation, and a wish to stop: see `Producer.run_pass`."""
    plan = run.plan
    run.repeat = await skip_repetition(plan, run.reading, run.ledger.fold, tally=run.tally, stop=run.stop)
    if run.repeat is not None:
        return
    admission = Admission(run.ledger.index, plan.admission, run=run.number, keyless=not plan.records.key,
                          twin=run.reading.maker.twin, folder=plan.ledger)  # fmt: skip
    with closing(admission), ExitStack() as stack:
        updates, unchanged = (stack.enter_context(closing(Spool(plan.ledger))) for _ in range(2))
        names = ["changed", "conflicts", *(["skipped"] if plan.admission.list_skipped else [])]
        lists = {name: stack.enter_context(open_list(plan.ledger / f"{name}.jsonl")) for name in names}
        producer = Producer(
            reading=run.reading, admission=admission, batcher=Batcher(wire.encode_records), tally=run.tally,
            stop=run.stop, run=run.number, journal=run.ledger.journal, lists=lists,
            alone=first_batch.alone(plan.canary, run.lookup, run.number, can_read=run.account.can_read),
            updates=updates, unchanged=unchanged,
        )  # fmt: skip
        try:
            await producer.run_pass(send, began)
        finally:  # what was read of a source that broke off stands
            fed = run.reading.maker.bound.fed
            upserter = upserter_of(plan, run.lookup, sender, fed=fed, conflicts=lists["conflicts"])
            await upserter.upsert([updates, unchanged], send, began)
        if run.reading.complete:
            run.tally.gone = await anyio.to_thread.run_sync(run.ledger.index.gone, run.reading.sources)
        run.reading.check_changed()


def _sender(run: _Run) -> tuple[Sender, Reconciler, Began]:
    """Return the three who share what is under way."""
    plan, began = run.plan, Began()
    sender = Sender(
        transport=run.transport, journal=run.ledger.journal, gate=Gate(plan.concurrency), pacer=run.pacer,
        clock=run.clock, wall=run.lookup.wall, tally=run.tally, stop=run.stop, run=run.number, waits=plan.waits,
        outage=Outage(Backoff(Random()), plan.outage), settling=plan.settling, encode=wire.encode_records,
        correlation=plan.records.correlation, hold=lambda _doubt: began.add(), renewal=run.lookup.renewal,
        trust_refusals=not run.account.can_read, answers=AnswerReader(
            transport=run.transport, pacer=run.pacer, tally=run.tally, correlation=plan.records.correlation),
    )  # fmt: skip
    reconciler = Reconciler(
        journal=run.ledger.journal, looks=run.lookup, policy=plan.settling, tally=run.tally, stop=run.stop,
        run_number=run.number, encode=wire.encode_records, in_flight=sender.in_flight, settled=began.done,
        doubts_max=plan.concurrency.doubts_max, correlation=plan.records.correlation, can_look=run.account.can_read,
    )  # fmt: skip
    sender.reconciler = reconciler
    return sender, reconciler, began
