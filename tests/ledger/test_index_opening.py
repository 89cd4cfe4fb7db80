"""Opening a ledger whose index or ledgers are not what they were: they are made again from the journal."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from importer.inspecting import verify
from importer.ledger.index_opening import INDEX
from importer.ledger.projections import FAILURES, RESULTS
from tests.ledger.conftest import life, opened, write
from tests.ledger.test_opening import expected, ledgers, states


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a ledger in which a run has lived its life."""
    path = tmp_path / "ledger"
    write(path, life())
    return path


def rewrite(folder: Path, pattern: str, change: Callable[[bytes], bytes]) -> None:
    """Change the bytes of the files of a ledger which match."""
    for path in folder.glob(pattern):
        path.write_bytes(change(path.read_bytes()))


def lose(folder: Path, *names: str) -> None:
    """Remove files and folders."""
    for name in names:
        shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()


def replace_index(folder: Path) -> None:
    """Put a file where the index's folder was."""
    lose(folder, INDEX)
    (folder / INDEX).write_bytes(b"not a folder")


@pytest.mark.parametrize(
    "hurt",
    [
        lambda folder: lose(folder, INDEX),
        replace_index,
        lambda folder: rewrite(folder, f"{INDEX}/*", lambda _data: b""),
        lambda folder: lose(folder, *[f"{INDEX}/{path.name}" for path in (folder / INDEX).glob("*.run")]),
        lambda folder: rewrite(folder, f"{INDEX}/*.run", lambda data: b"?" + data[1:]),
        lambda folder: rewrite(folder, f"{INDEX}/*.run", lambda data: data[:-1]),
        lambda folder: rewrite(folder, f"{INDEX}/*.run", lambda data: data[:-30] + b"?" + data[-29:]),
        lambda folder: rewrite(folder, f"{INDEX}/manifest.*", lambda data: data[::-1]),
        lambda folder: lose(folder, RESULTS),
        lambda folder: lose(folder, FAILURES),
        lambda folder: os.truncate(folder / RESULTS, 10),
        lambda folder: os.truncate(folder / FAILURES, (folder / FAILURES).stat().st_size - 3),
        lambda folder: rewrite(folder, RESULTS, lambda data: data + b'{"of":"nobody"}\n{"half a'),
        lambda folder: lose(folder, INDEX, RESULTS, FAILURES),
    ],
)
def test_projections_are_made_again(folder: Path, hurt: Any) -> None:
    """Whatever befell index or ledgers, opening makes them again from the journal, byte by byte."""
    before = ledgers(folder)
    hurt(folder)
    assert states(folder) == expected()
    assert ledgers(folder) == before
    assert verify(folder) == []


def test_the_index_of_an_older_version_is_replaced(folder: Path) -> None:
    """A ledger with the SQLite index of earlier versions gets the new one from the journal, and loses the old file."""
    shutil.rmtree(folder / INDEX)
    for name in ("index.sqlite", "index.sqlite-journal"):
        (folder / name).write_bytes(b"SQLite format 3")
    with opened(folder) as ledger:
        assert ledger.warnings == ["made the index and the ledgers again from the journal"]
    assert states(folder) == expected()
    assert not list(folder.glob("index.sqlite*"))
