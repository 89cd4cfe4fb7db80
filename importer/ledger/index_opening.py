"""Opening a ledger's index: as it is when it is sound, or anew, to be made from the journal.

Sound means: it is what was written, the journal still holds the line up to which it is complete, and the ledgers
are no shorter than they were then.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from importer.ledger.disk import Disk
from importer.ledger.identities.runs import DamagedError
from importer.ledger.index import Index
from importer.ledger.projections import Projections
from importer.ledger.replay import JOURNAL, is_sound

INDEX: Final = "index"  #: a folder
_OLD_INDEX: Final = ("index.sqlite", "index.sqlite-journal")  #: of versions before 2


def open_index(folder: Path, rows: Projections, disk: Disk) -> tuple[Index, list[str]]:
    """Open the index; start over when it does not fit the journal or the ledgers, and say so."""
    warnings: list[str] = []
    index = _sound_index(folder, rows, disk)
    old = [folder / name for name in _OLD_INDEX if (folder / name).exists()]
    if index is None:
        if rows.sizes != [0, 0] or (folder / INDEX).exists() or old:
            warnings.append("made the index and the ledgers again from the journal")
        _remove(folder / INDEX)
        index = Index(folder / INDEX, before_commit=rows.sync, disk=disk)
    for path in old:
        path.unlink()
    return index, warnings


def _remove(path: Path) -> None:
    """Remove a folder with all that is in it, or whatever else stands there."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def _sound_index(folder: Path, rows: Projections, disk: Disk) -> Index | None:
    path = folder / INDEX
    if not path.is_dir() or path.is_symlink():
        return None
    try:
        index = Index(path, before_commit=rows.sync, disk=disk)
    except (OSError, DamagedError):
        return None
    position = index.position
    if position and _covers(rows.sizes, position["sizes"]) and is_sound(folder / JOURNAL, position):
        return index
    index.close()
    return None


def _covers(sizes: Sequence[int], least: Sequence[int]) -> bool:
    return all(now >= then for now, then in zip(sizes, least, strict=True))
