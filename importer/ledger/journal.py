"""The journal's owner: group commit, in one task which alone writes the ledger's files.

Workers hand over entries and go on, or wait until theirs is durable. The owner drains what waits, and in one thread
call writes whole lines, syncs them once if anybody waits for that (no artificial window), then folds them, writes
the rows of the two ledgers and notes the changes for the index. So a ledger row is written only after the sync that
covers its entry (W3), and an intent's waiter wakes only when the intent is durable (W1). Entries nobody waits for
are synced with the next group, and at least each second (W2).

The first error poisons the journal (W4): waiters and later callers get a `LedgerError`, a failed sync is never tried
again. A full disk is the one soft case: what was torn is cut, a reserve file is freed, no intent is taken any more, but
the outcomes of requests that are on their way still find room.
"""

import errno
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import anyio
import anyio.lowlevel
import anyio.to_thread

from importer.errors import LedgerError
from importer.ledger import codec
from importer.ledger.disk import Disk, write_whole
from importer.ledger.effects import Change, Effect
from importer.ledger.fold import Fold
from importer.ledger.position import Tail, position_of

SYNC_AT_LEAST_EVERY_S: Final = 1.0
#: Entries that are still taken when the disk is full: they close what is open.
_CLOSING: Final = frozenset({"outcome", "item_outcome", "updated", "resolve", "archived", "decision", "end", "stop"})
_NOT_WRITABLE: Final = (
    "Free some space, or mend what keeps its folder from being written, and run the same command again."
)
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

RunBlocking = Callable[[Callable[[], None]], Awaitable[None]]


async def in_thread(work: Callable[[], None]) -> None:
    """Run `work` in a thread. Cancellation: the work is finished all the same, then the caller is cancelled."""
    await anyio.to_thread.run_sync(work, abandon_on_cancel=False)


class Rows(Protocol):
    """Where rows of the two ledgers go."""

    def write(self, results: Any, failures: Any) -> None:
        """Append rows."""
        ...


class Notes(Protocol):
    """Where changes go: the index."""

    def note(self, changes: list[Change], position: Callable[[], dict[str, Any]]) -> None:
        """Take changes up to a position."""
        ...


@dataclass(slots=True)
class _Pending:
    entry: Any
    durable: bool
    done: anyio.Event | None = None  #: only of those that somebody waits for
    n: int = -1
    offset: int = -1
    error: LedgerError | None = None


