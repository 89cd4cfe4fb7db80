"""A canary: the first batch goes alone, and the second only when somebody has seen what came of it.

It is an ordinary batch: intent, outcome and finding stand in the journal as ever, so that a run which ends here, in
whatever way, goes on like any other. Only the producer waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread
import orjson

from importer import canary
from importer.errors import ExitStatus
from importer.hubspot import steps, verdicts, wire
from importer.ledger.journal import Journal
from importer.ledger.projections import FAILURES, RESULTS
from importer.lookup import TRIES_MAX, Lookup
from importer.model import Batch, Record
from importer.stopping import Stop, StoppedError
from importer.under_way import Began

_HINT: Final = "The same command without --canary sends the rest."


@dataclass(slots=True, kw_only=True)
class FirstBatch:
    """Holds the second batch back until the first has been looked at; for one run."""

    judge: canary.Judge
    journal: Journal
    lookup: Lookup
    stop: Stop
    run: int
    can_read: bool  #: whether campaigns can be read back
    _records: Sequence[Record] = ()
    _sizes: Mapping[str, int] = field(default_factory=dict)  #: of the two ledgers when it was sent, bytes
    _over: bool = False

    async def before(self, batch: Batch, began: Began) -> None:
        """Let the first batch pass; at the second, wait for what became of the first and for the judgement.

        Raises:
            StoppedError: the run is not to go on.

        Cancellation: nothing left behind; the first batch is the workers' and ends as any other does.
        """
        if self._over:
            return
        if self._records:
            await self._look(began, more=True)
            return
        await self.journal.flush()
        self._sizes = {name: _size(self.lookup.folder / name) for name in (RESULTS, FAILURES)}
        self._records = batch.records

    async def at_end(self, began: Began) -> None:
        """Look at a first batch which was the only one. Raises and is cancelled as `before`."""
        if self._records and not self._over:
            await self._look(began, more=False)

    async def _look(self, began: Began, *, more: bool) -> None:
        await began.none_left()
        await self.journal.flush()
        seen = await self._seen(more=more)
        self.lookup.tally.canary = seen.counts()
        self._over = True
        why = await self.judge(seen)
        if why is not None and more:
            self.stop.request(why, ExitStatus.PAUSED, _HINT)
            raise StoppedError

    async def _seen(self, *, more: bool) -> canary.Seen:
        rows = await anyio.to_thread.run_sync(self._rows)
        made, refused = (canary.by_identity(rows[name], self.run) for name in (RESULTS, FAILURES))
        records = [record for record in self._records if record.identity in made]
        held, unread = await self._held([made[record.identity]["id"] for record in records], records)
        compared = []
        for record in records:
            row, sent = made[record.identity], record.properties
            values = canary.as_answered(sent, row) if unread else held.get(row["id"], {})
            at = row["ordinal"] + 1 if row["line_number"] is None else row["line_number"]
            compared.append(
                canary.Compared(
                    name=record.name, place=f"{row['source']}:{at}", id=row["id"], values=canary.compare(sent, values)
                )
            )
        failed = [refused[one.identity] for one in self._records if one.identity in refused.keys() - made.keys()]
        return canary.Seen(
            records=len(self._records), compared=tuple(compared), failed=tuple(failed), unread=unread, more=more
        )

    def _rows(self) -> dict[str, list[dict[str, Any]]]:
        """Return what the two ledgers have got since the batch was sent. Blocks."""
        return {name: _rows_after(self.lookup.folder / name, size) for name, size in self._sizes.items()}

    async def _held(
        self, ids: Sequence[str], records: Sequence[Record]
    ) -> tuple[dict[str, Mapping[str, str]], str | None]:
        """Return id → properties as HubSpot holds them, or why they cannot be read."""
        if not ids:
            return {}, None
        if not self.can_read:
            return {}, "the token may not read campaigns"
        asked = sorted({name for record in records for name in record.properties})
        for _ in range(TRIES_MAX):
            exchange = await self.lookup.ask(lambda: self.lookup.transport.read(ids, asked))
            verdict = verdicts.judge_read(exchange, wire.parse_batch, self.lookup.waits)
            match verdict.step:
                case steps.Use(data=reply):
                    return {result.id: result.properties for result in reply.results}, None
                case steps.Resend(after_s=after_s):
                    await anyio.sleep(self.lookup.retry_s if after_s is None else after_s)
                case _:
                    break
        return {}, verdict.message


def alone(judge: canary.Judge | None, lookup: Lookup, run: int, *, can_read: bool) -> FirstBatch | None:
    """Return who holds the second batch of run number `run` back; None without a judge."""
    if judge is None:
        return None
    assert lookup.journal is not None
    return FirstBatch(judge=judge, journal=lookup.journal, lookup=lookup, stop=lookup.stop, run=run, can_read=can_read)


def _size(path: Path) -> int:
    return path.stat().st_size


def _rows_after(path: Path, offset: int) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        file.seek(offset)
        return [orjson.loads(line) for line in file if line.endswith(b"\n")]
