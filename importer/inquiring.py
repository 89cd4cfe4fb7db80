"""Who asks HubSpot beside an import, with a limiter and a clock of its own, and whose account answers."""

import time
from random import Random

from importer.asking import Asker
from importer.hubspot.exchange import Transport
from importer.ledger.opening import Owner
from importer.lookup import Lookup
from importer.outage import Backoff, Outage
from importer.plan import Plan
from importer.preflight import Account, ask_account
from importer.report.books import Tally
from importer.server_clock import ServerClock
from importer.stopping import Stop
from importer.version import VERSION


def lookup_of(plan: Plan, transport: Transport, *, tally: Tally, stop: Stop) -> Lookup:
    """Return who asks, once, in turn."""
    return Lookup(
        transport=transport, pacer=plan.pacer(stop), clock=ServerClock(), wall=time.time, tally=tally,
        stop=stop, waits=plan.waits, folder=plan.ledger, correlation=plan.records.correlation,
        retry_s=min(2.0, plan.settling.looks_apart_s), renewal=plan.renewal(),
    )  # fmt: skip


def asker_of(plan: Plan, lookup: Lookup) -> Asker:
    """Return who asks until there is an answer."""
    return Asker(lookup=lookup, outage=Outage(Backoff(Random(), plan.outage), plan.outage))


async def whose(plan: Plan, lookup: Lookup) -> tuple[Account, Owner]:
    """Ask whose account it is; return that, and the same as a ledger names its owner.

    Cancellation: nothing left behind. Raises as `ask_account`.
    """
    account = await ask_account(lookup, base_url=plan.transport.base_url, simulated=plan.simulator is not None)
    owner = Owner(base_url=account.base_url, account=account.id, simulated=account.simulated, tool=VERSION)
    return account, owner
