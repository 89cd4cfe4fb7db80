"""A place in the journal from which reading can go on, with everything that must be known there. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from importer.ledger import codec
from importer.ledger.fold import Fold


@dataclass(frozen=True, slots=True)
class Tail:
    """Where the journal ends, or where its sound part does."""

    n: int = 0  #: number of the next entry
    offset: int = 0  #: bytes
    crc: int = codec.SEED  #: of the last line
    last_offset: int = 0  #: where the last line starts, bytes

    def after(self, line: bytes, crc: int) -> "Tail":
        """Return the tail after one more line (with its newline)."""
        return Tail(self.n + 1, self.offset + len(line), crc, self.offset)


def position_of(tail: Tail, fold: Fold, sizes: Sequence[int]) -> dict[str, Any]:
    """Return a JSON-able position, a copy: `tail`, what `fold` holds there, and the ledgers' sizes in bytes."""
    return {
        "n": tail.n,
        "offset": tail.offset,
        "crc": tail.crc,
        "last_offset": tail.last_offset,
        "sizes": list(sizes),
        "open": [[intent.n, intent.offset, list(intent.states)] for intent in fold.open.values()],
        "archiving": [[archive.n, archive.offset] for archive in fold.archiving.values()],
        "items": [[item.n, item.offset, item.state] for item in fold.items.values()],
        "fold": fold.snapshot(),
    }
