"""Runs as users ask for them: for real, as a rehearsal, dry, and only to settle. What opens connections is here."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from importer.beside import beside, keep_fresh
from importer.dry_run import rehearse_plan
from importer.estimating import Allowance, ask_allowance
from importer.hubspot.inquiries import Inquiries
from importer.ledger.disk import OsDisk, make_folder
from importer.pipeline import Confirm, nobody_asks, run_plan
from importer.plan import Plan
from importer.remote_check import Checked, Counts, Difference, check_remote
from importer.report.books import Summary, Tally
from importer.settling import settle_plan
from importer.sharing.account_lock import account_held
from importer.sharing.limit import limit_shared
from importer.stopping import Stop
from importer.undoing import Ask, Greet, Tell, undo
from importer.undone import UndoBooks, Undone, Wish

if TYPE_CHECKING:
    from importer.hubspot.transport import HubSpotTransport


async def run(plan: Plan, *, tally: Tally, stop: Stop, confirm: Confirm = nobody_asks) -> Summary:
    """Import what `plan` names: dry, against the embedded simulator, or for real. See `pipeline.run_plan`.

    Raises:
        ImporterError: before the first row was read or anything was sent.

    Cancellation: as a kill; the next run goes on.
    """
    if plan.dry_run:
        allowance = await _allowance(plan)
        return await rehearse_plan(plan, tally=tally, stop=stop, ledger=plan.ledger, allowance=allowance)

    async def work() -> Summary:
        async with connected(plan) as (real, transport):
            return await run_plan(real, real.observe(transport), tally=tally, stop=stop, confirm=confirm)

    plan.limits.watch(tally, stop)
    return await beside(work, partial(plan.limits.end_in_time, stop), partial(keep_fresh, plan))


async def check(plan: Plan, *, tally: Tally, stop: Stop) -> Summary:
    """Validate everything that `plan` names, knowing of no earlier run and sending nothing. Raises as `run`."""
    allowance = Allowance(untold=plan.untold)
    return await rehearse_plan(replace(plan, dry_run=True), tally=tally, stop=stop, ledger=None, allowance=allowance)


async def settle(
    plan: Plan, *, tally: Tally, stop: Stop, confirm: Confirm = nobody_asks
) -> Summary:  # fmt: skip
    """Settle what the ledger of `plan` holds in doubt or unresolved; read no source. Raises as `run`."""

    async def work() -> Summary:
        async with connected(plan) as (real, transport):
            return await settle_plan(real, real.observe(transport), tally=tally, stop=stop, confirm=confirm)

    return await beside(work, partial(keep_fresh, plan))


async def _allowance(plan: Plan) -> Allowance:
    """Ask what the account of a dry run permits: a simulated one as it is when new, since nothing may be left behind.

    What cannot be asked is not told, and the dry run goes on. Cancellation: nothing left behind.
    """
    if plan.untold is not None:
        return Allowance(untold=plan.untold)
    async with connected(plan, leaves_nothing=True) as (real, transport):
        return await ask_allowance(transport, Inquiries(transport, real.transport.api_version))


async def take_back(
    plan: Plan, wish: Wish, *, tally: Tally, books: UndoBooks, stop: Stop, greet: Greet, ask: Ask | None, tell: Tell
) -> Undone:
    """Archive what runs made. See `undoing.undo`; raises as that."""
    async with connected(plan) as (real, transport):
        inquiries = Inquiries(transport, real.transport.api_version)
        return await undo(
            real, transport, inquiries, wish, tally=tally, books=books, stop=stop, greet=greet, ask=ask, tell=tell
        )


async def compare(
    plan: Plan, *, tally: Tally, counts: Counts, stop: Stop, greet: Greet, tell: Callable[[list[Difference]], None]
) -> Checked:
    """Compare what a ledger made with what HubSpot shows. See `remote_check.check_remote`; raises as that."""
    async with connected(plan) as (real, transport):
        return await check_remote(real, transport, tally=tally, counts=counts, stop=stop, greet=greet, tell=tell)


@asynccontextmanager
async def connected(
    plan: Plan, *, leaves_nothing: bool = False
) -> AsyncIterator[tuple[Plan, "HubSpotTransport"]]:  # fmt: skip
    """Connect to HubSpot, or start the embedded simulator and connect to that; yield plan and transport.

    `leaves_nothing`: the simulated account is a new one, no folder is made, and nothing is shared.

    Raises:
        AccountHeldError: another run has the account.
        UsageError: its lock or its shared limit cannot be had.
    """
    shares = not leaves_nothing
    async with (
        account_held(plan.account_lock if shares else None),
        limit_shared(plan.limit if shares else None, plan.rate, outage_max_s=plan.outage.outage_max_s) as pacer,
        _connected(replace(plan, shared=pacer), leaves_nothing=leaves_nothing) as connection,
    ):
        yield connection


@asynccontextmanager
async def _connected(plan: Plan, *, leaves_nothing: bool) -> AsyncIterator[tuple[Plan, "HubSpotTransport"]]:
    from importer.hubspot.transport import HubSpotTransport  # noqa: PLC0415 - aiohttp is slow to import

    if plan.simulator is None:
        async with _closing(HubSpotTransport(plan.token, plan.transport)) as transport:
            yield plan, transport
        return
    from importer.simulator.server import Simulator  # noqa: PLC0415 - as above

    if not leaves_nothing:
        make_folder(plan.ledger, OsDisk())  # before the simulator makes its own folder in it, open to others
    async with Simulator(plan.simulator, state=None if leaves_nothing else plan.simulator_state) as simulator:
        rehearsal = replace(plan, transport=replace(plan.transport, base_url=simulator.base_url))
        async with _closing(HubSpotTransport(lambda: "simulated", rehearsal.transport)) as transport:
            yield rehearsal, transport


@asynccontextmanager
async def _closing(transport: "HubSpotTransport") -> AsyncIterator["HubSpotTransport"]:
    try:
        yield transport
    finally:
        await transport.aclose()


def new_run_folder(ledger: Path, run: int) -> Path:
    """Return the folder of a run's own files (`summary.json`, `run.log`), made with mode 0700."""
    runs = ledger / "runs"
    folder = runs / f"{run:04d}"
    for made in (runs, folder):  # with parents=True the upper one would be open to others
        made.mkdir(mode=0o700, exist_ok=True)
    return folder
