"""Who asks HubSpot beside an import, with a limiter and a clock of its own: for `undo` and `verify --remote`."""

import time
from random import Random

from importer.asking import Asker
from importer.hubspot.exchange import Transport
from importer.lookup import Lookup
from importer.outage import Backoff, Outage
from importer.plan import Plan
from importer.report.books import Tally
from importer.server_clock import ServerClock
from importer.stopping import Stop


def lookup_of(plan: Plan, transport: Transport, *, tally: Tally, stop: Stop) -> Lookup:
    """Return who asks, once, in turn."""
    return Lookup(
        transport=transport, pacer=plan.pacer(stop), clock=ServerClock(), wall=time.time, tally=tally,
        stop=stop, waits=plan.waits, folder=plan.ledger, correlation=plan.records.correlation,
        retry_s=min(2.0, plan.settling.looks_apart_s),
    )  # fmt: skip


def asker_of(plan: Plan, lookup: Lookup) -> Asker:
    """Return who asks until there is an answer."""
    return Asker(
        lookup=lookup, outage=Outage(Backoff(Random(), plan.outage), plan.outage), renew_token=plan.renew_token
    )
