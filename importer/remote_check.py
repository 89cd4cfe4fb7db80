"""`verify --remote`: every campaign that a ledger made, read again and compared; and what it does not know.

*Missing*: HubSpot does not show it any more. *Changed*: a value that was written is another now. *Unexpected*: the
account's list shows a campaign that was created while a run of this ledger was sending, whose id the ledger does not
hold, and which bears the name of a record that this ledger holds (or, with the correlation property, its identity):
most likely a twin. *Restored*: an undo archived it, and the list shows it. Nothing is written, and no lock is taken.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import anyio
import anyio.to_thread

from importer.asking import Asker, NoAnswerError, NotPermittedError
from importer.comparing import compared, differences
from importer.errors import ExitStatus
from importer.hubspot import wire
from importer.hubspot.exchange import Transport
from importer.inquiring import asker_of, lookup_of, whose
from importer.ledger.idset import IdSet
from importer.ledger.last_written import as_updated
from importer.ledger.looking import View, look_at
from importer.ledger.made import Made, made, windows
from importer.ledger.opening import check_owner, read_header
from importer.lookup import PAGE_CAMPAIGNS
from importer.model import BATCH_RECORDS_MAX, Result
from importer.moments import epoch
from importer.plan import Plan
from importer.preflight import Account
from importer.properties import NAME
from importer.report.books import Tally, exit_status
from importer.stopping import Stop, StoppedError

WORKERS: Final = 8  #: questions at once, unless a number is set
_IDENTITY: Final = re.compile(r"[0-9a-f]{32}")


class Kind(StrEnum):
    """How HubSpot and the ledger differ about a campaign."""

    MISSING = "missing"
    CHANGED = "changed"
    UNEXPECTED = "unexpected"
    RESTORED = "restored"


class Difference(NamedTuple):
    """One difference."""

    kind: Kind
    id: str
    name: str | None
    created_at: str | None
    run: int | None  #: that sent it; of an unexpected one the first in whose time it was created
    made: Made | None = None  #: what the ledger knows of it
    changed: Mapping[str, tuple[str, str]] = {}  #: property → as written, as shown


@dataclass(slots=True)
class Counts:
    """What was looked at: `made` is the sum of the next five."""

    made: int = 0  #: campaigns that the ledger made and no undo took back
    same: int = 0
    missing: int = 0
    changed: int = 0
    unclear: int = 0  #: HubSpot gave no answer about it
    not_compared: int = 0  #: the check ended before, or may not read
    unexpected: int = 0
    restored: int = 0
    listed: int = 0  #: campaigns that the account's list showed
    archived: int = 0  #: campaigns that an undo took back


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """How a check ended."""

    status: ExitStatus
    reason: str | None
    hint: str | None
    counts: Counts
    left_out: tuple[str, ...]  #: what could not be looked at and why, sentences
    at_work: bool  #: a run is at work, or was killed: what it makes may be taken for unexpected
    account: Account
    tally: Tally
    ledger: Path
    seconds: float

    @property
    def differences(self) -> int:
        """How many there are."""
        counts = self.counts
        return counts.missing + counts.changed + counts.unexpected + counts.restored


Tell = Callable[[list[Difference]], None]  #: takes differences as they are found; called in a thread


@dataclass(slots=True, kw_only=True)
class _Check:
    plan: Plan
    asker: Asker
    stop: Stop
    tell: Tell
    counts: Counts
    ids: IdSet
    left_out: list[str] = field(default_factory=list)
    refused: bool = False  #: batch/read is not permitted


async def check_remote(
    plan: Plan, transport: Transport, *, tally: Tally, counts: Counts, stop: Stop, greet: Callable[[Account], None],
    tell: Tell,
) -> Checked:  # fmt: skip
    """Compare what the ledger of `plan` made with what HubSpot shows; count as it goes. Memory is bounded.

    Cancellation: nothing left behind.

    Raises:
        ImporterError: nothing could be begun.
    """
    began = time.monotonic()
    await anyio.to_thread.run_sync(read_header, plan.ledger)
    lookup = lookup_of(plan, transport, tally=tally, stop=stop)
    account, owner = await whose(plan, lookup)
    await anyio.to_thread.run_sync(check_owner, plan.ledger, owner)
    greet(account)
    with ExitStack() as stack:
        view = await anyio.to_thread.run_sync(stack.enter_context, look_at(plan.ledger))
        ids = stack.enter_context(closing(IdSet()))
        this = _Check(plan=plan, asker=asker_of(plan, lookup), stop=stop, tell=tell, counts=counts, ids=ids)
        with suppress(StoppedError):
            await _compare_all(this)
            if account.can_read:
                await _look_for_unexpected(this, view)
            else:
                this.left_out.append("unexpected campaigns were not looked for: the token may not list campaigns")
    found = counts.missing + counts.changed + counts.unexpected + counts.restored
    unsaid = counts.unclear or this.left_out
    statuses = [stop.status, ExitStatus.DIFFERENCES if found else ExitStatus.OK]
    statuses.append(ExitStatus.UNRESOLVED if unsaid else ExitStatus.OK)
    return Checked(
        status=exit_status(*statuses), reason=stop.reason, hint=stop.hint, counts=counts,
        left_out=tuple(this.left_out), at_work=not view.fold.ended, account=account, tally=tally, ledger=plan.ledger,
        seconds=time.monotonic() - began,
    )  # fmt: skip


async def _compare_all(this: _Check) -> None:
    """Read every campaign again. A wish to stop leaves the rest uncompared, and counted so."""
    reading = anyio.Lock()

    async def work() -> None:
        while True:
            async with reading:
                some = await anyio.to_thread.run_sync(_next_few, campaigns, this)
            if not some:
                return
            await _compare(this, some)

    with closing(as_updated(this.plan.ledger, made(this.plan.ledger))) as campaigns:
        async with anyio.create_task_group() as workers:
            for _ in range(this.plan.workers or WORKERS):
                workers.start_soon(work)
    if this.stop.requested:
        raise StoppedError


def _next_few(campaigns: Any, this: _Check) -> list[Made]:
    """Return the next campaigns that still should be there; remember all ids. Blocks."""
    live: list[Made] = []
    while not live:
        some = list(islice(campaigns, BATCH_RECORDS_MAX))
        if not some:
            break
        this.ids.add({one.id: one.archived for one in some})
        live = [one for one in some if not one.archived]
        this.counts.archived += len(some) - len(live)
    this.counts.made += len(live)
    return live


async def _compare(this: _Check, some: Sequence[Made]) -> None:
    counts = this.counts
    if this.refused or this.stop.requested:
        counts.not_compared += len(some)
        return
    asked = sorted(frozenset().union(*(compared(one.written) for one in some)))
    try:
        shown = await this.asker.read([one.id for one in some], asked, optional=True)
    except NotPermittedError as error:
        counts.not_compared += len(some)
        if not this.refused:
            this.left_out.append(f"campaigns were not compared: {error}")
        this.refused = True
        return
    except NoAnswerError:
        counts.unclear += len(some)
        return
    except StoppedError:
        counts.not_compared += len(some)
        return
    found = [difference for one in some if (difference := _difference(one, shown.get(one.id))) is not None]
    missing = sum(difference.kind is Kind.MISSING for difference in found)
    counts.missing += missing
    counts.changed += len(found) - missing
    counts.same += len(some) - len(found)
    if found:
        await anyio.to_thread.run_sync(this.tell, found)


def _difference(one: Made, shown: Result | None) -> Difference | None:
    if shown is None:
        return Difference(Kind.MISSING, one.id, one.name, one.created_at, one.run, one)
    changed = differences(one.written, one.normalised, shown.properties)
    return Difference(Kind.CHANGED, one.id, one.name, one.created_at, one.run, one, changed) if changed else None


# What the ledger does not know


async def _look_for_unexpected(this: _Check, view: View) -> None:
    """Page the list, newest first, back to the first run of the ledger. Raises `StoppedError`."""
    settling = this.plan.settling
    allowed = {"before_s": settling.skew_s, "after_s": settling.timeout_s + settling.settle_s}
    spans = await anyio.to_thread.run_sync(partial(windows, this.plan.ledger, **allowed))
    if not spans:
        return
    skew = view.fold.skew_s or 0.0
    earliest = min(low for _run, low, _high in spans) - skew
    asked = [NAME, *([this.plan.records.correlation] if this.plan.records.correlation else [])]
    after: str | None = None
    before: frozenset[str] = frozenset()  # ids of the page before: what was made meanwhile shifts pages
    while True:
        try:
            page: wire.Page = await this.asker.ask(
                partial(this.asker.lookup.transport.list_page, properties=asked, after=after, limit=PAGE_CAMPAIGNS),
                wire.parse_page,
                optional=True,
            )
        except NoAnswerError as error:
            this.left_out.append(f"unexpected campaigns were not looked for to the end: {error}")
            return
        listed = {one.id: one for one in page.results if one.id not in before}
        before = frozenset(one.id for one in page.results)
        this.counts.listed += len(listed)
        told = partial(_unknown, this, view, list(listed.values()), spans=spans, skew=skew)
        found = await anyio.to_thread.run_sync(told)
        this.counts.unexpected += sum(one.kind is Kind.UNEXPECTED for one in found)
        this.counts.restored += sum(one.kind is Kind.RESTORED for one in found)
        if found:
            await anyio.to_thread.run_sync(this.tell, found)
        oldest = epoch(page.results[-1].created_at or "") if page.results else None
        if page.after is None or page.after == after or (oldest is not None and oldest < earliest):
            return
        after = page.after


def _unknown(
    this: _Check, view: View, listed: Sequence[Result], *, spans: Sequence[tuple[int, float, float]], skew: float
) -> list[Difference]:
    """Return those of a page that are unexpected, or came back. Blocks."""
    known = this.ids.find(one.id for one in listed)
    found: list[Difference] = []
    for one in listed:
        name = one.properties.get(NAME)
        if known.get(one.id):
            found.append(Difference(Kind.RESTORED, one.id, name, one.created_at, None))
        elif one.id not in known:
            created = epoch(one.created_at or "")
            run = next((run for run, low, high in spans if created is None or low - skew <= created <= high), None)
            if run is not None and _ours(this, view, one):
                found.append(Difference(Kind.UNEXPECTED, one.id, name, one.created_at, run))
    return found


def _ours(this: _Check, view: View, one: Result) -> bool:
    """Return whether a campaign bears the name, or the identity, of a record that the ledger holds."""
    correlation = this.plan.records.correlation
    identity = one.properties.get(correlation, "") if correlation else ""
    if _IDENTITY.fullmatch(identity):
        return bool(view.index.known([identity]))
    name = one.properties.get(NAME)
    return name is not None and view.index.unseen_holder(name)
