"""Counts and books of a run: each row of the pass once, and a sum that must hold. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from importer.errors import PRECEDENCE, BooksError, ExitStatus
from importer.model import Rejection, State
from importer.report.item_books import ItemBooks

SAMPLES_MAX: Final = 3  #: rejected rows kept of each code


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Where the rows of one pass ended: `read` is the sum of the others."""

    read: int = 0  #: rows of the pass; the sum of all the others
    created: int = 0  #: that are campaigns now
    updated: int = 0  #: whose campaigns were updated (--mode upsert)
    failed: int = 0  #: that were not made; failures.jsonl names the cause
    skipped: int = 0  #: that exist already, or came twice
    unresolved: int = 0  #: that cannot be told; a person has to decide
    in_doubt: int = 0  #: that were on their way when the run ended; the next run looks first
    not_sent: int = 0  #: that had not had their turn when the run ended

    @property
    def accounted(self) -> int:
        """Rows that ended in a state."""
        return (
            self.created + self.updated + self.failed + self.skipped + self.unresolved + self.in_doubt + self.not_sent
        )

    def check(self) -> None:
        """Raise `BooksError` unless every row read is in exactly one state."""
        if self.read != self.accounted:
            raise BooksError(
                f"the books do not balance: {self.read} read, {self.accounted} accounted for: {self.line()}"
            )

    def line(self) -> str:
        """Return the sum as people read it; states without rows are left out, but for the four that matter."""
        always = ("created", "skipped", "failed", "unresolved")
        words = {"in_doubt": "in doubt", "not_sent": "not sent"}
        shown = [
            f"{getattr(self, name):,} {words.get(name, name)}"
            for name in ("created", "updated", "skipped", "failed", "unresolved", "in_doubt", "not_sent")
            if name in always or getattr(self, name)
        ]
        return f"{self.read:,} read = {' + '.join(shown)}"


