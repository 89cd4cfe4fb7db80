"""Everything but the requests: the real sources, mapping, validation and admission, against a copy of what is known.

Nothing is written, no lock is taken, nothing in doubt is settled. Records that a run would send are counted as
not sent.
"""

import time
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import anyio.to_thread

from importer.admission import Admission
from importer.batches import Batcher
from importer.errors import ImporterError, SourceError
from importer.estimating import Allowance, estimate
from importer.hubspot import wire
from importer.ledger.index import Index
from importer.ledger.items_due import count_due
from importer.ledger.looking import empty_index, look_at
from importer.ledger.replay import JOURNAL
from importer.plan import Plan
from importer.producing import Producer
from importer.reading import Reading
from importer.report.books import Summary, Tally
from importer.run_entries import wall_clock
from importer.stopping import Stop
from importer.summing_up import conclude
from importer.under_way import Began


async def rehearse_plan(
    plan: Plan, *, tally: Tally, stop: Stop, ledger: Path | None, allowance: Allowance
) -> Summary:  # fmt: skip
    """Do everything that `plan` says but the requests; `ledger` None knows of no earlier run.

    `allowance` is what the account permits, for the estimate.

    Raises:
        ImporterError: before the first row was read.

    Cancellation: nothing left behind.
    """
    started, began = wall_clock(), time.monotonic()
    failures: list[ImporterError] = []
    with ExitStack() as stack:
        reading = stack.enter_context(
            Reading(plan.sources, plan.reading, plan.mapping, plan.records, plan.ready, plan.admission.limit)
        )
        await anyio.to_thread.run_sync(reading.begin)
        tally.notices += reading.notices()
        index, run, due = await anyio.to_thread.run_sync(_known, stack, ledger)
        admission = Admission(
            index, plan.admission, run=run, keyless=not plan.records.key, twin=reading.maker.twin, folder=None
        )
        stack.enter_context(closing(admission))
        producer = Producer(
            reading=reading, admission=admission, batcher=Batcher(wire.encode_records), tally=tally, stop=stop, run=run
        )
        try:
            await producer.run_pass(None, Began())
            reading.check_changed()
        except SourceError as error:
            failures.append(error)
        summary = conclude(
            plan, tally, stop, failures, run=None, account=None, reading=reading,
            started=started, seconds=time.monotonic() - began,
        )  # fmt: skip
        items = tally.items.read - tally.items.skipped + due
        found = estimate(summary.books, tally.batches, plan.rate, allowance, items=items)
        return replace(summary, estimate=found.as_dict())


def _known(stack: ExitStack, ledger: Path | None) -> tuple[Index, int, int]:
    """Return what earlier runs know, as a copy, the number of the next run, and how many items are left to it."""
    if ledger is None or not (ledger / JOURNAL).exists():
        return stack.enter_context(closing(empty_index())), 1, 0
    view = stack.enter_context(look_at(ledger))
    return view.index, view.fold.run + 1, count_due(ledger)[0] if view.fold.items_due else 0
