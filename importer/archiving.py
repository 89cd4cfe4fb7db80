"""Taking campaigns back, a batch at a time: look, intent, request, look again, outcome.

The order is the protocol. Only campaigns that a look just showed as they were written are archived; the intent is
durable before the request leaves; and the answer, 204 whatever became of it, proves nothing: a look afterwards does.
Not shown any more: the record is as never made. Still shown is believed only when no request can land any more, since
a late one would take away a campaign that the ledger holds. Archiving may be repeated, so a batch on which it had no
effect is sent again a few times.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Final

import anyio

from importer.asking import UNAUTHORISED, Asker, NoAnswerError
from importer.comparing import compared, differences
from importer.doubts import SettlePolicy
from importer.hubspot import steps, verdicts
from importer.hubspot.exchange import Reply
from importer.hubspot.inquiries import Inquiries
from importer.ledger import entries
from importer.ledger.journal import Journal
from importer.ledger.made import Made
from importer.stopping import StoppedError

ATTEMPTS_MAX: Final = 3  #: requests to archive the same campaign that were answered and had no effect
_SUCCESS: Final = 2


class Fate(StrEnum):
    """What became of a campaign that was to be taken back; the words of the books."""

    ARCHIVED = "archived"  #: by this undo
    EARLIER = "earlier"  #: by an undo before this one
    MISSING = "missing"  #: somebody else had deleted it; the record is as never made
    UPDATED = "updated"  #: by a later run, and left: only creates are taken back
    CHANGED = "changed"  #: not as it was written any more, and left
    STANDS = "stands"  #: still there, although archived
    UNCLEAR = "unclear"  #: HubSpot does not tell; the next undo looks again
    LEFT = "left"  #: the undo ended before its turn, or only looked


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A campaign and what became of it."""

    campaign: Made
    fate: Fate
    why: str | None = None  #: for people, where there is more to say
    changed: dict[str, tuple[str, str]] = field(default_factory=dict)  #: property → as written, as shown


@dataclass(slots=True)
class Batch:
    """Campaigns on their way out, those that are told already taken away."""

    campaigns: list[Made]
    missing: frozenset[str]  #: ids which the look before did not show


