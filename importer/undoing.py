"""`undo`: take back what runs made: look, archive what is unchanged, look again. It can be killed and run again.

It reverts creates only, and lists updates. The ledger is held from the first look to the last: no run begins between
what was shown to a person and what is done.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread

from importer.archiving import Archiver, Ended, Fate
from importer.asking import NoAnswerError
from importer.errors import AccessError, ExitStatus, ImporterError, UsageError, leaves
from importer.hubspot.exchange import Transport
from importer.hubspot.inquiries import Inquiries
from importer.inquiring import asker_of, lookup_of, whose
from importer.ledger.archives import OpenArchive
from importer.ledger.disk import Disk
from importer.ledger.fold import Fold
from importer.ledger.made import Made, as_touched, made, updates
from importer.ledger.opening import Ledger, Owner, open_ledger, read_header
from importer.model import BATCH_RECORDS_MAX, State
from importer.plan import Plan
from importer.preflight import Account
from importer.report.books import Tally, exit_status
from importer.stopping import Stop, StoppedError
from importer.undone import UndoBooks, Undone, Wish

WORKERS: Final = 8  #: batches at once, unless a number is set: a batch is three requests, one after the other
UPDATES_SHOWN: Final = 5  #: of what the runs updated, which is never taken back
_OPEN: Final = (State.IN_DOUBT, State.UNRESOLVED)


Greet = Callable[[Account], None]  #: told whose account it is
#: Told what a look found, before anything is archived; returns whether to go on.
Ask = Callable[[Account, tuple[int, int], UndoBooks], Awaitable[bool]]
#: Takes what became of a few campaigns; the flag says whether that was a look only. Called in threads, several at once.
Tell = Callable[[list[Ended], bool], None]


@dataclass(slots=True, kw_only=True)
class _Undo:
    """What one undo shares."""

    plan: Plan
    wish: Wish
    ledger: Ledger
    archiver: Archiver
    stop: Stop
    tell: Tell
    books: UndoBooks
    runs: tuple[int, int] = (0, 0)
    failures: list[ImporterError] = field(default_factory=list)


async def undo(
    plan: Plan, transport: Transport, inquiries: Inquiries, wish: Wish, *, tally: Tally, books: UndoBooks, stop: Stop,
    greet: Greet, ask: Ask | None, tell: Tell, disk: Disk | None = None,
) -> Undone:  # fmt: skip
    """Take back what `wish` names in the ledger of `plan`; counts go into `books` as it goes.

    With `ask` everything is looked at first and shown, and archived only after a yes. Cancellation: as a kill; what was
    begun is journaled, and the next undo looks what became of it.

    Raises:
        ImporterError: nothing was begun.
    """
    began = time.monotonic()
    await anyio.to_thread.run_sync(read_header, plan.ledger)
    lookup = lookup_of(plan, transport, tally=tally, stop=stop)
    account, owner = await whose(plan, lookup)
    if not account.can_read:
        raise AccessError(
            "the token cannot read campaigns, so nothing can be compared", hint="Add marketing.campaigns.read."
        )
    greet(account)
    async with _opened(plan.ledger, owner, disk) as ledger:
        lookup.journal = ledger.journal
        archiver = Archiver(
            asker=asker_of(plan, lookup), inquiries=inquiries, journal=ledger.journal, settling=plan.settling,
            even_if_changed=wish.even_if_changed,
        )  # fmt: skip
        this = _Undo(plan=plan, wish=wish, ledger=ledger, archiver=archiver, stop=stop, tell=tell, books=books)
        this.runs = _runs(wish, ledger.fold)
        await anyio.to_thread.run_sync(_list_updates, this)
        looked_only = await _in_ledger(this, account, ask)
        unsettled = _unsettled(ledger.fold, this.runs)
    books.check()
    return _ended(this, account, tally, looked_only=looked_only, unsettled=unsettled, seconds=time.monotonic() - began)


async def _in_ledger(this: _Undo, account: Account, ask: Ask | None) -> bool:
    """Do it between the ledger's opening and closing; return whether nothing was to be archived in the end."""
    looked_only = this.wish.look_only
    async with anyio.create_task_group() as outer:
        outer.start_soon(_own, this.ledger)
        try:
            with suppress(StoppedError):
                if ask is not None or looked_only:
                    await _each(this, look_only=True)
                    looked_only = ask is None or this.stop.requested or not await ask(account, this.runs, this.books)
                if not looked_only:
                    this.books.made, this.books.fates = 0, dict.fromkeys(Fate, 0)
                    await _settle_earlier(this)
                    await _each(this, look_only=False)
            await this.ledger.journal.flush()
        except* ImporterError as group:
            this.failures += leaves(group)
        finally:
            this.ledger.journal.close()
    return looked_only


async def _own(ledger: Ledger) -> None:
    """Let the journal write until it is closed. Cancellation: what was handed over is written and folded first."""
    with anyio.CancelScope(shield=True):
        await ledger.journal.run()


@asynccontextmanager
async def _opened(folder: Path, owner: Owner, disk: Disk | None) -> AsyncIterator[Ledger]:
    ledger = await anyio.to_thread.run_sync(partial(open_ledger, folder, owner, disk=disk))
    try:
        yield ledger
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(ledger.close)


def _runs(wish: Wish, fold: Fold) -> tuple[int, int]:
    """Return the first and the last run that is meant; raise `UsageError` when there is no such run."""
    if not fold.run:
        raise UsageError("the ledger has no run yet: there is nothing to undo")
    if wish.runs is None:
        return 1, fold.run
    first, last = wish.runs if wish.runs != (0, 0) else (fold.run, fold.run)
    if not 1 <= first <= last <= fold.run:
        raise UsageError(f"the ledger has the runs 1 to {fold.run}", hint="importer status LEDGER lists the latest.")
    return first, last


