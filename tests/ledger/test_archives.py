"""What the journal says of taking back: one entry closes one request whole, and nothing else is taken."""

from pathlib import Path
from typing import Any

import pytest

from importer.errors import LedgerError
from importer.ledger.fold import Fold
from importer.ledger.made import entries_of, made
from importer.ledger.position import Tail, position_of
from importer.model import State

ITEMS = [[1, at, f"id{at}", f"{at:032x}", f"name {at}", f"{at:016x}", "a.csv"] for at in range(3)]
ARCHIVE: dict[str, Any] = {"t": "archive", "srv": None, "at": 0.0, "items": ITEMS}


def archived(gone: list[int], stands: list[int], of: int = 5) -> dict[str, Any]:
    """Return an entry that closes the archive number `of`."""
    return {"t": "archived", "of": of, "gone": gone, "stands": stands}


def test_gone_is_open_and_standing_is_created() -> None:
    """The index learns of each record what became of it, only when the entry that tells it is there."""
    fold = Fold()
    assert fold.apply(5, ARCHIVE, 77).changes == []
    assert [(one.n, one.offset, one.state) for one in fold.archiving.values()] == [(5, 77, State.ARCHIVING)]
    changes = fold.apply(6, archived([2, 0], [1])).changes
    assert {(change.identity[-1], change.state, change.name, change.source) for change in changes} == {
        ("0", State.OPEN, "name 0", "a.csv"),
        ("1", State.CREATED, "name 1", "a.csv"),
        ("2", State.OPEN, "name 2", "a.csv"),
    }
    assert not fold.archiving


@pytest.mark.parametrize(
    "entry", [archived([0], [1]), archived([0, 1, 2], [2]), archived([0, 1, 2, 3], []), archived([0, 1, 2], [], of=4)]
)
def test_what_does_not_tell_each_once_is_a_contradiction(entry: dict[str, Any]) -> None:
    """A record left out, told twice or not there, or an archive that never began, is refused."""
    fold = Fold()
    fold.apply(5, ARCHIVE)
    with pytest.raises(LedgerError):
        fold.apply(6, entry)


def test_an_open_archive_is_part_of_a_position() -> None:
    """Who goes on from a position of the index reads it again where it stands."""
    fold = Fold()
    fold.apply(5, ARCHIVE, 77)
    assert position_of(Tail(), fold, (0, 0))["archiving"] == [[5, 77]]
    fold.apply(6, archived([0, 1, 2], []))
    assert position_of(Tail(), fold, (0, 0))["archiving"] == []


def test_a_damaged_journal_is_not_read_over(tmp_path: Path) -> None:
    """A line that does not follow from the one before is an error; a torn last line is the end."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"n":0,"t":"head')
    assert list(entries_of(tmp_path)) == []
    path.write_bytes(b'{"n":0,"t":"header","c":"00000000"}\n')
    with pytest.raises(LedgerError, match="cannot be read at line 1"):
        list(made(tmp_path))
    with pytest.raises(LedgerError, match="is not a ledger"):
        list(made(tmp_path / "nothing"))