@dataclass(slots=True, kw_only=True)
class Archiver:
    """Takes batches back."""

    asker: Asker
    inquiries: Inquiries
    journal: Journal
    settling: SettlePolicy
    even_if_changed: bool = False
    ended: list[Ended] = field(default_factory=list)  #: told and not fetched yet

    async def compare(self, campaigns: Sequence[Made]) -> Batch:
        """Look at the campaigns; tell those that are left, return those that can be taken back. Cancellation: nothing.

        Raises `StoppedError`.
        """
        asked = sorted(frozenset().union(*(compared(one.written) for one in campaigns)))
        try:
            shown = await self.asker.read([one.id for one in campaigns], asked)
        except NoAnswerError as error:
            self._tell(campaigns, Fate.UNCLEAR, f"it cannot be read: {error}")
            return Batch([], frozenset())
        going: list[Made] = []
        for one in campaigns:
            now = shown.get(one.id)
            changed = differences(one.written, one.normalised, now.properties) if now is not None else {}
            if changed and not self.even_if_changed:
                words = f"changed since it was written: {', '.join(sorted(changed))}"
                self.ended.append(Ended(campaign=one, fate=Fate.CHANGED, why=words, changed=changed))
            else:
                going.append(one)
        return Batch(going, frozenset(one.id for one in going if one.id not in shown))

    async def take_back(self, batch: Batch) -> None:
        """Archive a batch and tell what became of each. A stop or a cancellation leaves the rest to the next undo.

        Raises `LedgerError`, `StoppedError`.
        """
        waiting, attempts = [batch.campaigns], 0
        while waiting:
            campaigns = waiting.pop()
            if not campaigns:
                continue
            n = await self._announce(campaigns)
            sent = anyio.current_time()
            answer = await self._send(campaigns, n)
            if answer is None:  # it was refused for now, and has been waited for
                waiting.append(campaigns)
                continue
            kind, verdict = answer
            left = await self._look(campaigns, n, batch.missing, kind=kind, verdict=verdict, sent=sent)
            if kind is steps.Outcome.REFUSED and len(campaigns) > 1:
                middle = (len(left) + 1) // 2
                waiting += [left[middle:], left[:middle]]
                continue
            attempts += bool(left)
            if attempts < ATTEMPTS_MAX and kind is not steps.Outcome.REFUSED:
                waiting.append(left)
            else:
                self._tell(left, Fate.STANDS, f"asked {attempts} times to archive it: {_said(kind, verdict)}")

    async def _announce(self, campaigns: Sequence[Made]) -> int:
        """Make the intent durable. Cancellation waits for it."""
        lookup = self.asker.lookup
        now = lookup.wall()
        bounds = lookup.clock.bounds(now)
        entry: entries.Archive = {
            "t": "archive",
            "srv": list(bounds) if bounds else None,
            "at": now,
            "items": [(one.of, one.at, one.id, one.identity, one.name, one.content, one.source) for one in campaigns],
        }
        with anyio.CancelScope(shield=True):
            n = await self.journal.append(entry)
        return n  # noqa: RET504 - a return inside would leave mypy with a way out of the scope without one

    async def _send(self, campaigns: Sequence[Made], n: int) -> tuple[steps.Outcome, steps.Verdict] | None:
        """Send the request and return what it proves; None when it is to be sent again, which has been waited for.

        Raises `StoppedError` when HubSpot ends it. Cancellation: the intent stays open.
        """
        began = anyio.current_time()
        everything = list(range(len(campaigns)))
        try:
            exchange = await self.asker.send(partial(self.inquiries.archive, [one.id for one in campaigns]))
        except StoppedError:  # before anything was sent
            self._close(n, "not_sent", None, gone=[], stands=everything, note="stopped before it was sent")
            raise
        except anyio.get_cancelled_exc_class():
            self._tell(campaigns, Fate.UNCLEAR, "cut off while it was archived")
            raise
        verdict = verdicts.judge_create(exchange, self.asker.lookup.waits)
        if isinstance(exchange, Reply) and exchange.status // 100 == _SUCCESS:
            self.asker.outage.answered()
            return steps.Outcome.ANSWERED, verdict
        match verdict.step:
            case steps.Resend() as step:
                self._close(n, str(verdict.outcome), verdict, gone=[], stands=everything)
                await self.asker.wait(step, verdict.message)
                return None
            case steps.Pause(error=error) | steps.Stop(error=error):
                self._close(n, str(verdict.outcome), verdict, gone=[], stands=everything)
                if verdict.status == UNAUTHORISED and await self.asker.renewed(began):
                    return None
                self.asker.lookup.stop.request_for(error)
                raise StoppedError
            case steps.Bisect() | steps.SplitBySize():
                return steps.Outcome.REFUSED, verdict
            case _:
                return steps.Outcome.UNKNOWN, verdict

    async def _look(
        self, campaigns: list[Made], n: int, missing: frozenset[str], *, kind: steps.Outcome, verdict: steps.Verdict,
        sent: float,
    ) -> list[Made]:  # fmt: skip
        """Look what still stands until it is sure, close the intent, tell what is gone, return what stands.

        After an answer two looks have to agree; without one, the last look comes when nothing can land any more.
        A stop, a cancellation, or no answer to the looks leaves the intent open. Raises `StoppedError`.
        """
        policy = self.settling
        late_s = policy.timeout_s + policy.settle_s  # what was not answered may land so much later
        wait_s = {steps.Outcome.ANSWERED: policy.looks_apart_s, steps.Outcome.REFUSED: 0.0}.get(kind, late_s)
        try:
            standing = await self.standing([one.id for one in campaigns], until=sent + wait_s)
        except NoAnswerError as error:
            self._tell(campaigns, Fate.UNCLEAR, f"archived, and it cannot be read whether it still stands: {error}")
            return []
        except (StoppedError, anyio.get_cancelled_exc_class()):
            self._tell(campaigns, Fate.UNCLEAR, "archived, and not looked at to the end")
            raise
        gone = [at for at, one in enumerate(campaigns) if one.id not in standing]
        stands = [at for at, one in enumerate(campaigns) if one.id in standing]
        self._close(n, str(kind), verdict, gone=gone, stands=stands)
        for at in gone:
            fate = Fate.MISSING if campaigns[at].id in missing else Fate.ARCHIVED
            self.ended.append(Ended(campaign=campaigns[at], fate=fate))
        return [campaigns[at] for at in stands]

    async def standing(self, ids: Sequence[str], *, until: float) -> frozenset[str]:
        """Return which of `ids` still stand; the last look comes no earlier than `until`, monotonic seconds.

        Cancellation: nothing left behind. Raises `NoAnswerError`, `StoppedError`.
        """
        left = list(ids)
        while True:
            last = anyio.current_time() >= until
            left = list(await self.asker.read(left, ["hs_name"], draining=True))  # it belongs to what is on its way
            if last or not left:
                return frozenset(left)
            tally = self.asker.lookup.tally
            tally.waiting_for, tally.waiting_until = "what was archived may take a while to go", until
            await self.asker.lookup.stop.sleep(
                min(max(until - anyio.current_time(), 0.0), max(self.settling.looks_apart_s, 0.01))
            )
            tally.waiting_for = tally.waiting_until = None

    def _close(
        self, n: int, kind: str, verdict: steps.Verdict | None, *, gone: list[int], stands: list[int],
        note: str | None = None,
    ) -> None:  # fmt: skip
        entry: entries.Archived = {
            "t": "archived",
            "of": n,
            "class": kind,
            "status": verdict.status if verdict else None,
            "corr": verdict.correlation_id if verdict else None,
            "note": note or (verdict.message if verdict and kind != steps.Outcome.ANSWERED else None),
            "gone": gone,
            "stands": stands,
            "at": self.asker.lookup.wall(),
        }
        self.journal.put(entry)

    async def settle(self, n: int, items: Sequence[entries.ArchiveItem], *, wait_s: float) -> None:
        """Look what became of what an earlier undo began, at the latest `wait_s` seconds from now, and close it.

        Raises `NoAnswerError`, `StoppedError`; it stays open then, as after a cancellation.
        """
        standing = await self.standing([item[2] for item in items], until=anyio.current_time() + wait_s)
        gone = [at for at, item in enumerate(items) if item[2] not in standing]
        stands = [at for at, item in enumerate(items) if item[2] in standing]
        self._close(n, "settled", None, gone=gone, stands=stands, note="looked at by a later undo")

    def _tell(self, campaigns: Sequence[Made], fate: Fate, why: str) -> None:
        self.ended += [Ended(campaign=one, fate=fate, why=why) for one in campaigns]


def _said(kind: steps.Outcome, verdict: steps.Verdict) -> str:
    """Return what HubSpot said to it last, for people."""
    return "it says done, and the campaign is still there" if kind is steps.Outcome.ANSWERED else verdict.message
