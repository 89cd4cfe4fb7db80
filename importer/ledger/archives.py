"""What the journal says of campaigns that are taken back: the pair of `archive` and `archived`. Pure.

An `archive` is an intent: from then on its campaigns may be archived at any moment, until an `archived` closes it
whole, by what a look has shown. In between the index knows the records as created, so that no run makes them again.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from importer.errors import LedgerError
from importer.ledger.entries import Archive, Archived, ArchiveItem
from importer.model import Event, State, advance


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenArchive:
    """An `archive` that nothing has closed yet."""

    n: int
    entry: Archive
    offset: int  #: of its line in the journal, bytes
    state: State  #: of all its records

    @classmethod
    def of(cls, n: int, entry: Archive, offset: int) -> "OpenArchive":
        """Return what entry number `n` begins."""
        return cls(n=n, entry=entry, offset=offset, state=advance(State.CREATED, Event.ARCHIVE))

    @property
    def items(self) -> list[ArchiveItem]:
        """The campaigns."""
        return self.entry["items"]

    def closed(self, entry: Archived) -> Iterator[tuple[str, State, str, str, str]]:
        """Yield identity, state, content, name and source of each record as `entry` leaves it.

        Raises:
            LedgerError: it does not tell each record once.
        """
        if sorted([*entry["gone"], *entry["stands"]]) != list(range(len(self.items))):
            raise LedgerError(f"what closes the journal's entry {self.n} does not tell each of its records once")
        for event, indices in ((Event.ARCHIVED, entry["gone"]), (Event.STANDS, entry["stands"])):
            for index in indices:
                _of, _index, _id, identity, name, content, source = self.items[index]
                yield identity, advance(self.state, event), content, name, source
