"""`adopt`: campaigns of the account that the ledger does not know are listed into it, so that no run makes twins.

Oldest first, 100 a page. A campaign is known by its correlation property where it carries one, else by the key when
that is made of properties, else it guards only by its name. A run again, after a kill too, takes only what is new.
"""

import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from re import compile as pattern
from typing import Any, Final

import anyio
import anyio.to_thread
import orjson

from importer import canonical, run_entries
from importer.doubts import LookFailedError
from importer.errors import AccessError, ExitStatus, ImporterError, PausedError, UsageError
from importer.hubspot.exchange import Transport
from importer.inquiring import lookup_of, whose
from importer.ledger.opening import Ledger, open_ledger
from importer.ledger.projections import RESULTS
from importer.lookup import Lookup
from importer.model import Result, State
from importer.pipeline import Confirm, nobody_asks
from importer.plan import Plan
from importer.properties import NAME, WRITABLE
from importer.records import RecordPolicy, content_of_keyless, identities
from importer.report.books import Books, Summary, Tally, exit_status
from importer.stopping import Stop, StoppedError

_LISTINGS_MAX: Final = 3  #: campaigns deleted meanwhile shift pages; a listing that misses some is made again
_IDENTITY: Final = pattern("[0-9a-f]{32}")
#: Not part of what a campaign is compared by: HubSpot makes it, or shows it elsewhere.
_NO_CONTENT: Final = frozenset({"hs_utm", "hs_business_unit_ids"})


@dataclass(slots=True)
class _Count:
    """What an adoption came to."""

    by: dict[str, int] = field(default_factory=lambda: {"key": 0, "exact": 0, "name": 0})
    known: int = 0
    twins: int = 0


async def adopt_plan(
    plan: Plan, transport: Transport, *, tally: Tally, stop: Stop, confirm: Confirm = nobody_asks
) -> Summary:
    """List the account's campaigns into the ledger of `plan`, made if missing.

    Returns a summary without a pass; its counts say how many were adopted, and by what they are known.
    Cancellation: what was adopted is durable; the next call takes the rest.

    Raises:
        ImporterError: the ledger cannot be used or has records in doubt, or HubSpot does not let us list.
    """
    started, began = run_entries.wall_clock(), time.monotonic()
    _check_key(plan.records)
    lookup = lookup_of(plan, transport, tally=tally, stop=stop)
    account, owner = await whose(plan, lookup)
    if not account.can_read:
        raise AccessError(
            "the token may not list campaigns, so none can be adopted",
            hint="Give it the scope marketing.campaigns.read.",
        )
    await confirm(account, plan)
    ledger = await anyio.to_thread.run_sync(open_ledger, plan.ledger, owner)
    lookup.journal = ledger.journal
    count, failures = _Count(), list[ImporterError]()
    try:
        if ledger.fold.open:
            raise UsageError(
                "the ledger holds records in doubt or unresolved, whose campaigns may be among those to be adopted",
                hint=f"Settle them first: importer reconcile {plan.ledger}",
            )
        async with anyio.create_task_group() as group:
            group.start_soon(ledger.journal.run)
            try:
                await _adopt(plan.records, ledger, lookup, count)
            except ImporterError as error:
                failures.append(error)
            except StoppedError:
                pass
            finally:
                ledger.journal.close()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(ledger.close)
    counts: dict[str, Any] = {"adopted": sum(count.by.values()), "adopted_by": count.by, "known": count.known}
    counts |= {"twins": count.twins, "requests": tally.requests, "notices": _notices(count)}
    return Summary(
        run=None, status=exit_status(ExitStatus.OK, stop.status, *[error.exit_status for error in failures]),
        reason=failures[0].message if failures else stop.reason, hint=failures[0].hint if failures else stop.hint,
        books=Books(), counts=counts, ledger=str(plan.ledger), sources=(), account=account.id,
        base_url=account.base_url, started_at=started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - began, 3), simulated=account.simulated,
    )  # fmt: skip


def _check_key(policy: RecordPolicy) -> None:
    asked = {*WRITABLE, *policy.allow_properties}
    for name in policy.key:
        if name not in asked:
            raise UsageError(
                f'the key "{name}" is no property of a campaign, so it cannot be read from the account',
                hint=f"Use a property as the key, such as --key {NAME}; or a correlation property (importer setup).",
            )


def _notices(count: _Count) -> list[str]:
    said = []
    if count.by["name"]:
        said.append(
            f"{count.by['name']:,} campaigns are known by their name only: a new row of such a name is held back"
            " (name_exists)"
        )
    if count.twins:
        said.append(f"{count.twins:,} campaigns have the key of another one: they guard by their name only")
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class _Adoption:
    """What listing and journaling share."""

    policy: RecordPolicy
    ledger: Ledger
    lookup: Lookup
    count: _Count
    number: int  #: of the run that this counts as
    known: Callable[[str], bool]  #: whether a campaign stood in the ledger before


