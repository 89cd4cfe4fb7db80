"""Records in doubt: wait until nothing can land any more, look, match, decide, journal the finding.

A doubt is an intent whose answer does not tell what was made. Its records are looked for once their request can no
longer land, jointly with all other doubts that are due. A campaign found is `created`. `absent` needs two agreeing
looks some seconds apart, since an empty listing is weak evidence; only then a record may be sent again, and only by the
run that still has it. What cannot be told within the settle maximum is `unresolved`, for a person to decide.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import anyio

from importer.batches import Encode, Work, halves, subset
from importer.doubts import Doubt, LookFailedError, Looks, SettlePolicy
from importer.errors import ExitStatus
from importer.ledger import entries
from importer.ledger.journal import Journal
from importer.matching import Match, Wanted, content_of, match
from importer.model import Pairing, Result, State
from importer.report.books import Tally
from importer.stopping import Stop

Resend = Callable[[Sequence[Work]], None]  #: takes work that is to be sent again, and returns at once

ATTEMPTS_MAX: Final = 5
REFUSALS_LIE: Final = "HubSpot refused a batch and had made some of it: every refusal is looked up from now on"
_EPSILON_S: Final = 0.001


@dataclass(slots=True, kw_only=True)
class Reconciler:
    """Everything in doubt in one run, and the task that settles it."""

    journal: Journal
    looks: Looks
    policy: SettlePolicy
    tally: Tally
    stop: Stop
    run_number: int
    encode: Encode
    in_flight: Callable[[], frozenset[str]]  #: contents (`matching.content_of`) of the records that are on their way
    settled: Callable[[], None]  #: told of each doubt of this run that is done with
    doubts_max: int  #: more than so many batches in doubt make creates pause
    correlation: str | None = None
    can_look: bool = True
    resend: Resend | None = None  #: given by the pipeline
    doubts: list[Doubt] = field(default_factory=list)
    _strangers: list[Result] = field(default_factory=list)  #: of the latest look, not told yet
    _changed: anyio.Event = field(default_factory=anyio.Event)

    def add(self, doubt: Doubt) -> None:
        """Take over an intent in doubt."""
        doubt.next_look = doubt.due
        self.doubts.append(doubt)
        self.tally.doubted += len(doubt.wanted)
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    @property
    def crowded(self) -> bool:
        """Whether so much is in doubt that nothing more should be sent."""
        return len(self.doubts) > self.doubts_max

    async def room(self) -> None:
        """Wait while too much is in doubt; ask to stop when that lasts. Cancellation: nothing left behind."""
        if not self.crowded:
            return
        with anyio.move_on_after(self.policy.outage_max_s) as scope:
            while self.crowded:
                await self._changed.wait()
        if scope.cancelled_caught:
            self._stop_for_the_storm()

    def _stop_for_the_storm(self) -> None:
        reason = f"{self.tally.doubted} records are in doubt and cannot be settled"
        self.stop.request(reason, ExitStatus.PAUSED, "Run the same command again when HubSpot is well again.")

    def _may_give_up(self) -> bool:
        """Tell whether a record may be given up. In a storm none is: the run stops instead, and a later one goes on."""
        if self.crowded and self.can_look:
            self._stop_for_the_storm()
        return not self.stop.requested

    async def run(self) -> None:
        """Settle what comes, for ever. Cancellation: what is not decided stays in doubt in the journal."""
        while True:
            await self._wait_for_due()
            await self._round()

    async def settle_all(self) -> None:
        """Settle everything there is now. Cancellation: as `run`."""
        while self.doubts:
            await self._wait_for_due()
            await self._round()

    async def _wait_for_due(self) -> None:
        while True:
            changed, now = self._changed, anyio.current_time()
            soonest = min((doubt.next_look for doubt in self.doubts), default=None)
            if soonest is not None and soonest <= now + _EPSILON_S:
                self.tally.waiting_for = self.tally.waiting_until = None
                return
            self._say(soonest)
            with anyio.move_on_after(None if soonest is None else soonest - now):
                await changed.wait()

    def _say(self, soonest: float | None) -> None:
        if soonest is not None:
            first = any(doubt.looks == 0 and not doubt.refused for doubt in self.doubts)
            why = "a late request may still land" if first else "a second look must agree"
            self.tally.waiting_for = f"settling {self.tally.doubted} records in doubt ({why})"
            self.tally.waiting_until = soonest

    async def _round(self) -> None:
        """Look once for all that is due, and decide what can be decided."""
        due, later = self._gather()
        self._strangers = []
        wanted = [record for doubt in due for record in doubt.wanted.values()]
        matched, busy = None, frozenset[str]()
        if self.can_look:
            try:
                since = self.tally.ended[State.CREATED] - min(doubt.created_before for doubt in due)
                campaigns = await self.looks.look(wanted, created_since=since)
                busy = self.in_flight() | later
                not_before = min(record.not_before for record in wanted)
                taken = await self.looks.taken([campaign.id for campaign in campaigns], not_before)
                matched = match(wanted, campaigns, taken=taken, correlation=self.correlation)
                self._strangers = self._not_ours(matched, busy)
                self.tally.looks += 1
            except LookFailedError:
                matched = None
        for doubt in due:
            await self._decide(doubt, matched, busy)

    def _gather(self) -> tuple[list[Doubt], frozenset[str]]:
        """Return what is to be looked for now, and the contents of what may still land.

        Records of equal content are looked for together, whenever their turn is: a campaign of one is as good as one of
        the other, so a listing that shows only some of them must not give one's to the other.
        """
        now = anyio.current_time() + _EPSILON_S
        due = [doubt for doubt in self.doubts if doubt.next_look <= now]
        contents = frozenset[str]().union(*(self._contents(doubt) for doubt in due))
        others = [doubt for doubt in self.doubts if doubt.next_look > now]
        due += [doubt for doubt in others if doubt.due <= now and not contents.isdisjoint(self._contents(doubt))]
        landing = [doubt for doubt in others if doubt.due > now]
        return due, frozenset[str]().union(*(self._contents(doubt) for doubt in landing))

    def _contents(self, doubt: Doubt) -> frozenset[str]:
        return frozenset(content_of(record.properties, self.correlation) for record in doubt.wanted.values())

    def _not_ours(self, matched: Match, busy: frozenset[str]) -> list[Result]:
        """Return the surplus that no record of ours can be: none on its way, none that may still land."""
        return [one for one in matched.surplus if content_of(one.properties, self.correlation) not in busy]

    async def _decide(self, doubt: Doubt, matched: Match | None, busy: frozenset[str]) -> None:
        now = anyio.current_time()
        doubt.first_look = now if doubt.first_look is None else doubt.first_look
        doubt.looks += 1
        finding = _Finding()
        over = not self.can_look or now - doubt.first_look > self.policy.settle_max_s
        for index, record in doubt.wanted.items():
            if matched is not None and content_of(record.properties, self.correlation) not in busy:
                self._judge(doubt, record, matched, finding, now)
            if over and index not in finding.decided and self._may_give_up():
                why = "HubSpot cannot be asked" if not self.can_look else "lookups did not agree in time"
                finding.unresolved.append((index, f"{why} whether it made this campaign"))
        # The first looks are as near as they may be, later ones ever further apart: the listing lags or is down.
        doubt.next_look = now + self.policy.looks_apart_s * max(1, doubt.looks - 1)
        if finding.decided:
            await self._journal_finding(doubt, finding)

    def _judge(self, doubt: Doubt, record: Wanted, matched: Match, finding: "_Finding", now: float) -> None:
        """Note what the look at `now`, one moment for all records of the doubt, says of a record."""
        index = record.key[1]
        campaign = matched.found.get(record.key)
        if campaign is not None:
            finding.created.append((index, campaign.id, campaign.created_at, str(Pairing.LISTING), None))
            return
        since = doubt.absent_since.setdefault(index, now)
        if now - since < self.policy.looks_apart_s - _EPSILON_S:
            return
        near = matched.near.get(record.key)
        if near is None:
            finding.absent.append(index)
        else:
            why = f"campaign {near.id} has its name and was created since, but other values: it may be this record"
            finding.unresolved.append((index, why))

    async def _journal_finding(self, doubt: Doubt, finding: "_Finding") -> None:
        """Make the finding durable, count it, and send again what is known to be absent."""
        failed = self._failures(doubt, finding)
        evidence = {"looks": doubt.looks, "corr": doubt.correlation_id, "refused": doubt.refused}
        entry: entries.Resolve = {
            "t": "resolve",
            "of": doubt.n,
            "run": self.run_number,
            "evidence": evidence,
            "created": finding.created,
            "failed": failed,
            "absent": finding.absent,
            "unresolved": finding.unresolved,
        }
        if self._strangers:
            entry["extra"] = [{"id": campaign.id} for campaign in self._strangers]
            self.tally.unexpected += len(self._strangers)
            self._strangers = []  # told once, not for each doubt of the round
        if doubt.refused and (finding.created or finding.absent or failed):
            entry["refusal"] = "partial" if finding.created else "atomic"
            if finding.created and self.journal.fold.refusals != "partial":
                self.tally.notices.append(REFUSALS_LIE)
        await self.journal.append(entry)
        for index in finding.decided:
            del doubt.wanted[index]
        self._count(doubt, finding, failed)
        if not doubt.wanted:
            self.doubts.remove(doubt)
        self._notify()
        self._send_again(doubt, finding.absent)

    def _failures(self, doubt: Doubt, finding: "_Finding") -> list[entries.FailedItem]:
        """Take out of what is absent the records that need not be sent again, and return them as failures."""
        if doubt.work is None or not finding.absent:
            return []
        failure = doubt.failure
        exhausted = doubt.work.attempt >= ATTEMPTS_MAX and not doubt.refused
        if failure is None and exhausted and self._may_give_up():
            failure = _exhausted(doubt.work.attempt)
        if failure is None:
            return []
        rows = doubt.work.batch.records
        failed = [_of(failure, index, rows[index].row.cells) for index in finding.absent]
        finding.absent, finding.failed = [], [item["i"] for item in failed]
        return failed

    def _count(self, doubt: Doubt, finding: "_Finding", failed: list[entries.FailedItem]) -> None:
        self.tally.doubted -= len(finding.decided)
        if doubt.work is None:
            self.tally.recovered += len(finding.created) + len(finding.absent)
            return
        self.tally.end(State.CREATED, len(finding.created))
        self.tally.end(State.FAILED, len(failed))
        self.tally.end(State.UNRESOLVED, len(finding.unresolved))
        for item in failed:
            self.tally.fail(item["code"])
        if finding.unresolved:
            self.tally.fail("unresolved", len(finding.unresolved))

    def _send_again(self, doubt: Doubt, absent: Sequence[int]) -> None:
        if doubt.work is None:
            return
        if absent and self.resend is not None:
            work = Work(batch=subset(doubt.work.batch, absent, self.encode), attempt=doubt.work.attempt + 1)
            cut = doubt.refused and len(work.batch.records) > 1
            self.resend(halves(work, self.encode) if cut else (work,))
        if not doubt.wanted:
            self.settled()


@dataclass(slots=True)
class _Finding:
    created: list[entries.CreatedItem] = field(default_factory=list)
    absent: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    unresolved: list[tuple[int, str]] = field(default_factory=list)

    @property
    def decided(self) -> list[int]:
        """Indices of the records about which something is decided."""
        return [
            *(item[0] for item in self.created),
            *self.absent,
            *self.failed,
            *(index for index, _why in self.unresolved),
        ]


def _exhausted(attempts: int) -> entries.FailedItem:
    message = f"sent {attempts} times, and each time HubSpot made nothing and gave no answer"
    return {"i": 0, "code": "exhausted", "message": message, "column": None, "fix": None, "attribution": "record",
            "row": None}  # fmt: skip


def _of(failure: entries.FailedItem, index: int, row: Any) -> entries.FailedItem:
    return {**failure, "i": index, "row": row}
