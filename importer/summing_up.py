"""The end of a run: books, status, what to do next. Pure but for nothing: it is told everything."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from importer.errors import BooksError, ExitStatus, ImporterError, PausedError
from importer.plan import Plan
from importer.preflight import Account
from importer.reading import Reading
from importer.report.books import Books, Summary, Tally, exit_status
from importer.stopping import Stop

#: Of a tally: what its summary leaves out.
NOT_COUNTS = frozenset(
    {
        "ended", "rows_read", "waiting_for", "waiting_until", "in_flight", "workers", "samples",
        "answers", "batches", "items_expected", "answer_s", "slowest_s", "trouble", "troubled", "day_left",
        "day_total", "watch", "paced",
    }
)  # fmt: skip


def conclude(
    plan: Plan, tally: Tally, stop: Stop, failures: Sequence[ImporterError], *, run: int | None,
    account: Account | None, reading: Reading, started: datetime, seconds: float,
) -> Summary:  # fmt: skip
    """Return the summary of a run that ended, with the one status that stands for all that hold."""
    books = tally.books()
    plan.limits.look_at_the_end(tally, stop)
    statuses = [error.exit_status for error in failures] + [stop.status] + plan.limits.statuses(books, tally)
    reasons = [(error.message, error.hint) for error in failures]
    if stop.requested:
        reasons.append((stop.reason or "", stop.hint))
    if not plan.dry_run and not failures and not stop.requested and not _any_valid(books, tally):
        statuses.append(ExitStatus.SOURCE)
        reasons.append(("no row of the source is a valid campaign" if books.read else "the source holds no rows", None))
    try:
        books.check()
        tally.items.check()
    except BooksError as error:
        statuses.append(error.exit_status)
        reasons.insert(0, (error.message, "Keep the ledger and report this."))
    waits = [error.wait_s for error in failures if isinstance(error, PausedError)] + [stop.wait_s]
    wait_s = next((wait for wait in waits if wait is not None), None)
    reason, hint = reasons[0] if reasons else (None, None)
    return Summary(
        run=run,
        status=exit_status(*statuses),
        reason=reason,
        hint=hint,
        books=books,
        counts={name: value for name, value in asdict(tally).items() if name not in NOT_COUNTS}
        | {"items": tally.items.as_dict()},
        ledger=str(plan.ledger),
        sources=reading.sources,
        account=account.id if account else None,
        base_url=plan.transport.base_url,
        started_at=started.isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
        resume_at=round(started.timestamp() + seconds + wait_s, 3) if wait_s is not None else None,
        dry_run=plan.dry_run,
        simulated=plan.simulator is not None,
    )


def _any_valid(books: Books, tally: Tally) -> bool:
    """Return whether any row was worth sending: one that HubSpot refused was."""
    refused = sum(
        tally.codes.get(code, 0) for code in ("refused", "brand_refused", "refused_group", "still_refused", "exhausted")
    )
    return bool(books.created + books.updated + books.skipped + books.unresolved + books.in_doubt + refused)