async def _adopt(policy: RecordPolicy, ledger: Ledger, lookup: Lookup, count: _Count) -> None:
    known = await anyio.to_thread.run_sync(_known_ids, ledger.folder / RESULTS)
    number = ledger.fold.run + 1
    asked = sorted({*WRITABLE, *policy.allow_properties, *([policy.correlation] if policy.correlation else [])})
    key = [{"property": name} for name in sorted(set(policy.key))]
    scheme = {"key_space": policy.key_space, "adopts": True, "key": key, "correlated": policy.correlation is not None}
    if key:
        run_entries.check_scheme(ledger.fold.schemes.get(policy.key_space), scheme, accept=False)
    await ledger.journal.append(run_entries.beginning(number, [], scheme))
    adoption = _Adoption(policy=policy, ledger=ledger, lookup=lookup, count=count, number=number, known=known)
    complete = False
    try:
        for _ in range(_LISTINGS_MAX):
            if await _list(adoption, asked):
                complete = True
                return
        raise PausedError("the listing of the account misses campaigns", hint="Run the same command again.")
    except LookFailedError as error:
        raise PausedError(f"the account cannot be listed: {error}", hint="Run the same command again.") from error
    finally:
        end = run_entries.ending(number, complete=complete, reason=None, books=Books(), sources=[])
        ledger.journal.put(end)


async def _list(adoption: _Adoption, asked: Sequence[str]) -> bool:
    """List everything once, oldest first; return whether as many were seen as there are."""
    after: str | None = None
    seen = 0
    adoption.count.known = 0
    taken: set[str] = set()  # of the latest page: the listing may repeat a few
    while True:
        with adoption.lookup.stop.interruptible():
            page = await adoption.lookup.page(asked, after, None, sort="createdAt")
        seen += len(page.results)
        new = [campaign for campaign in page.results if not adoption.known(campaign.id) and campaign.id not in taken]
        adoption.count.known += len(page.results) - len(new)
        taken = {campaign.id for campaign in new}
        await _take(adoption, new)
        if page.after is None or page.after == after:
            return page.total is None or seen >= page.total
        after = page.after


async def _take(adoption: _Adoption, campaigns: Sequence[Result]) -> None:
    """Journal those of `campaigns` whose identity the ledger does not hold, durable."""
    index, policy, count = adoption.ledger.index, adoption.policy, adoption.count
    told = [_identity(policy, campaign) for campaign in campaigns]
    guards = [_guard(campaign.id) for campaign in campaigns]

    def ask() -> set[str]:
        index.flush()
        found = index.known([*(identity for identity, _ in told if identity), *guards])
        told_of = {identity: state for identity, (state, _) in found.items() if state is not None}
        return {identity for identity, state in told_of.items() if state.state is not State.OPEN}

    held = await anyio.to_thread.run_sync(ask)
    items: list[tuple[str, str, str, str, str | None, str]] = []
    values: list[dict[str, str]] = []
    for campaign, (identity, how), guard in zip(campaigns, told, guards, strict=True):
        if guard in held:
            count.known += 1
            continue
        if identity is None or identity in held:
            count.twins += identity is not None
            identity, how = guard, "name"  # noqa: PLW2901 - its own will not do
        held.add(identity)
        count.by[how] += 1
        shown = dict(campaign.properties)
        compared = {name: value for name, value in shown.items() if name not in {policy.correlation, *_NO_CONTENT}}
        content = canonical.digest(compared) if policy.key else content_of_keyless(identity)
        items.append((identity, campaign.id, shown.get(NAME, ""), content, campaign.created_at, how))
        values.append(shown)
    if items:
        entry = {"t": "adopt", "run": adoption.number, "items": items, "values": values}
        await adoption.ledger.journal.append(entry)


def _identity(policy: RecordPolicy, campaign: Result) -> tuple[str | None, str]:
    """Return the identity that a campaign has by what it shows, and how it was told."""
    carried = campaign.properties.get(policy.correlation or "", "")
    if _IDENTITY.fullmatch(carried):
        return carried, "key"
    parts = {name: campaign.properties.get(name, "").strip() for name in policy.key}
    if parts and all(parts.values()):
        return identities(policy.key_space, "key", [canonical.framed(parts)])[0], "exact"
    return None, "name"


def _guard(campaign: str) -> str:
    """Return an identity for a campaign of which only its id and its name are known."""
    return blake2b(b"adopted\0" + campaign.encode(), digest_size=16).hexdigest()


def _known_ids(results: Path) -> Callable[[str], bool]:
    """Return what tells whether a campaign stands in the results file: 8 bytes of memory for each. Blocks."""
    digests = array("Q")
    with results.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                digests.append(_digest(orjson.loads(line)["id"]))
    ordered = array("Q", sorted(digests))

    def known(campaign: str) -> bool:
        wanted = _digest(campaign)
        at = bisect_left(ordered, wanted)
        return at < len(ordered) and ordered[at] == wanted

    return known


def _digest(campaign: str) -> int:
    return int.from_bytes(blake2b(campaign.encode(), digest_size=8).digest())