def _list_updates(this: _Undo) -> None:
    """Count what these runs updated, and keep the first few. Blocks."""
    meant = (one for one in updates(this.plan.ledger) if this.runs[0] <= one.run <= this.runs[1])
    for one in meant:
        this.books.updates += 1
        if len(this.books.first_updates) < UPDATES_SHOWN:
            this.books.first_updates.append(one)


def _unsettled(fold: Fold, runs: tuple[int, int]) -> int:
    meant = (intent for intent in fold.open.values() if runs[0] <= intent.entry["run"] <= runs[1])
    return sum(len(intent.unsettled(*_OPEN)) for intent in meant)


# What an earlier undo left


async def _settle_earlier(this: _Undo) -> None:
    """Look what became of what an undo before this one began and did not close. Raises `StoppedError`."""
    for n, archive in list(this.ledger.fold.archiving.items()):
        with suppress(NoAnswerError):  # it stays open, and its campaigns are told as unclear
            await this.archiver.settle(n, archive.items, wait_s=_wait_s(this, archive))
    await this.ledger.journal.flush()


def _wait_s(this: _Undo, archive: OpenArchive) -> float:
    """Return how long its request may still land, by the server's clock; the whole wait where that is not known."""
    whole = this.plan.settling.timeout_s + this.plan.settling.settle_s
    now = this.archiver.asker.lookup.clock.bounds(time.time())
    bounds = archive.entry["srv"]
    return whole if bounds is None or now is None else min(whole, max(0.0, whole - (now[0] - bounds[1])))


# Campaign after campaign


async def _each(this: _Undo, *, look_only: bool) -> None:
    """Look at every campaign of these runs, and take it back. A wish to stop, or an error, leaves the rest."""
    held = frozenset(item[2] for archive in this.ledger.fold.archiving.values() for item in archive.items)
    campaigns, reading = as_touched(this.plan.ledger, made(this.plan.ledger)), anyio.Lock()

    async def work() -> None:
        while True:
            async with reading:
                some = await anyio.to_thread.run_sync(_next_few, campaigns, this)
            if not some:
                return
            await _few(this, some, held, look_only=look_only)

    with closing(campaigns):
        async with anyio.create_task_group() as crew:
            crew.start_soon(_cut, this, crew.cancel_scope)
            async with anyio.create_task_group() as workers:
                for _ in range(this.plan.workers or WORKERS):
                    workers.start_soon(work)
            crew.cancel_scope.cancel()


async def _cut(this: _Undo, scope: anyio.CancelScope) -> None:
    """Cut what is on its way when the grace after a wish to stop is over, or at the second wish."""
    await this.stop.wait_hard(this.plan.grace_s)
    scope.cancel()


def _next_few(campaigns: Iterator[Made], this: _Undo) -> list[Made]:
    """Return the next campaigns of these runs that fit into one request. Blocks; one thread at a time."""
    this.ledger.index.flush()  # what was archived meanwhile would else be kept in memory
    some: list[Made] = []
    for one in campaigns:
        if not one.archived:
            this.books.standing_run = max(this.books.standing_run, one.run)
        if this.runs[0] <= one.run <= this.runs[1]:
            some.append(one)
        if len(some) == BATCH_RECORDS_MAX:
            break
    return some


async def _few(this: _Undo, some: list[Made], held: frozenset[str], *, look_only: bool) -> None:
    """Look at a few campaigns and take them back; whatever happens, each of them is counted."""
    this.books.made += len(some)
    archiver = replace(this.archiver, ended=[])
    told, going = archiver.ended, list[Made]()
    for one in some:
        if one.archived:
            told.append(Ended(campaign=one, fate=Fate.EARLIER))
        elif one.id in held:
            told.append(Ended(campaign=one, fate=Fate.UNCLEAR, why="an earlier undo began to archive it"))
        elif one.updated is not None and not this.wish.even_if_changed:
            told.append(Ended(campaign=one, fate=Fate.UPDATED, why=f"updated by run {one.updated}, left"))
        else:
            going.append(one)
    try:
        if going and not this.stop.requested:
            batch = await archiver.compare(going)
            if not look_only:
                await archiver.take_back(batch)
            else:
                fates = {one.id: Fate.MISSING if one.id in batch.missing else Fate.LEFT for one in batch.campaigns}
                told += [Ended(campaign=one, fate=fates[one.id]) for one in batch.campaigns]
    except StoppedError:
        pass
    finally:
        known = {ended.campaign.id for ended in told}
        told += [Ended(campaign=one, fate=Fate.LEFT) for one in some if one.id not in known]
        for fate in [one.fate for one in told]:
            this.books.fates[fate] += 1
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(this.tell, told, look_only)


def _ended(this: _Undo, account: Account, tally: Tally, *, looked_only: bool, **more: Any) -> Undone:
    """Return how it ended, with its exit status."""
    fates, failures = this.books.fates, this.failures
    statuses = [error.exit_status for error in failures] + [this.stop.status]
    if not looked_only:
        statuses += [ExitStatus.UNRESOLVED] * bool(fates[Fate.STANDS] + fates[Fate.UNCLEAR] + more["unsettled"])
        statuses += [ExitStatus.SOME_FAILED] * bool(fates[Fate.CHANGED] + fates[Fate.UPDATED])
    return Undone(
        status=exit_status(*statuses),
        reason=failures[0].message if failures else this.stop.reason,
        hint=failures[0].hint if failures else this.stop.hint,
        runs=this.runs, looked_only=looked_only, books=this.books, tally=tally, account=account,
        ledger=this.plan.ledger, **more,
    )  # fmt: skip
