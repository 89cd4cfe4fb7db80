"""Looking at a ledger without touching it: no lock, no mending, no byte changed in its folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from importer.ledger.fold import Fold
from importer.ledger.identities.runs import DamagedError
from importer.ledger.index import Index
from importer.ledger.index_opening import INDEX
from importer.ledger.opening import catch_up, read_header
from importer.ledger.projections import NoProjections
from importer.ledger.replay import JOURNAL, Replay, is_sound

_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A ledger as it stands, or stood a moment ago when a run is at work in it."""

    folder: Path
    header: dict[str, Any]
    fold: Fold
    index: Index  #: reads the ledger's files and writes nameless ones; may be marked and looked up as one likes
    torn_bytes: int  #: at the journal's end


@contextmanager
def look_at(folder: Path) -> Iterator[View]:
    """Open the ledger in `folder` for looking.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
    """
    header = read_header(folder)
    index = _open_index(folder) or empty_index()
    try:
        replay = Replay(folder / JOURNAL, index.position)
        catch_up(replay, index, NoProjections())
        changes = replay.fold.abandon().changes
        index.note(changes, dict)
        index.seal({})
        index.flush()
        yield View(folder=folder, header=header, fold=replay.fold, index=index, torn_bytes=len(replay.torn))
    finally:
        index.close()


def empty_index() -> Index:
    """Return an index in nameless files which knows nothing, for a ledger that does not exist yet."""
    return Index(None, before_commit=_nothing)


def _open_index(folder: Path) -> Index | None:
    """Open the ledger's index for reading, if it is sound; None if the journal must be read from its start."""
    for _attempt in range(_ATTEMPTS):  # a run at work may have removed what its manifest named a moment ago
        try:
            index = Index(folder / INDEX, before_commit=_nothing, read_only=True)
        except FileNotFoundError:
            continue
        except (OSError, DamagedError):
            return None
        if index.position is not None and is_sound(folder / JOURNAL, index.position):
            return index
        index.close()
        return None
    return None


def _nothing() -> None:
    """Sync nothing: there are no ledgers here."""
