"""What follows from durable entries: their fold, the rows of the two ledgers, the changes for the index.

It is done after those who announced an intent were woken, so that none of them waits for it: a moment after the sync,
and for many entries at once, since that is cheaper than for each. Who needs the fold as his entry leaves it says so,
and is waited for.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import anyio

from importer.errors import LedgerError
from importer.ledger.effects import Change
from importer.ledger.fold import Fold
from importer.ledger.position import Tail, position_of

#: Entries that are durable for so long, or so many of them, are projected though nobody waits for it.
LATEST_S: Final = 0.2
MANY: Final = 8
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
    """Projects what it is given, in order."""

    def __init__(
        self, fold: Fold, tail: Tail, *, rows: Rows, index: Notes, sizes: Callable[[], list[int]], trouble: Trouble
    ) -> None:
        """Begin with what is folded up to `tail`; `sizes` tells the sizes of the two ledgers, for the index."""
        self._fold = fold
        self._rows, self._index, self._sizes, self._trouble = rows, index, sizes, trouble
        self._folded_to = self._ends_at = tail
        self.waiting: list[Pending] = []  #: taken and not projected
        self._contradicted = False
        self.due = math.inf  #: monotonic seconds by which to project what was taken

    def take(self, synced: Sequence[Pending], tail: Tail, now: float) -> None:
        """Take entries, which are durable and end at `tail`."""
        self.waiting += synced
        self._ends_at = tail
        if len(self.waiting) >= MANY or any(one.folded for one in synced):
            self.due = now
        else:
            self.due = min(self.due, now + LATEST_S)

    @property
    def idle(self) -> bool:
        """Whether all that was taken is projected."""
        return not self.waiting

    def position(self) -> dict[str, Any]:
        """Return the place up to which everything is folded, with what is needed to go on from there."""
        return position_of(self._folded_to, self._fold, self._sizes())

    def project(self) -> None:
        """Fold what was taken, write its rows, note its changes. Blocks. A full disk costs nothing but lateness."""
        entries, self.waiting, self.due = self.waiting, [], math.inf
        if self._contradicted:
            return
        try:
            effects = [self._fold.apply(one.n, one.entry, one.offset) for one in entries if one.entry is not None]
        except LedgerError as error:
            self._contradicted, self._trouble.poison = True, error
            for one in entries:
                one.error = error
            return
        self._folded_to = self._ends_at
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
