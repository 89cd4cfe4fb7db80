"""The books of budget and spend items, beside those of the rows. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Final

from importer.errors import BooksError
from importer.model import Record, State

_NAMES: Final = {
    State.CREATED: "made",
    State.FAILED: "failed",
    State.UNRESOLVED: "unresolved",
    State.IN_DOUBT: "in_doubt",
}
_SHOWN: Final = ("made", "skipped", "failed", "unresolved", "in_doubt", "not_sent")


@dataclass(slots=True)
class ItemBooks:
    """Where the items of one run ended; of what is in no other place nothing was sent."""

    read: int = 0  #: of the valid rows of the pass
    earlier: int = 0  #: that earlier runs had left, and this one took up
    made: int = 0  #: standing in HubSpot
    skipped: int = 0  #: their rows' campaigns existed before
    failed: int = 0  #: not made, cause named
    unresolved: int = 0  #: of which nobody can tell whether they were made
    in_doubt: int = 0  #: sent, and not known yet whether they were made
    changed: int = 0  #: campaigns whose items differ from those that were sent; nothing is changed in HubSpot

    @property
    def not_sent(self) -> int:
        """Items of which nothing was sent."""
        done = self.made + self.skipped + self.failed + self.unresolved + self.in_doubt
        return self.read + self.earlier - done

    def take(self, sent: Iterable[Record], skipped: Iterable[Record]) -> None:
        """Count the items of rows which are to be sent, and of those whose campaign exists."""
        passed_by = sum(len(record.items) for record in skipped)
        self.read += sum(len(record.items) for record in sent) + passed_by
        self.skipped += passed_by

    def end(self, state: State) -> None:
        """Count an item that ended in `state`."""
        name = _NAMES.get(state)
        if name is not None:
            setattr(self, name, getattr(self, name) + 1)

    def check(self) -> None:
        """Raise `BooksError` when more items ended than there were."""
        if self.not_sent < 0:
            raise BooksError(f"the books of the items do not balance: {self.line()}")

    def line(self) -> str:
        """Return the sum as people read it: `items: 120 read = 118 made + 2 failed`."""
        words = {"in_doubt": "in doubt", "not_sent": "not sent"}
        found = [(name, getattr(self, name)) for name in _SHOWN]
        ended = " + ".join(f"{count:,} {words.get(name, name)}" for name, count in found if count or name == "made")
        left = f" + {self.earlier:,} left by earlier runs" if self.earlier else ""
        return f"items: {self.read:,} read{left} = {ended}"

    @classmethod
    def of(cls, held: Mapping[str, int] | None) -> "ItemBooks":
        """Return the books that `as_dict` made; empty ones of a summary that is older than items."""
        names = {one.name for one in fields(cls)}
        return cls(**{name: count for name, count in (held or {}).items() if name in names})

    def as_dict(self) -> dict[str, int]:
        """Return it as plain values, for the summary."""
        return {**asdict(self), "not_sent": self.not_sent}

    @property
    def any(self) -> bool:
        """Whether there were items at all."""
        return bool(self.read or self.earlier)
