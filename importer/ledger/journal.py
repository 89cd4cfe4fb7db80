"""The journal's owner: group commit, in one task which alone writes the journal's file.

Workers hand over entries and go on, or wait until theirs is durable. The owner drains what waits, and in one thread
call writes whole lines and syncs them once if anybody waits for that (no artificial window); then it wakes who waits.
What is durable is folded, and the rows of the two ledgers written, in a call of its own a moment later. So a ledger row
is written only after the sync that covers its entry (W3), and an intent's waiter wakes only when the intent is durable
(W1). Entries nobody waits for are synced with the next group, and at least each second (W2).

The first error poisons the journal (W4): waiters and later callers get a `LedgerError`, a failed sync is never tried
again. A full disk is the one soft case: what was torn is cut, a reserve file is freed, no intent is taken any more, but
the outcomes of requests that are on their way still find room.
"""

import errno
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.lowlevel
import anyio.to_thread

from importer.errors import LedgerError
from importer.ledger import codec
from importer.ledger.disk import Disk, write_whole
from importer.ledger.fold import Fold
from importer.ledger.position import Tail
from importer.ledger.projecting import Notes, Pending, Projector, Rows, RunBlocking, Trouble

SYNC_AT_LEAST_EVERY_S: Final = 1.0
#: Entries that are still taken when the disk is full: they close what is open.
_CLOSING: Final = frozenset({"outcome", "item_outcome", "updated", "resolve", "archived", "decision", "end", "stop"})
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


async def in_thread(work: Callable[[], None]) -> None:
    """Run `work` in a thread. Cancellation: the work is finished all the same, then the caller is cancelled."""
    await anyio.to_thread.run_sync(work, abandon_on_cancel=False)


