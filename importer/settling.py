"""`reconcile`: settle what a ledger holds in doubt or unresolved, by asking HubSpot or by a person's decision."""

import getpass
import re
import socket
import time
from contextlib import suppress
from pathlib import Path

import anyio
import anyio.to_thread

from importer import platforms
from importer.errors import ExitStatus, ImporterError, UsageError
from importer.hubspot import wire
from importer.hubspot.exchange import Transport
from importer.inquiring import lookup_of, whose
from importer.items.phase import make_items
from importer.ledger import entries
from importer.ledger.fold import OpenIntent
from importer.ledger.opening import Ledger, Owner, open_ledger, read_header
from importer.ledger.projections import RESULTS
from importer.lookup import Lookup, known_ids
from importer.model import State
from importer.pipeline import Confirm, nobody_asks
from importer.plan import Plan
from importer.preflight import earlier_doubts
from importer.reconcile import Reconciler
from importer.report.books import Books, Summary, Tally, exit_status
from importer.run_entries import wall_clock
from importer.stopping import Stop, StoppedError
from importer.version import VERSION

_OPEN = (State.IN_DOUBT, State.UNRESOLVED)
_AN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}")
SETTLED_COUNTS = ("recovered", "doubted", "requests", "looks")  #: all that the summary of this counts


async def settle_plan(
    plan: Plan, transport: Transport, *, tally: Tally, stop: Stop, confirm: Confirm = nobody_asks
) -> Summary:  # fmt: skip
    """Look once more for everything that the ledger holds in doubt or unresolved, items among it; make nothing.

    Returns a summary without a pass: `recovered` counts what was settled, `doubted` what is still open.
    Cancellation: what is settled is journaled, the rest stays as it was.

    Raises:
        ImporterError: there is no ledger, it is held or damaged, or HubSpot does not let us in.
    """
    started, began = wall_clock(), time.monotonic()
    await anyio.to_thread.run_sync(read_header, plan.ledger)
    lookup = lookup_of(plan, transport, tally=tally, stop=stop)
    account, owner = await whose(plan, lookup)
    await confirm(account, plan)
    ledger = await anyio.to_thread.run_sync(open_ledger, plan.ledger, owner)
    lookup.journal = ledger.journal
    failures: list[ImporterError] = []
    try:
        await _settle(plan, ledger, lookup, tally=tally, stop=stop, failures=failures, can_look=account.can_read)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(ledger.close)
    still_open = sum(len(intent.unsettled(*_OPEN)) for intent in ledger.fold.open.values()) + len(ledger.fold.items)
    tally.doubted = still_open
    statuses = [error.exit_status for error in failures] + [stop.status]
    statuses.append(ExitStatus.UNRESOLVED if still_open else ExitStatus.OK)
    reason = failures[0].message if failures else stop.reason
    told = (tally.recovered, still_open, tally.requests, tally.looks)
    return Summary(
        run=None,
        status=exit_status(*statuses),
        reason=reason or (f"{still_open} records or items cannot be told" if still_open else None),
        hint=None,
        books=Books(),
        counts=dict(zip(SETTLED_COUNTS, told, strict=True)),
        ledger=str(plan.ledger),
        sources=(),
        account=account.id,
        base_url=account.base_url,
        started_at=started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - began, 3),
        simulated=account.simulated,
    )


async def _settle(
    plan: Plan, ledger: Ledger, lookup: Lookup, *, tally: Tally, stop: Stop, failures: list[ImporterError],
    can_look: bool,
) -> None:  # fmt: skip
    reconciler = Reconciler(
        journal=ledger.journal, looks=lookup, policy=plan.settling, tally=tally, stop=stop,
        run_number=ledger.fold.run, encode=wire.encode_records, in_flight=frozenset, settled=_nothing, doubts_max=0,
        correlation=plan.records.correlation, can_look=can_look,
    )  # fmt: skip
    bounds = lookup.clock.bounds(time.time())
    async with anyio.create_task_group() as group:
        group.start_soon(ledger.journal.run)
        try:
            for doubt in earlier_doubts(ledger.fold, plan.settling, bounds[0] if bounds else None, _OPEN):
                reconciler.add(doubt)
            with suppress(StoppedError), stop.interruptible():
                await reconciler.settle_all()
                before = len(ledger.fold.items)
                await make_items(plan, lookup, ledger.fold.run, look_only=True)
                await ledger.journal.flush()
                tally.recovered += before - len(ledger.fold.items)
        except ImporterError as error:
            failures.append(error)
        finally:
            ledger.journal.close()


def _nothing() -> None:
    """Be told of a doubt of an earlier run, in which nobody here waits."""


async def decide(folder: Path, identity: str, decision: str, reason: str | None) -> entries.Decision:
    """Journal what a person says about the unresolved record `identity`: `created:CAMPAIGN_ID` or `absent`.

    `reason` is kept with it. Returns the entry. Cancellation: the decision is durable or was not made.

    Raises:
        UsageError: the decision cannot be read, no unresolved record has this identity, or the campaign is another's.
        ImporterError: the ledger is held, damaged or somebody else's.
    """
    campaign = _campaign_of(decision)
    header = await anyio.to_thread.run_sync(read_header, folder)
    owner = Owner(
        base_url=header["base_url"], account=header["account"], simulated=header["simulated"], tool=VERSION
    )  # fmt: skip
    ledger = await anyio.to_thread.run_sync(open_ledger, folder, owner)
    try:
        intent, index = _unsettled(ledger, identity)
        wanted = frozenset({campaign}) if campaign else frozenset[str]()
        if wanted and await anyio.to_thread.run_sync(known_ids, folder / RESULTS, wanted, 0.0):
            raise UsageError(
                f"campaign {campaign} is another record's: it stands in {RESULTS} already",
                hint="Two records cannot be one campaign: look for the id again.",
            )
        entry: entries.Decision = {
            "t": "decision",
            "of": intent.n,
            "i": index,
            "identity": identity,
            "decision": "created" if campaign else "absent",
            "id": campaign,
            "reason": reason,
            "user": f"{_user()}@{socket.gethostname()}",
            "at": time.time(),
        }
        async with anyio.create_task_group() as group:
            group.start_soon(ledger.journal.run)
            try:
                await ledger.journal.append(entry)
            finally:
                ledger.journal.close()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(ledger.close)
    return entry


def _campaign_of(decision: str) -> str | None:
    """Return the id in `created:ID`, None for `absent`; raise `UsageError` for anything else."""
    kind, _, campaign = decision.partition(":")
    if kind not in {"created", "absent"} or (kind == "created") != bool(campaign):
        raise UsageError(f"cannot read the decision {decision!r}", hint="Say created:CAMPAIGN_ID or absent.")
    if campaign and not _AN_ID.fullmatch(campaign):
        raise UsageError(f"{campaign!r} is not the id of a campaign", hint="It has letters, digits and hyphens only.")
    return campaign or None


def _unsettled(ledger: Ledger, identity: str) -> tuple[OpenIntent, int]:
    for intent in ledger.fold.open.values():
        for index in intent.unsettled(*_OPEN):
            if intent.entry["items"][index][3] == identity:
                return intent, index
    raise UsageError(
        f"no record in doubt or unresolved has the identity {identity}",
        hint="importer reconcile LEDGER --list shows those that have.",
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this user id, as in some containers
        return platforms.user_number()
