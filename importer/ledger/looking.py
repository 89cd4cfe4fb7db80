"""Looking at a ledger without touching it: no lock, no mending, no byte changed in its folder."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importer.ledger.fold import Fold
from importer.ledger.index import Index
from importer.ledger.opening import INDEX, catch_up, read_header
from importer.ledger.projections import NoProjections
from importer.ledger.replay import JOURNAL, Replay, is_sound


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A ledger as it stands, or stood a moment ago when a run is at work in it."""

    folder: Path
    header: dict[str, Any]
    fold: Fold
    index: Index  #: a copy in memory; may be marked and looked up as one likes
    torn_bytes: int  #: at the journal's end


@contextmanager
def look_at(folder: Path) -> Iterator[View]:
    """Open the ledger in `folder` for looking.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
    """
    header = read_header(folder)
    index = Index("", before_commit=_nothing)
    try:
        position = _copy_index(folder, index)
        if position is None:
            index.close()
            index = Index("", before_commit=_nothing)
        replay = Replay(folder / JOURNAL, position)
        catch_up(replay, index, NoProjections())
        changes = replay.fold.abandon().changes
        index.note(changes, dict)
        index.seal({})
        index.flush()
        yield View(folder=folder, header=header, fold=replay.fold, index=index, torn_bytes=len(replay.torn))
    finally:
        index.close()


def empty_index() -> Index:
    """Return an index in memory which knows nothing, for a ledger that does not exist yet."""
    return Index("", before_commit=_nothing)


def _copy_index(folder: Path, index: Index) -> dict[str, Any] | None:
    """Copy the ledger's index, if it is sound; return its position, None if the journal must be read from its start."""
    path = folder / INDEX
    if not path.exists():
        return None
    with suppress(sqlite3.Error, ValueError):
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            index.copy_from(source)
        finally:
            source.close()
        position = index.position
        if position is not None and is_sound(folder / JOURNAL, position):
            return position
    return None


def _nothing() -> None:
    """Sync nothing: there are no ledgers here."""