@dataclass(slots=True)
class Tally:
    """Running counts of one run, added to by the stations and read by progress and summary."""

    rows_read: int = 0  #: rows of the pass, broken ones included
    ended: dict[State, int] = field(default_factory=lambda: dict.fromkeys(State, 0))
    changed: int = 0  #: skipped although their content is not what was sent then; changed.jsonl lists them
    updates_due: int = 0  #: made earlier, differ now, and are to be updated (--mode upsert)
    conflicts: int = 0  #: campaigns that were changed in HubSpot since they were written; conflicts.jsonl lists them
    missing: int = 0  #: rows that were to be updated or checked, and whose campaigns were deleted in HubSpot
    gone: int = 0  #: made earlier from these sources and not in them any more; told after a complete pass
    recovered: int = 0  #: records of earlier runs that this one settled
    unexpected: int = 0  #: campaigns in replies which belong to none of our records
    requests: int = 0  #: all requests, whatever their method
    creates: int = 0  #: requests that create
    resent: int = 0  #: requests that create and repeat records sent before
    looks: int = 0  #: lookups made for what was in doubt
    throttled: int = 0  #: answers 429 and 423
    parked: int = 0  #: rows that wait for the end of the pass; 0 at its end
    in_flight: int = 0  #: requests on the way now
    workers: int = 0  #: requests that create which may be on the way at once, now
    doubted: int = 0  #: records in doubt, at the end
    answers: int = 0  #: answers to requests that create
    answer_s: float = 0.0  #: seconds that these took, added up
    slowest_s: float = 0.0  #: seconds that the slowest of them took, since somebody last asked
    trouble: str | None = None  #: the latest error of a request that is or was sent again, for people
    troubled: set[str] = field(default_factory=set)  #: identities of the first records of batches to be sent again
    codes: dict[str, int] = field(default_factory=dict)  #: failures by their code
    samples: dict[str, list[Rejection]] = field(default_factory=dict)  #: first few rejected rows of each code
    batches: int = 0  #: that a dry run would send
    #: of a first batch that was sent alone: `records`, `created`, `failed`, `differing` from what was sent; else null
    canary: dict[str, int] | None = None
    bytes_read: int = 0  #: of the sources, as they lie on the disk
    bytes_total: int | None = None  #: the same in all; null where a size is unknown
    permitted_per_s: float | None = None  #: requests a second that HubSpot permits; null where that is not known
    notices: list[str] = field(default_factory=list)  #: what is worth knowing and no failure, a sentence each
    waiting_for: str | None = None  #: why nothing is sent just now, for people
    waiting_until: float | None = None  #: when that ends, monotonic seconds (`anyio.current_time`)
    paced: Callable[[], str | None] | None = None  #: tells why somebody waits at the rate limit, None when nobody does
    day_left: int | None = None  #: requests left of the account's day, as the server last said
    day_total: int | None = None  #: requests that the account has a day
    #: of [budget and spend](../how-to/budget-and-spend.md): `read` of the valid rows and `earlier` that earlier
    #: runs had left are in sum `made`, `skipped`, `failed`, `unresolved`, `in_doubt` and `not_sent`
    items: ItemBooks = field(default_factory=ItemBooks)
    items_expected: int = 0  #: that were due when their turn came
    watch: Callable[[], None] | None = None  #: called when rows failed, and when the day's quota was told

    def end(self, state: State, count: int = 1) -> None:
        """Count rows of the pass which ended in `state`."""
        self.ended[state] += count
        if state is State.FAILED and self.watch is not None:
            self.watch()

    def hear_quota(self, left: int | None, total: int | None) -> None:
        """Note what the server says of the account's day; it may say nothing."""
        self.day_left, self.day_total = left, total
        if self.watch is not None:
            self.watch()

    def send(self, *, again: bool) -> None:
        """Count a request that creates and is now on its way."""
        self.requests += 1
        self.creates += 1
        self.resent += again
        self.in_flight += 1
        self.waiting_for = self.waiting_until = None

    def answer(self, taken_s: float) -> None:
        """Count an answer to a request that creates, and how long it took."""
        self.answers += 1
        self.answer_s += taken_s
        self.slowest_s = max(self.slowest_s, taken_s)

    def meet(self, error: str, identity: str | None = None) -> None:
        """Note an error of a request; with the first record's identity where its batch is to be sent again."""
        self.trouble = error
        if identity is not None:
            self.troubled.add(identity)

    @property
    def cured(self) -> bool:
        """Whether everything that met an error has since been sent again or looked up."""
        return not self.troubled and not self.doubted

    def fail(self, code: str, count: int = 1) -> None:
        """Count failures by their code (`end` counts the row)."""
        self.codes[code] = self.codes.get(code, 0) + count

    def sample(self, rejection: Rejection) -> None:
        """Keep a rejected row to be shown, unless there are enough of its code."""
        kept = self.samples.setdefault(rejection.problems[0].code, [])
        if len(kept) < SAMPLES_MAX:
            kept.append(rejection)

    def books(self) -> Books:
        """Return the books as they stand."""
        of = self.ended
        return Books(
            read=self.rows_read,
            created=of[State.CREATED],
            updated=of[State.UPDATED],
            failed=of[State.FAILED],
            skipped=of[State.SKIPPED],
            unresolved=of[State.UNRESOLVED],
            in_doubt=of[State.IN_DOUBT],
            not_sent=of[State.NOT_SENT],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a run says of itself at its end; `summary.json` is this, as JSON."""

    run: int | None  #: number of the run in its ledger; null for a dry run, and where no run began
    status: ExitStatus  #: the exit status
    reason: str | None  #: why it stopped before its end; null when it did not
    hint: str | None  #: what to do next; null when there is nothing to do
    books: Books  #: where each row of the pass ended
    counts: dict[str, Any]  #: everything else that was counted
    ledger: str  #: its folder
    sources: tuple[str, ...]  #: names of the sources
    account: str | None  #: HubSpot's portal id; null where the token may not ask
    base_url: str  #: where the API lives
    started_at: str  #: ISO 8601, UTC
    seconds: float  #: how long the run took
    dry_run: bool = False  #: whether nothing was to be sent
    simulated: bool = False  #: whether HubSpot was a simulated one
    #: epoch seconds before which going on is of no use, where HubSpot named a wait; null else
    resume_at: float | None = None
    estimate: dict[str, Any] | None = None  #: of a dry run, what a run would do; else null


def exit_status(*holding: ExitStatus) -> ExitStatus:
    """Return the one status that stands for all that hold."""
    return next((status for status in PRECEDENCE if status in holding), ExitStatus.OK)