class Journal:
    """An open journal, to be driven by `run` in a task that outlives everybody who appends."""

    def __init__(
        self, fd: int, tail: Tail, fold: Fold, *, disk: Disk, rows: Rows, index: Notes,
        sizes: Callable[[], list[int]], reserve: Path | None = None, run_blocking: RunBlocking = in_thread,
    ) -> None:  # fmt: skip
        """Take the opened file and its state; `sizes` tells the sizes of the two ledgers, for the index."""
        self.fold = fold  #: of what is projected
        self.tail = tail  #: of what is written
        self._fd, self._disk, self._reserve, self._run_blocking = fd, disk, reserve, run_blocking
        self._queue: list[Pending] = []
        self._unsynced: list[Pending] = []
        self._synced: list[Pending] = []  # by the commit that has just ended
        self._sync_by = math.inf  # monotonic seconds; of the oldest entry that is not synced
        self._wake = anyio.Event()
        self._closing = False
        self._working = False  # entries are under way which stand nowhere yet
        self._trouble = Trouble()
        self._projector = Projector(fold, tail, rows=rows, index=index, sizes=sizes, trouble=self._trouble)

    def put(self, entry: Any) -> None:
        """Hand over an entry without waiting; it is written in order and synced within a second (W2).

        Raises:
            LedgerError: the journal is poisoned, or full and this is no entry that closes something.
        """
        self._push(Pending(entry))

    async def announce(self, entry: Any) -> int:
        """Append an entry, wait until it is durable and return its number (W1); the fold may not know it yet.

        Cancellation: the entry is written all the same, but its number is lost to the caller: an intent without an
        outcome is in doubt, so do not cancel between an intent and its outcome without writing one.
        """
        return await self._written(Pending(entry, durable=True))

    async def append(self, entry: Any) -> int:
        """Append an entry, wait until it is durable and in fold and ledgers, and return its number.

        Cancellation: as for `announce`.
        """
        return await self._written(Pending(entry, durable=True, folded=True))

    async def _written(self, pending: Pending) -> int:
        pending.done = anyio.Event()
        self._push(pending)
        await pending.done.wait()
        if pending.error is not None:
            raise pending.error
        return pending.n

    async def flush(self) -> None:
        """Wait until everything handed over before is durable and in the ledgers.

        Raises:
            LedgerError: the journal is poisoned or full: who reads the ledgers now misses rows.
        """
        if self.unfinished or self._working:
            done = anyio.Event()
            self._queue.append(Pending(None, durable=True, folded=True, done=done))
            self._wake.set()
            await done.wait()
        if self.poison is not None:
            raise self.poison

    def _push(self, pending: Pending) -> None:
        if (error := self._refusal(pending)) is not None:
            raise error
        self._queue.append(pending)
        self._wake.set()

    def _refusal(self, pending: Pending) -> LedgerError | None:
        """Return why an entry is not taken."""
        full = self._trouble.full
        if full is not None and pending.entry is not None and pending.entry["t"] not in _CLOSING:
            return self._trouble.poison or full
        return self._trouble.poison

    async def run(self) -> None:
        """Write and project until `close` was called and nothing waits. Shielded by its caller: ends by itself.

        Cancellation: a call under way is finished; what waits is neither written nor projected.
        """
        while self.unfinished or not self._closing:
            await self._until_due()
            await anyio.lowlevel.checkpoint()  # whoever closed a batch announces the next in this turn of the loop
            self._wake = anyio.Event()
            if self._queue or (self._unsynced and self._is_time(self._sync_by)):
                await self._commit_in_thread()
            if not self._projector.idle and self._is_time(self._projector.due):
                await self._project_in_thread()

    def _is_time(self, due: float) -> bool:
        """Return whether `due` (monotonic seconds) has come; at the end it is always time."""
        return self._closing or due <= anyio.current_time()

    async def _until_due(self) -> None:
        """Wait for entries, or for the time to sync or project those of before."""
        if not self._queue:
            due = min(self._sync_by, self._projector.due) - anyio.current_time()
            with anyio.move_on_after(max(0.0, due)):
                await self._wake.wait()

    async def _commit_in_thread(self) -> None:
        """Write what waits, sync if it is time to or anybody waits for it, and wake who waits for no more than that."""
        taken, self._queue = self._queue, []
        self._sync_by = min(self._sync_by, anyio.current_time() + SYNC_AT_LEAST_EVERY_S)
        sync = self._is_time(self._sync_by) or any(pending.durable for pending in taken)
        await self._call(partial(self._commit, taken, sync=sync))
        if not self._unsynced:
            self._sync_by = math.inf
        if self._synced:
            self._projector.take(self._synced, self.tail, anyio.current_time())
            self._synced = []
        for pending in taken:
            if pending.done is not None and (pending.error is not None or not pending.folded):
                pending.done.set()

    async def _project_in_thread(self) -> None:
        """Project what is durable, and wake who waits for that."""
        projected = self._projector.waiting
        await self._call(self._projector.project)
        for pending in projected:
            if pending.done is not None and pending.folded:
                pending.done.set()

    async def _call(self, work: Callable[[], None]) -> None:
        self._working = True
        try:
            await self._run_blocking(work)
        finally:
            self._working = False

    def close(self) -> None:
        """Let `run` end when everything is written, synced and projected."""
        self._closing = True
        self._wake.set()

    @property
    def poison(self) -> LedgerError | None:
        """The error that ended the journal's life, or made it refuse intents."""
        return self._trouble.poison or self._trouble.full

    @property
    def unfinished(self) -> bool:
        """Whether entries wait to be synced and folded; after the end, the task that owns this was cancelled."""
        return bool(self._queue or self._unsynced or not self._projector.idle)

    def position(self) -> dict[str, Any]:
        """Return the place up to which everything is folded, with what is needed to go on from there."""
        return self._projector.position()

    def _commit(self, taken: list[Pending], *, sync: bool) -> None:
        """Write and sync; runs in a thread, one at a time. Errors end in `pending.error`."""
        taken = [pending for pending in taken if not self._refused(pending)]
        if self._trouble.poison is not None:  # a failed sync is never tried again
            self._unsynced = []
            return
        try:
            self._write(taken)
            self._unsynced += taken
            if sync:
                self._disk.sync(self._fd)
                self._synced, self._unsynced = self._unsynced, []
        except OSError as error:
            self._fail(LedgerError(f"the journal cannot be written: {error.strerror or error}"), taken)

    def _refused(self, pending: Pending) -> bool:
        """Fail an entry which slipped into the queue before the journal was known to be unwritable."""
        pending.error = self._refusal(pending)
        return pending.error is not None

    def _write(self, taken: list[Pending]) -> None:
        try:
            self._write_lines(taken)
        except OSError as error:
            if error.errno not in _FULL or self._trouble.full is not None:
                raise
            hint = "Free some space and run the same command again."
            self._trouble.full = LedgerError(f"the disk of the ledger is full: {error.strerror}", hint=hint)
            self._disk.truncate(self._fd, self.tail.offset)
            if self._reserve is not None:
                self._reserve.unlink(missing_ok=True)
            taken[:] = [pending for pending in taken if not self._refused(pending)]
            self._write_lines(taken)

    def _write_lines(self, taken: list[Pending]) -> None:
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

    def _fail(self, error: LedgerError, taken: list[Pending]) -> None:
        self._trouble.poison = error
        for pending in (*taken, *self._unsynced):
            pending.error = error
        self._unsynced = []
