"""A whole probe: whose account it is, the experiment, and taking away what it made, whatever happens."""

import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import anyio

from importer.errors import AccessError, ExitStatus, ImporterError
from importer.hubspot.exchange import Transport
from importer.hubspot.inquiries import Inquiries
from importer.lookup import Lookup
from importer.pacing import Pacer, RollingWindow
from importer.plan import Plan
from importer.preflight import Account, ask_account
from importer.probing.bench import MADE_MAX, Bench
from importer.probing.experiment import experiment
from importer.probing.findings import status_of
from importer.probing.judging import judge
from importer.probing.observations import Observations, evidence_of
from importer.probing.writing import Probe
from importer.report.books import Tally
from importer.run_entries import wall_clock
from importer.server_clock import ServerClock
from importer.stopping import Stop, StoppedError
from importer.version import VERSION

NAME: Final = "importer probe"  #: begins the name of every campaign of every probe
_RETRY_MAX_S: Final = 2.0

Say = Callable[[str], None]
Confirm = Callable[[Account], Awaitable[None]]


async def run_probe(
    plan: Plan, transport: Transport, inquiries: Inquiries, *, stop: Stop, confirm: Confirm, say: Say
) -> tuple[Probe, ExitStatus, Account]:
    """Ask everything, archive what that made, and return the probe, its exit status and whose account it is.

    A wish to stop ends the experiment; the archiving is done all the same. Cancellation: as a wish to stop, without
    a probe.

    Raises:
        ImporterError: HubSpot does not let us in, or the user does not want it; nothing was made.
    """
    retry_s = min(_RETRY_MAX_S, plan.settling.looks_apart_s)
    account = await _account(plan, transport, stop, retry_s)
    await confirm(account)
    settle_s = plan.settling.settle_s
    bench = Bench(
        transport=transport, inquiries=inquiries, name=f"{NAME} {secrets.token_hex(6)}", retry_s=retry_s
    )  # fmt: skip
    seen = Observations(name=bench.name, settle_s=settle_s)
    left: dict[str, str] = {}
    failure: ImporterError | None = None
    try:
        with suppress(StoppedError), stop.interruptible():
            await experiment(bench, seen, token=plan.token(), say=say)
    except ImporterError as error:
        failure = error
    finally:
        with anyio.CancelScope(shield=True):
            say(f"archiving what was made; whatever is left is called {bench.name} …")
            left = await bench.tidy(seen.ids, wait_s=seen.shows_after_s)
    if failure is not None and not bench.ours:
        raise failure
    probe = _probe(plan, account, bench, seen, left=left, ended=failure.message if failure else stop.reason)
    ended = failure.exit_status if failure else stop.status
    status = ended if ended is not ExitStatus.OK else status_of(probe.findings, left=len(left))
    return probe, status, account


async def _account(plan: Plan, transport: Transport, stop: Stop, retry_s: float) -> Account:
    lookup = Lookup(
        transport=transport, pacer=Pacer(RollingWindow(plan.rate)), clock=ServerClock(), wall=time.time, tally=Tally(),
        stop=stop, waits=plan.waits, folder=plan.ledger, retry_s=retry_s,
    )  # fmt: skip
    account = await ask_account(lookup, base_url=plan.transport.base_url, simulated=plan.simulator is not None)
    if not account.can_read:
        raise AccessError("the token cannot list campaigns", hint="Add the scope marketing.campaigns.read.")
    return account


def _probe(
    plan: Plan, account: Account, bench: Bench, seen: Observations, *, left: dict[str, str], ended: str | None
) -> Probe:
    return Probe(
        name=bench.name,
        at=wall_clock().isoformat(timespec="seconds"),
        tool=VERSION,
        base_url=account.base_url,
        api_version=plan.transport.api_version,
        account_kind=account.kind,
        simulated=account.simulated,
        settle_s=seen.settle_s,
        made_most=MADE_MAX,
        made=len(bench.ours),
        archived=len(bench.archived),
        left=left,
        requests=bench.requests,
        ended=ended,
        findings=judge(seen),
        creates=[evidence_of(create) for create in seen.creates],
    )
