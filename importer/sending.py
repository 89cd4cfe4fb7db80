"""What a worker does with a batch: intent, exchange, verdict, pairing, outcome, and what follows from it.

The order is the protocol. The in-flight gate and the rate limit are taken before the intent is written, so that
hardly any time lies between the intent and the wire; the request leaves only after the intent is durable; the outcome
is handed to the journal before anything else is done with the batch; and a batch is sent again only after an outcome
or a finding which says that nothing of it was made.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio

from importer import refusals
from importer.answers import AnswerReader
from importer.batches import Encode, Work, send_again
from importer.doubts import Doubt, SettlePolicy
from importer.errors import LedgerError, PausedError
from importer.gate import Gate
from importer.hubspot import steps, verdicts, wire
from importer.hubspot.exchange import Exchange, Reply, Transport
from importer.hubspot.throttle import WaitPolicy, is_overload
from importer.ledger import entries
from importer.ledger.journal import Journal
from importer.matching import content_of
from importer.model import Batch, State
from importer.outage import Outage
from importer.outcomes import Announced, Attempt, Findings, failed_item
from importer.pacing import Pacer, Slot
from importer.reconcile import Reconciler
from importer.renewal import UNAUTHORISED, Renewal
from importer.report.books import Tally
from importer.server_clock import ServerClock
from importer.stopping import Stop, StoppedError
from importer.turns import one_at_a_time, turn


@dataclass(slots=True, kw_only=True)
class Sender:
    """Sends batches until each of their records is settled, in doubt, or not to be sent by this run."""

    transport: Transport
    journal: Journal
    gate: Gate
    pacer: Pacer
    clock: ServerClock
    wall: Callable[[], float]  #: epoch seconds
    tally: Tally
    stop: Stop
    outage: Outage
    answers: AnswerReader
    settling: SettlePolicy
    encode: Encode
    run: int
    waits: WaitPolicy
    renewal: Renewal  #: asks anew for the token
    correlation: str | None = None
    reconciler: Reconciler | None = None  #: given after construction: the two know each other
    hold: Callable[[Doubt], None] | None = None  #: told that a doubt keeps its work open
    trust_refusals: bool = False  #: lookups are impossible, so a refusal is believed
    flying: dict[int, Batch] = field(default_factory=dict)  #: intent → batch on its way
    reading: anyio.Lock = field(default_factory=anyio.Lock)  #: held by whoever reads an answer next

    def in_flight(self) -> frozenset[str]:
        """Return the contents of all records that are on their way."""
        records = (record for batch in self.flying.values() for record in batch.records)
        return frozenset(content_of(record.properties, self.correlation) for record in records)

    async def settle(self, work: Work) -> None:
        """Send `work` and what follows from it, until nothing of it is left in this worker's hands.

        Cancellation: the request under way is journaled as in doubt, the rest counted as not sent.
        """
        left = [work]
        try:
            while left:
                assert self.reconciler is not None
                slot = await turn(self.stop, self.gate, self.reconciler, self.pacer)
                try:
                    left.extend(reversed(await self._attempt(left.pop(), slot)))
                finally:
                    slot.close()
                    self.gate.leave()
        except (StoppedError, anyio.get_cancelled_exc_class()) as ending:
            self.tally.end(State.NOT_SENT, sum(len(item.batch.records) for item in left))
            if not isinstance(ending, StoppedError):
                raise

    async def _attempt(self, work: Work, slot: Slot) -> Sequence[Work]:
        """Send once and return what is to be sent next. Cancellation: the outcome `unknown` is journaled."""
        attempt = await self._announce(work)
        try:
            exchange = await self._exchange(attempt, slot)
            await one_at_a_time(self.reading)
            return await self._conclude(attempt, exchange)
        except anyio.get_cancelled_exc_class():
            if attempt.n in self.flying:
                self._doubt_at_the_end(attempt)
            raise
        finally:
            self.flying.pop(attempt.n, None)

    async def _announce(self, work: Work) -> Attempt:
        """Make the intent durable. Cancellation waits: an intent must not be left without its outcome."""
        now = self.wall()
        bounds = self.clock.bounds(now)
        said = Announced.of(work.batch.records)
        intent: entries.Intent = {
            "t": "intent",
            "run": self.run,
            "a": work.attempt,
            "srv": list(bounds) if bounds else None,
            "at": now,
            "src": said.sources,
            "items": said.items,
            "body": work.batch.body,
        }
        if said.more:
            intent["more"] = said.more
        try:
            with anyio.CancelScope(shield=True):
                n = await self.journal.announce(intent)
        except LedgerError:
            self.tally.end(State.NOT_SENT, len(work.batch.records))
            raise
        self.flying[n] = work.batch
        low = bounds[0] if bounds else now - self.settling.skew_s
        began = anyio.current_time()
        return Attempt(work=work, n=n, made_before=self.tally.ended[State.CREATED], began=began, server_low=low)

    async def _exchange(self, attempt: Attempt, slot: Slot) -> Exchange:
        """POST the batch. Cancellation: it may have been made."""
        self.tally.send(again=attempt.work.attempt > 1)
        sent_wall = self.wall()
        try:
            exchange = await self.transport.create(attempt.work.batch.body)
            taken_s, on_way = anyio.current_time() - attempt.began, self.tally.in_flight
            overload, permitted_per_s = is_overload(exchange), self.pacer.permitted_per_s
            self.tally.workers = self.gate.ended(taken_s, permitted_per_s, on_way=on_way, overload=overload)
            if isinstance(exchange, Reply):
                self.tally.answer(taken_s)
                slot.answered(exchange.headers, refused=exchange.status == 429)
                self.tally.permitted_per_s = self.pacer.permitted_per_s
                self.clock.observe(exchange.headers.get("date"), sent_wall, self.wall())
        finally:
            self.tally.in_flight -= 1
        return exchange

    def _doubt_at_the_end(self, attempt: Attempt) -> None:
        everything = list(range(len(attempt.work.batch.records)))
        self.tally.end(State.IN_DOUBT, len(everything))
        with suppress(LedgerError):  # an intent without an outcome is read as in doubt all the same
            self.journal.put(attempt.outcome("unknown", doubt=everything, note="cancelled"))

    async def _conclude(self, attempt: Attempt, exchange: Exchange) -> Sequence[Work]:
        verdict = verdicts.judge_create(exchange, self.waits)
        step = verdict.step
        self.renewal.heard(verdict.status)
        if verdict.outcome is not steps.Outcome.NOT_SENT:
            self.outage.answered()
        match step:
            case steps.Settle(batch=reply):
                return await self._settle_answer(attempt, exchange, verdict, reply)
            case steps.Bisect() | steps.SplitBySize():
                return self._refused(attempt, exchange, verdict)
            case steps.LookUp():
                return self._look_up(attempt, exchange, verdict)
            case steps.Resend():
                return self._resend(attempt, exchange, verdict, step)
            case steps.Pause() | steps.Stop():
                if verdict.status != UNAUTHORISED or not await self.renewal.renewed(attempt.began):
                    self.stop.request_for(step.error)
                return self._not_made(attempt, exchange, verdict)

    async def _settle_answer(
        self, attempt: Attempt, exchange: Exchange, verdict: steps.Verdict, reply: wire.BatchReply
    ) -> Sequence[Work]:
        found, unexpected = await self.answers.findings(attempt.work.batch, reply, exchange.hang_up)
        extra = [{"id": result.id, "name": result.properties.get("hs_name")} for result in unexpected]
        self.tally.unexpected += len(extra)
        return self._close(attempt, "answered", exchange, verdict, found, extra=extra)

    # Other answers, and none

    def _refused(self, attempt: Attempt, exchange: Exchange, verdict: steps.Verdict) -> Sequence[Work]:
        """The whole batch was refused: look once whether that made nothing, else cut it down."""
        batch = attempt.work.batch
        doubtful = isinstance(verdict.step, steps.Bisect) and self.journal.fold.refusals != "atomic"
        if doubtful and not self.trust_refusals:
            failure = (
                failed_item(0, refusals.problem_of(batch, verdict), "record", None) if len(batch.records) == 1 else None
            )
            doubt = Findings(doubt=[*range(len(batch.records))])
            return self._close(attempt, "refused", exchange, verdict, doubt, refused=True, failure=failure)
        if len(batch.records) == 1:
            problem = refusals.problem_of(batch, verdict)
            failed = Findings(failed=[failed_item(0, problem, "record", batch.records[0])])
            return self._close(attempt, "refused", exchange, verdict, failed)
        returned = Findings(returned=[*range(len(batch.records))])
        self._close(attempt, "refused", exchange, verdict, returned, again=False)
        return refusals.cut_down(attempt.work, verdict, self.encode)

    def _look_up(self, attempt: Attempt, exchange: Exchange, verdict: steps.Verdict) -> Sequence[Work]:
        if verdict.status is not None and verdict.status // 100 == 2:
            exchange.hang_up()  # an answer that is out of step, and so may be all that follow it there
        self.tally.meet(verdict.message)
        doubt = Findings(doubt=[*range(len(attempt.work.batch.records))])
        return self._close(attempt, "unknown", exchange, verdict, doubt)

    def _resend(
        self, attempt: Attempt, exchange: Exchange, verdict: steps.Verdict, step: steps.Resend
    ) -> Sequence[Work]:
        """Nothing was made: wait as long as the answer (or the backoff) says and send the batch again."""
        again = self._not_made(attempt, exchange, verdict)
        self.tally.meet(verdict.message, attempt.work.batch.records[0].identity)
        if verdict.outcome is steps.Outcome.NOT_SENT:
            try:
                self._pause(self.outage.failed(anyio.current_time(), verdict.message), verdict.message)
            except PausedError as error:
                self.stop.request_for(error)
            return again
        self.tally.throttled += 1
        self._pause(step.after_s or 0.0, verdict.message)
        return again

    def _pause(self, seconds: float, why: str) -> None:
        """Let nobody send for so long, and say why."""
        self.pacer.pause(seconds)
        self.tally.waiting_for, self.tally.waiting_until = why, anyio.current_time() + seconds

    def _not_made(self, attempt: Attempt, exchange: Exchange, verdict: steps.Verdict) -> Sequence[Work]:
        """Close an attempt that made nothing; the batch is next in turn, where a run that stops leaves it unsent."""
        returned = Findings(returned=[*range(len(attempt.work.batch.records))])
        return self._close(attempt, str(verdict.outcome), exchange, verdict, returned)

    # The outcome

    def _close(
        self, attempt: Attempt, kind: str, exchange: Exchange, verdict: steps.Verdict, found: Findings,
        *, extra: Sequence[dict[str, Any]] = (), refused: bool = False, failure: entries.FailedItem | None = None,
        again: bool = True,
    ) -> Sequence[Work]:  # fmt: skip
        """Journal the outcome, count it, hand over what is in doubt; return what is to be sent again alone or whole."""
        batch = attempt.work.batch
        status = exchange.status if isinstance(exchange, Reply) else None
        note = verdict.message if kind != "answered" or found.doubt or found.failed else None
        outcome = attempt.outcome(
            kind, status=status, corr=verdict.correlation_id, note=note, created=found.created,
            failed=found.failed, returned=found.returned, doubt=found.doubt, extra=list(extra),
        )  # fmt: skip
        try:
            self.journal.put(outcome)
        except LedgerError:
            self.tally.end(State.IN_DOUBT, len(batch.records))
            raise
        self.flying.pop(attempt.n, None)
        self.tally.troubled.discard(batch.records[0].identity)
        self.tally.end(State.CREATED, len(found.created))
        self.tally.end(State.FAILED, len(found.failed))
        for item in found.failed:
            self.tally.fail(item["code"])
        if found.doubt:
            self._hand_over(
                attempt, found.doubt, exchange, refused=refused, failure=failure, corr=verdict.correlation_id
            )
        return send_again(attempt.work, found.returned, self.encode, alone=kind == "answered") if again else ()

    def _hand_over(
        self, attempt: Attempt, doubt: Sequence[int], exchange: Exchange,
        *, refused: bool, failure: entries.FailedItem | None, corr: str | None,
    ) -> None:  # fmt: skip
        """Give what is in doubt to the reconciler, to be looked at when its request can no longer land."""
        assert self.reconciler is not None
        assert self.hold is not None
        now = anyio.current_time()
        skew = self.journal.fold.skew_s
        allowance = self.settling.skew_s if skew is None else max(self.settling.skew_least_s, skew)
        on_wire = exchange.sent_at if exchange.sent_at is not None else now
        lands_until = on_wire + self.settling.timeout_s + self.settling.settle_s
        held = Doubt(
            n=attempt.n, wanted=attempt.wanted(doubt, allowance), due=now if refused else max(now, lands_until),
            work=attempt.work, refused=refused, failure=failure, correlation_id=corr,
            created_before=attempt.made_before,
        )  # fmt: skip
        self.hold(held)
        self.reconciler.add(held)
