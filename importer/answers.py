"""An answer with results: which campaign belongs to which input, and what its errors say about the rest."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from importer import attribution, echo, pairing
from importer.hubspot import wire
from importer.hubspot.exchange import NoReply, Reply, Transport
from importer.model import Batch, Created, Finding, InDoubt, Result
from importer.outcomes import Findings
from importer.pacing import Pacer
from importer.report.books import Tally

RECENT_IDS_MAX: Final = 10_000  #: ids of this run that a reply is checked against: a repeat comes soon or never


@dataclass(slots=True)
class RecentIds:
    """The ids given most recently, so that none is taken twice."""

    _order: deque[Sequence[str]] = field(default_factory=deque)  # as they came together
    _ids: set[str] = field(default_factory=set)

    @property
    def known(self) -> Callable[[str], bool]:
        """What tells whether an id is one of them."""
        return self._ids.__contains__

    def add(self, campaigns: Sequence[str]) -> None:
        """Remember ids, which are all new, forgetting the oldest when there are too many."""
        if campaigns:
            self._order.append(campaigns)
        self._ids.update(campaigns)
        while len(self._ids) > RECENT_IDS_MAX:
            self._ids.difference_update(self._order.popleft())


@dataclass(slots=True, kw_only=True)
class AnswerReader:
    """Turns answers into findings."""

    transport: Transport
    pacer: Pacer
    tally: Tally
    correlation: str | None = None
    recent: RecentIds = field(default_factory=RecentIds)

    async def findings(
        self, batch: Batch, reply: wire.BatchReply, hang_up: Callable[[], None]
    ) -> tuple[Findings, tuple[Result, ...]]:
        """Return what is found about each record of `batch`, and the campaigns that belong to none of them.

        `hang_up` is called when the reply shows none of them: it may be the answer to another request.
        Cancellation: nothing left behind; the caller journals the batch as in doubt.
        """
        if self.correlation is None:
            names, payloads = [record.name for record in batch.records], [record.payload for record in batch.records]
            if (told := echo.verbatim(names, payloads, reply.results, known=self.recent.known)) is not None:
                self.recent.add([result.id for result in told])
                return Findings.as_sent(told), ()
        pairs = await self._pair(batch, reply.results, hang_up)
        self.recent.add([pair.result.id for pair in pairs.pairs])
        found: list[Finding] = [Created(at, one.id, one.created_at, how, more) for at, one, how, more in pairs.pairs]
        return Findings.of([*found, *_attributed(batch, pairs, reply)], batch.records), pairs.unexpected

    async def _pair(self, batch: Batch, results: Sequence[Result], hang_up: Callable[[], None]) -> pairing.Pairs:
        """Pair the results with the inputs, reading back the campaigns that the reply alone does not tell apart."""
        known = self.recent.known
        sent = [record.properties for record in batch.records]
        correlation = None
        if self.correlation is not None:
            correlation = (self.correlation, [record.identity for record in batch.records])
        pairs = pairing.pair(sent, results, known=known, correlation=correlation)
        if not pairs.left or not pairs.unexpected:
            return pairs
        if not pairs.pairs:
            hang_up()
        ids = [result.id for result in pairs.unexpected][: len(sent)]
        asked = sorted({name for properties in sent for name in properties})
        async with self.pacer.slot() as slot:
            self.tally.requests += 1
            reread = await self.transport.read(ids, asked)
            if isinstance(reread, Reply):
                slot.answered(reread.headers, refused=reread.status == 429)
        if isinstance(reread, NoReply) or reread.status not in {200, 207}:
            return pairs
        try:
            shown = wire.parse_batch(reread.body).results
        except wire.UnreadableReplyError:
            return pairs
        return pairing.pair_again(sent, pairs, shown, known=known, correlation=correlation)


def _attributed(batch: Batch, pairs: pairing.Pairs, reply: wire.BatchReply) -> list[Finding]:
    """Return what the reply's errors say about the inputs that are left."""
    if not pairs.left:
        return []
    if not reply.errors or not reply.complete:
        return [InDoubt(index=index) for index in pairs.left]
    left = [(index, batch.records[index].properties) for index in pairs.left]
    return attribution.attribute(
        left,
        reply.errors,
        results_count=len(pairs.pairs),
        sent_count=len(batch.records),
        num_errors=reply.num_errors,
        unexpected=len(pairs.unexpected),
    )
