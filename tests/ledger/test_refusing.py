"""Opening a ledger: what is refused, and left as it is."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from importer.errors import AccessError, LedgerError, LedgerHeldError
from importer.inspecting import verify
from importer.ledger.opening import open_ledger
from importer.ledger.projections import FAILURES, RESULTS
from importer.ledger.replay import JOURNAL
from tests.ledger.conftest import OWNER, life, sealed, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a ledger in which a run has lived its life."""
    path = tmp_path / "ledger"
    write(path, life())
    return path


def still_opens(folder: Path) -> bool:
    """Return whether the ledger can be opened and is in order."""
    open_ledger(folder, OWNER).close()
    return verify(folder) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"base_url": "https://elsewhere"}, "belongs to https://api.hubapi.com"),
        ({"account": "43"}, "belongs to account 42"),
        ({"simulated": True}, "belongs to a real account"),
    ],
)
def test_another_owner_is_refused(folder: Path, change: dict[str, Any], said: str) -> None:
    """A ledger belongs to one account at one address; the refusal changes nothing and gives the lock back."""
    journal = (folder / JOURNAL).read_bytes()
    with pytest.raises(AccessError, match=said):
        open_ledger(folder, replace(OWNER, **change))
    assert (folder / JOURNAL).read_bytes() == journal
    assert still_opens(folder)


def test_an_account_that_could_not_be_told_is_let_in(folder: Path) -> None:
    """Without a known account there is nothing to compare."""
    open_ledger(folder, replace(OWNER, account=None)).close()


def test_a_simulated_ledger_may_move(tmp_path: Path) -> None:
    """The simulator has another port each time: its ledger is told by its kind, not by its address."""
    owner = replace(OWNER, simulated=True)
    write(tmp_path / "l", life(), owner=owner)
    open_ledger(tmp_path / "l", replace(owner, base_url="http://127.0.0.1:9")).close()
    with pytest.raises(AccessError, match="a simulated account"):
        open_ledger(tmp_path / "l", OWNER)


@pytest.mark.parametrize("content", [b"name,notes\n", b'{"n":0,"t":"other"}\n', b"some text", b'{"n":0}' * 9])
def test_a_journal_of_somebody_else_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file of the journal's name that is none is refused and left as it is."""
    (tmp_path / JOURNAL).write_bytes(content)
    with pytest.raises(LedgerError, match="does not begin with a ledger's header"):
        open_ledger(tmp_path, OWNER)
    assert (tmp_path / JOURNAL).read_bytes() == content


def test_results_without_a_journal_are_refused(tmp_path: Path) -> None:
    """A folder with somebody's results and no journal is no ledger; the results stay."""
    (tmp_path / RESULTS).write_bytes(b"{}\n")
    for _ in range(2):
        with pytest.raises(LedgerError, match="but no journal"):
            open_ledger(tmp_path, OWNER)
    assert (tmp_path / RESULTS).read_bytes() == b"{}\n"


def test_another_schema_is_refused(tmp_path: Path) -> None:
    """A journal of a later version is not guessed at."""
    (tmp_path / JOURNAL).write_bytes(sealed([{"t": "header", "schema": 2, "tool": "9.9"}])[0])
    with pytest.raises(LedgerError, match="another version of the importer"):
        open_ledger(tmp_path, OWNER)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """A path that is a file is refused."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LedgerError, match="not a folder"):
        open_ledger(tmp_path / "file", OWNER)
    with pytest.raises(LedgerError, match="cannot make"):
        open_ledger(tmp_path / "file" / "below", OWNER)


@pytest.mark.posix("links need a right of their own")
def test_a_symbolic_link_to_the_folder_is_refused(folder: Path) -> None:
    """A ledger is opened by its own name only."""
    link = folder.with_name("link")
    link.symlink_to(folder)
    with pytest.raises(LedgerError, match="symbolic link"):
        open_ledger(link, OWNER)


@pytest.mark.posix("links need a right of their own")
@pytest.mark.parametrize("name", [JOURNAL, RESULTS, FAILURES])
@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_a_linked_file_is_refused(folder: Path, name: str, kind: str) -> None:
    """A file of the ledger that has another name, or is only a link, is refused: who else writes it?"""
    target = folder.parent / "elsewhere"
    (folder / name).rename(target)
    if kind == "symbolic":
        (folder / name).symlink_to(target)
    else:
        os.link(target, folder / name)
    before = target.read_bytes()
    with pytest.raises(LedgerError):
        open_ledger(folder, OWNER)
    assert target.read_bytes() == before


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="permissions do not bind root")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A read-only folder is a ledger error."""
    (tmp_path / "l").mkdir(mode=0o500)
    with pytest.raises(LedgerError):
        open_ledger(tmp_path / "l", OWNER)


@pytest.fixture
def holder(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that holds the ledger."""
    script = (
        "import sys, pathlib; from tests.ledger.conftest import *;"
        "ledger = open_ledger(pathlib.Path(sys.argv[1]), OWNER); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_run_is_refused(folder: Path, holder: subprocess.Popen[bytes]) -> None:
    """While a process holds the ledger another is refused and told which; killed, it holds nothing any more."""
    with pytest.raises(LedgerHeldError, match=f"held by another run .process {holder.pid} on "):
        open_ledger(folder, OWNER)
    (folder / "holder.json").write_text("half a")
    with pytest.raises(LedgerHeldError, match="has not said who it is"):
        open_ledger(folder, OWNER)
    holder.kill()
    holder.wait()
    assert still_opens(folder)
