"""The producer: chunks of the source → admitted records → batches into the stream, rejects into the journal.

Reading, validating, looking up and serialising run in a worker thread, a chunk at a time, so that the event loop never
waits for a disk. The books are kept here for every row that is not sent.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

import anyio.to_thread
import orjson
from anyio.streams.memory import MemoryObjectSendStream

from importer import platforms
from importer.admission import Admission, Admitted
from importer.batches import Batcher, Work
from importer.errors import AGAIN, LedgerError
from importer.ledger import entries
from importer.ledger.journal import Journal
from importer.model import Batch, Rejection, State
from importer.reading import Reading
from importer.report.books import Tally
from importer.spooled import Spool
from importer.stopping import Stop, StoppedError
from importer.under_way import Began

_REJECTS_PER_ENTRY = 500
_REJECTS_UNWRITTEN_MAX = 2_000  #: rejected rows are read quicker than they are written, and each is held whole


@dataclass(slots=True)
class _Produced:
    """What one chunk came to."""

    admitted: Admitted
    batches: list[Batch]
    rows: int = 0
    unparked: int = 0


class Alone(Protocol):
    """Who lets the first batch go alone."""

    async def before(self, batch: Batch, began: Began) -> None:
        """Return when `batch` may be handed over; raise `StoppedError` when it is not to be."""
        ...

    async def at_end(self, began: Began) -> None:
        """Return when the last batch has been looked at, if it was the first."""
        ...


@dataclass(slots=True, kw_only=True)
class Producer:
    """One pass, from its first row to its last."""

    reading: Reading
    admission: Admission
    batcher: Batcher
    tally: Tally
    stop: Stop
    run: int
    journal: Journal | None = None  #: None: a dry run, which journals nothing
    updates: Spool | None = None  #: takes the records that are to be updated after the pass; None: a dry run
    unchanged: Spool | None = None  #: takes those that are to be read after it, though they are the same; as `updates`
    lists: dict[str, IO[bytes]] = field(default_factory=dict)  #: "skipped", "changed": open files for those rows
    alone: Alone | None = None  #: asked before each batch, where the first goes alone
    _held: int = 0  #: records in batches that are not full yet
    _unwritten: int = 0  #: rejected rows that the journal may still hold in memory

    async def run_pass(self, send: MemoryObjectSendStream[Work] | None, began: Began) -> None:
        """Read everything and send batches into `send` (None: a dry run); `began` is told of each batch.

        Raises:
            SourceError: a source broke off; what was read before it is sent all the same.

        Cancellation, and a wish to stop: what is not sent is counted so, parked rows among it.
        """
        waiting: list[Batch] = []
        chunks = self._chunks()
        try:
            while (step := await self._next(chunks)) is not None:
                waiting = step.batches
                self._book(step)
                await self._let_write(step)
                await self._pass_on(waiting, send, began)
            if self.alone is not None:
                with self.stop.interruptible():
                    await self.alone.at_end(began)
        except StoppedError:
            self.reading.complete = False
        except BaseException:
            self.reading.complete = False
            raise
        finally:
            self._count_unsent(waiting)

    async def _next(self, chunks: Iterator[_Produced]) -> _Produced | None:
        """Return what the next chunk comes to, None after the last. A stop leaves the thread to its read."""
        with self.stop.interruptible():
            return await anyio.to_thread.run_sync(next, chunks, None, abandon_on_cancel=True)

    def _chunks(self) -> Iterator[_Produced]:
        """Yield what each chunk comes to; after the last row, what was parked; then the batches that are not full."""
        broken: Exception | None = None
        try:
            for rows in self.reading.chunks():
                with _setting_aside():
                    admitted = self.admission.admit(rows)
                yield self._produce(admitted, rows=len(rows))
        except Exception as error:  # noqa: BLE001 - raised again below, when what was read is on its way
            broken = error
        if self.reading.complete:
            for admitted in self.admission.unpark():
                yield self._produce(admitted, unparked=len(admitted.records) + len(admitted.rejections))
        yield _Produced(admitted=Admitted(), batches=list(self.batcher.drain()))
        if broken is not None:
            raise broken

    def _produce(self, admitted: Admitted, *, rows: int = 0, unparked: int = 0) -> _Produced:
        batches = self.batcher.add(admitted.records)
        return _Produced(admitted=admitted, batches=batches, rows=rows, unparked=unparked)

    def _book(self, step: _Produced) -> None:
        """Count every row that is not on its way to be sent, journal the rejects, list what is to be listed."""
        admitted, tally = step.admitted, self.tally
        tally.rows_read += step.rows
        tally.bytes_read, tally.bytes_total = self.reading.bytes_read, self.reading.bytes_total
        tally.parked += admitted.parked - step.unparked
        self._held += len(admitted.records) - sum(len(batch.records) for batch in step.batches)
        tally.changed += len(admitted.changed)
        tally.end(State.SKIPPED, len(admitted.skipped))
        tally.end(State.IN_DOUBT, len(admitted.in_doubt))
        tally.updates_due += len(admitted.updates)
        if self.reading.with_items:
            standing = [*(record for record, _why in admitted.skipped), *admitted.updates]
            standing += [*admitted.unchanged, *admitted.in_doubt]
            tally.items.take(admitted.records, standing)
        if self.updates is not None and self.unchanged is not None:
            with _setting_aside():
                self.updates.add(admitted.updates)
                self.unchanged.add(admitted.unchanged)
        else:
            tally.end(State.NOT_SENT, len(admitted.updates))
            tally.end(State.SKIPPED, len(admitted.unchanged))
        for rejection in admitted.rejections:
            tally.end(rejection.state)
            tally.fail(rejection.problems[0].code)
            tally.sample(rejection)
        if self.journal is not None:
            for start in range(0, len(admitted.rejections), _REJECTS_PER_ENTRY):
                part = admitted.rejections[start : start + _REJECTS_PER_ENTRY]
                entry: entries.Reject = {"t": "reject", "run": self.run, "items": [reject_item(item) for item in part]}
                self.journal.put(entry)
        self._list("skipped", [(record, why) for record, why in admitted.skipped])
        self._list("changed", [(record, "changed") for record in admitted.changed])

    async def _let_write(self, step: _Produced) -> None:
        """Let the journal write out rejected rows, once there are many. Cancellation: they are written all the same."""
        self._unwritten += len(step.admitted.rejections)
        if self.journal is not None and self._unwritten >= _REJECTS_UNWRITTEN_MAX:
            await self.journal.flush()
            self._unwritten = 0

    def _list(self, name: str, records: Sequence[tuple[Any, str]]) -> None:
        file = self.lists.get(name)
        if file is not None:
            for record, why in records:
                row = {
                    "source": record.row.source,
                    "ordinal": record.row.ordinal,
                    "line_number": record.row.line_number,
                }
                row |= {"identity": record.identity, "name": record.name, "why": why, "run": self.run}
                file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    async def _pass_on(self, batches: list[Batch], send: MemoryObjectSendStream[Work] | None, began: Began) -> None:
        if send is None:
            self.tally.end(State.NOT_SENT, sum(len(batch.records) for batch in batches))
            self.tally.batches += len(batches)
            batches.clear()
        elif batches:
            with self.stop.interruptible():
                for batch in list(batches):
                    if self.alone is not None:
                        await self.alone.before(batch, began)
                    await began.hand_over(send, Work(batch=batch))
                    del batches[0]

    def _count_unsent(self, waiting: Sequence[Batch]) -> None:
        unsent = sum(len(batch.records) for batch in waiting) + self._held + self.tally.parked
        self.tally.end(State.NOT_SENT, unsent)
        self.tally.parked = 0


@contextmanager
def open_list(path: Path) -> Iterator[IO[bytes]]:
    """Open a list of rows for this run, mode 0600; what an earlier run listed is gone.

    Raises:
        LedgerError: it cannot be made, written or closed.
    """
    flags = platforms.opening(os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with _setting_aside():
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            yield file


@contextmanager
def _setting_aside() -> Iterator[None]:
    """Let the errors of files in which rows are set aside be the ledger's."""
    try:
        yield
    except OSError as error:
        raise LedgerError(f"rows cannot be set aside in the ledger's folder: {error}", hint=AGAIN) from error


def reject_item(rejection: Rejection) -> entries.RejectItem:
    """Return a rejected row as the journal holds it."""
    row = rejection.row
    return {
        "source": row.source,
        "ordinal": row.ordinal,
        "line": row.line_number,
        "identity": rejection.identity,
        "name": rejection.name,
        "state": str(rejection.state),
        "problems": [problem._asdict() for problem in rejection.problems],
        "row": row.cells,
    }