class Journal:
    """An open journal, to be driven by `run` in a task that outlives everybody who appends."""

    def __init__(
        self, fd: int, tail: Tail, fold: Fold, *, disk: Disk, rows: Rows, index: Notes,
        sizes: Callable[[], list[int]], reserve: Path | None = None, run_blocking: RunBlocking = in_thread,
    ) -> None:  # fmt: skip
        """Take the opened file and its state; `sizes` tells the sizes of the two ledgers, for the index."""
        self.fold = fold
        self.tail = tail
        self._fd, self._disk, self._rows, self._index, self._sizes = fd, disk, rows, index, sizes
        self._reserve, self._run_blocking = reserve, run_blocking
        self._queue: list[_Pending] = []
        self._unsynced: list[_Pending] = []
        self._sync_by = 0.0  # monotonic seconds; of the oldest entry that is not synced
        self._wake = anyio.Event()
        self._closing = False
        self._committing = False  # entries are under way which stand neither in the queue nor, yet, among the unsynced
        self._poison: LedgerError | None = None
        self._full: LedgerError | None = None

    def put(self, entry: Any) -> None:
        """Hand over an entry without waiting; it is written in order and synced within a second (W2).

        Raises:
            LedgerError: the journal is poisoned, or full and this is no entry that closes something.
        """
        self._push(entry, durable=False)

    async def append(self, entry: Any) -> int:
        """Append an entry, wait until it is durable and return its number (W1).

        Cancellation: the entry is written all the same, but its number is lost to the caller: an intent without an
        outcome is in doubt, so do not cancel between an intent and its outcome without writing one.
        """
        pending = self._push(entry, durable=True)
        assert pending.done is not None
        await pending.done.wait()
        if pending.error is not None:
            raise pending.error
        return pending.n

    async def flush(self) -> None:
        """Wait until everything handed over before is durable and in the ledgers.

        Raises:
            LedgerError: the journal is poisoned or full: who reads the ledgers now misses rows.
        """
        if self._queue or self._unsynced or self._committing:
            done = anyio.Event()
            self._queue.append(_Pending(entry=None, durable=True, done=done))
            self._wake.set()
            await done.wait()
        if self.poison is not None:
            raise self.poison

    def _push(self, entry: Any, *, durable: bool) -> _Pending:
        if self._poison is not None:
            raise self._poison
        if self._full is not None and entry["t"] not in _CLOSING:
            raise self._full
        pending = _Pending(entry=entry, durable=durable, done=anyio.Event() if durable else None)
        self._queue.append(pending)
        self._wake.set()
        return pending

    async def run(self) -> None:
        """Write until `close` was called and nothing waits. Shielded by its caller: ends by itself.

        Cancellation: a write under way is finished; what waits is not written.
        """
        while not (self._closing and not self._queue and not self._unsynced):
            if not self._queue:
                left_s = self._sync_by - anyio.current_time()
                with anyio.move_on_after(max(0.0, left_s) if self._unsynced else None):
                    await self._wake.wait()
            await anyio.lowlevel.checkpoint()  # whoever closed a batch announces the next in this turn of the loop
            self._wake = anyio.Event()
            taken, self._queue = self._queue, []
            now = anyio.current_time()
            if not self._unsynced:
                self._sync_by = now + SYNC_AT_LEAST_EVERY_S
            sync = now >= self._sync_by or self._closing or any(pending.durable for pending in taken)
            if taken or self._unsynced:
                self._committing = True
                try:
                    await self._run_blocking(partial(self._commit, taken, sync=sync))
                finally:
                    self._committing = False
            for pending in taken:
                if pending.done is not None:
                    pending.done.set()

    def close(self) -> None:
        """Let `run` end when everything is written and synced."""
        self._closing = True
        self._wake.set()

    @property
    def poison(self) -> LedgerError | None:
        """The error that ended the journal's life, or made it refuse intents."""
        return self._poison or self._full

    @property
    def unfinished(self) -> bool:
        """Whether entries wait to be synced and folded; after the end, the task that owns this was cancelled."""
        return bool(self._queue or self._unsynced)

    def position(self) -> dict[str, Any]:
        """Return the place up to which everything is folded, with what is needed to go on from there."""
        return position_of(self.tail, self.fold, self._sizes())

    def _commit(self, taken: list[_Pending], *, sync: bool) -> None:
        """Write, sync, fold and project; runs in a thread, one at a time. Errors end in `pending.error`."""
        taken = [pending for pending in taken if not self._refused(pending)]
        if self._poison is not None:  # a failed sync is never tried again
            return
        try:
            self._write(taken)
            self._unsynced += taken
            if sync:
                self._disk.sync(self._fd)
                synced, self._unsynced = self._unsynced, []
                self._project(synced)
        except OSError as error:
            self._fail(LedgerError(f"the journal cannot be written: {error.strerror or error}"), taken)
        except LedgerError as error:
            self._fail(error, taken)

    def _refused(self, pending: _Pending) -> bool:
        """Fail an entry which slipped into the queue before the journal was known to be unwritable."""
        pending.error = self._poison
        if self._full is not None and pending.entry is not None and pending.entry["t"] not in _CLOSING:
            pending.error = self._full
        return pending.error is not None

    def _write(self, taken: list[_Pending]) -> None:
        try:
            self._write_lines(taken)
        except OSError as error:
            if error.errno not in _FULL or self._full is not None:
                raise
            hint = "Free some space and run the same command again."
            self._full = LedgerError(f"the disk of the ledger is full: {error.strerror}", hint=hint)
            self._disk.truncate(self._fd, self.tail.offset)
            if self._reserve is not None:
                self._reserve.unlink(missing_ok=True)
            taken[:] = [pending for pending in taken if not self._refused(pending)]
            self._write_lines(taken)

    def _write_lines(self, taken: list[_Pending]) -> None:
        """Number, seal and write; the tail moves only when all lines are written."""
        tail, lines = self.tail, []
        for pending in taken:
            if pending.entry is None:
                continue
            line, crc = codec.seal(codec.encode(pending.entry), tail.n, tail.crc)
            pending.n, pending.offset = tail.n, tail.offset
            tail = tail.after(line, crc)
            lines.append(line)
        if lines:
            write_whole(self._disk, self._fd, b"".join(lines))
            self.tail = tail

    def _project(self, synced: list[_Pending]) -> None:
        """Fold durable entries, write their rows, note their changes. A full disk here costs nothing but lateness."""
        effects: list[Effect] = [self.fold.apply(item.n, item.entry, item.offset) for item in synced if item.entry]
        if self._full is not None:
            return
        results = [row for effect in effects for row in effect.results]
        failures = [row for effect in effects for row in effect.failures]
        try:
            self._rows.write(results, failures)
        except OSError as error:
            self._full = LedgerError(f"the ledgers cannot be written: {error.strerror or error}", hint=_NOT_WRITABLE)
            return
        self._index.note([change for effect in effects for change in effect.changes], self.position)

    def _fail(self, error: LedgerError, taken: list[_Pending]) -> None:
        self._poison = error
        for pending in (*taken, *self._unsynced):
            pending.error = error
        self._unsynced = []
