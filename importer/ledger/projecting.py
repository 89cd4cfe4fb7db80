"""What follows from durable entries: their fold, the rows of the two ledgers, the changes for the index.

It is done beside the journal's writer, in a thread call of its own, so that nobody whose intent is durable waits for
it: a moment after the sync, and for many entries at once, since that is cheaper than for each. Who needs the fold as
his entry leaves it says so, and is waited for.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import anyio

from importer.errors import LedgerError
from importer.ledger.effects import Change
from importer.ledger.fold import Fold
from importer.ledger.position import Tail, position_of

#: Entries that are durable for so long, or so many of them, are projected though nobody waits for it.
LATEST_S: Final = 0.2
_MANY: Final = 16
_NOT_WRITABLE: Final = (
    "Free some space, or mend what keeps its folder from being written, and run the same command again."
)

RunBlocking = Callable[[Callable[[], None]], Awaitable[None]]


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
class Pending:
    """An entry on its way into the journal and what follows from it."""

    entry: Any  #: None: nothing is to be written, somebody only waits for what stands before
    durable: bool = False  #: somebody waits until it is synced
    folded: bool = False  #: and until it is projected
    done: anyio.Event | None = None  #: only of those that somebody waits for
    n: int = -1
    offset: int = -1
    error: LedgerError | None = None


@dataclass(slots=True)
class Trouble:
    """What ends the life of a journal; nothing of it is mended while it is open."""

    poison: LedgerError | None = None  #: nothing is taken any more
    full: LedgerError | None = None  #: nothing is taken any more but what closes something


class Projector:
    """Projects what it is given, in order, in a task of its own."""

    def __init__(
        self, fold: Fold, tail: Tail, *, rows: Rows, index: Notes, sizes: Callable[[], list[int]], trouble: Trouble,
        run_blocking: RunBlocking,
    ) -> None:  # fmt: skip
        """Begin with what is folded up to `tail`; `sizes` tells the sizes of the two ledgers, for the index."""
        self.fold = fold
        self._rows, self._index, self._sizes, self._trouble = rows, index, sizes, trouble
        self._run_blocking = run_blocking
        self._folded_to = tail
        self._waiting: list[tuple[Sequence[Pending], Tail]] = []
        self._working = self._closing = self._contradicted = False
        self._given, self._soon = anyio.Event(), anyio.Event()

    def take(self, synced: Sequence[Pending], tail: Tail) -> None:
        """Take entries, which are durable and end at `tail`."""
        self._waiting.append((synced, tail))
        self._given.set()
        if any(one.folded for one in synced) or sum(len(others) for others, _tail in self._waiting) >= _MANY:
            self._soon.set()

    @property
    def idle(self) -> bool:
        """Whether all that was taken is projected."""
        return not self._waiting and not self._working

    def position(self) -> dict[str, Any]:
        """Return the place up to which everything is folded, with what is needed to go on from there."""
        return position_of(self._folded_to, self.fold, self._sizes())

    async def run(self) -> None:
        """Project until `close` was called and nothing waits. Cancellation: a call under way is finished."""
        while self._waiting or not self._closing:
            await self._given.wait()
            with anyio.move_on_after(LATEST_S):
                await self._soon.wait()
            if not self._closing:
                self._given, self._soon = anyio.Event(), anyio.Event()
            taken, self._waiting = self._waiting, []
            if taken:
                await self._project_in_thread(taken)

    async def _project_in_thread(self, taken: Sequence[tuple[Sequence[Pending], Tail]]) -> None:
        entries = [one for synced, _tail in taken for one in synced]
        self._working = True
        try:
            await self._run_blocking(partial(self._project, entries, taken[-1][1]))
        finally:
            self._working = False
        for one in entries:
            if one.folded and one.done is not None:
                one.done.set()

    def close(self) -> None:
        """Let `run` end when nothing waits."""
        self._closing = True
        self._given.set()
        self._soon.set()

    def _project(self, entries: Sequence[Pending], tail: Tail) -> None:
        """Fold durable entries, write their rows, note their changes. A full disk here costs nothing but lateness."""
        if self._contradicted:
            return
        try:
            effects = [self.fold.apply(one.n, one.entry, one.offset) for one in entries if one.entry is not None]
        except LedgerError as error:
            self._contradicted, self._trouble.poison = True, error
            for one in entries:
                one.error = error
            return
        self._folded_to = tail
        if self._trouble.full is not None:  # the room is kept for the journal
            return
        results = [row for effect in effects for row in effect.results]
        failures = [row for effect in effects for row in effect.failures]
        try:
            self._rows.write(results, failures)
        except OSError as error:
            why = f"the ledgers cannot be written: {error.strerror or error}"
            self._trouble.full = LedgerError(why, hint=_NOT_WRITABLE)
            return
        self._index.note([change for effect in effects for change in effect.changes], self.position)
