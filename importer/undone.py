"""The values of an undo: what is wished, the books, how it ended."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from importer.archiving import Fate
from importer.errors import BooksError, ExitStatus
from importer.ledger.made import Update
from importer.preflight import Account
from importer.report.books import Tally


class Wish(NamedTuple):
    """What is to be undone."""

    runs: tuple[int, int] | None  #: from and to, both included; (0, 0) is the latest, None all
    even_if_changed: bool = False  #: archive also what was changed since it was written
    look_only: bool = False  #: say what would be archived, and archive nothing


@dataclass(slots=True)
class UndoBooks:
    """How many campaigns a look or an undo found, and what became of them: `made` is the sum of the fates."""

    made: int = 0
    fates: dict[Fate, int] = field(default_factory=lambda: dict.fromkeys(Fate, 0))
    updates: int = 0  #: campaigns that these runs updated: no value is put back
    first_updates: list[Update] = field(default_factory=list)  #: a few of them, to be shown
    standing_run: int = 0  #: the latest run, meant or not, of which something is not archived

    def check(self) -> None:
        """Raise `BooksError` unless every campaign has one fate."""
        if self.made != sum(self.fates.values()):
            raise BooksError(f"the books of the undo do not balance: {self.made} made, {self.fates}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """How an undo ended."""

    status: ExitStatus
    reason: str | None
    hint: str | None
    runs: tuple[int, int]  #: from and to
    looked_only: bool
    books: UndoBooks
    unsettled: int  #: records of these runs of which nobody knows whether they were made; left as they are
    tally: Tally
    account: Account
    ledger: Path
    seconds: float
