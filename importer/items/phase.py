"""All items that are due, when the campaigns are made: read from the journal, made by a few workers.

What earlier runs left is due like this run's own; the source is not asked. A run that is to stop makes none.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import islice
from random import Random
from typing import Final, cast

import anyio
import anyio.to_thread

from importer.asking import Asker
from importer.hubspot.inquiries import Sends
from importer.hubspot.items import ItemCalls
from importer.items.sending import ItemSender
from importer.ledger.items_due import DueCampaign, due_campaigns
from importer.ledger.items_fold import OpenItem
from importer.lookup import Lookup
from importer.outage import Backoff, Outage
from importer.plan import Plan
from importer.stopping import StoppedError

WORKERS: Final = 24  #: campaigns at once, unless a number is set: the permitted rate, at a second an answer
_AT_ONCE: Final = 200  #: campaigns read from the journal in one go


async def make_items(plan: Plan, lookup: Lookup, run: int, *, look_only: bool = False) -> None:
    """Make what is due; counts go into the tally of `lookup`. A wish to stop leaves the rest to the next run.

    `look_only` finds out what became of those that were announced, and makes none.

    Cancellation: see `ItemSender.settle`. Raises `LedgerError`.
    """
    journal = lookup.journal
    assert journal is not None
    fold = journal.fold
    retry_failed = plan.admission.retry_failed
    if lookup.stop.requested:
        return
    if lookup.tally.items.read or retry_failed:
        await journal.flush()  # the fold knows an outcome only once it is durable
    if not (fold.items or (not look_only and (fold.items_due or retry_failed))):
        return
    lookup.tally.items_expected = fold.items_due
    doubts: dict[int, dict[int, OpenItem]] = defaultdict(dict)
    for open_item in fold.items.values():
        doubts[open_item.entry["of"]][open_item.entry["k"]] = open_item
    asker = Asker(lookup=lookup, outage=Outage(Backoff(Random(), plan.outage), plan.outage))
    calls = ItemCalls(cast("Sends", lookup.transport), plan.transport.api_version)  # that of a run can send anything
    sender = ItemSender(
        asker=asker, calls=calls, journal=journal, settling=plan.settling, run=run, tally=lookup.tally,
        look_only=look_only,
    )  # fmt: skip
    campaigns = due_campaigns(plan.ledger, retry_failed=retry_failed)
    waiting: list[DueCampaign] = []
    reading = anyio.Lock()

    async def work() -> None:
        with suppress(StoppedError):
            while not lookup.stop.requested:
                async with reading:
                    if not waiting:
                        waiting.extend(await anyio.to_thread.run_sync(_next_few, campaigns))
                    due = waiting.pop(0) if waiting else None
                if due is None:
                    return
                await sender.settle(due, doubts.get(due.of, {}))

    with closing(campaigns):
        async with anyio.create_task_group() as workers:
            for _ in range(plan.workers or WORKERS):
                workers.start_soon(work)


def _next_few(campaigns: Iterator[DueCampaign]) -> list[DueCampaign]:
    return list(islice(campaigns, _AT_ONCE))
