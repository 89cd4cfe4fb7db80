"""Opening a ledger: what is made and what is mended."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from importer.errors import LedgerError
from importer.inspecting import verify
from importer.ledger import opening
from importer.ledger.disk import OsDisk
from importer.ledger.index import Index
from importer.ledger.index_opening import INDEX
from importer.ledger.opening import RESERVE, open_ledger
from importer.ledger.position import position_of
from importer.ledger.projections import FAILURES, RESULTS, Projections
from importer.ledger.replay import JOURNAL, Replay
from importer.model import State
from tests.ledger.conftest import (
    OWNER,
    TestDisk,
    identity,
    inline,
    intent,
    life,
    made,
    opened,
    outcome,
    run,
    sealed,
    write,
)  # fmt: skip

LIFE = dict.fromkeys((0, 1, 4, 5, 6), State.CREATED) | {2: State.FAILED, 7: State.FAILED, 9: State.IN_DOUBT}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a ledger in which a run has lived its life."""
    path = tmp_path / "ledger"
    write(path, life())
    return path


def ledgers(folder: Path) -> tuple[bytes, bytes]:
    """Return the bytes of both ledgers."""
    return (folder / RESULTS).read_bytes(), (folder / FAILURES).read_bytes()


def states(folder: Path) -> dict[str, State]:
    """Open the ledger and return what its index says."""
    with opened(folder) as ledger:
        return {key: state for key, state, _content in ledger.index.states()}


def expected() -> dict[str, State]:
    """Return what the index of a life says."""
    return {identity(n): state for n, state in LIFE.items()}


def test_a_new_ledger(tmp_path: Path) -> None:
    """Opening makes a folder that only its owner can enter, with a header, and is free again after closing."""
    folder = tmp_path / "some" / "where"
    with opened(folder) as ledger:
        assert ledger.warnings == []
        assert ledger.fold.header is not None
        assert ledger.fold.header["base_url"] == OWNER.base_url
        assert {JOURNAL, RESULTS, FAILURES, INDEX, RESERVE, "lock"} <= {path.name for path in folder.iterdir()}
    assert verify(folder) == []
    with opened(folder) as ledger:
        assert ledger.journal.tail.n == 1


@pytest.mark.posix("files have no modes there")
def test_modes(tmp_path: Path) -> None:
    """Whatever the umask says, every file is 0600, and the folder 0700."""
    before = os.umask(0)
    try:
        folder = tmp_path / "ledger"
        write(folder, life())
        with opened(folder):
            for path in folder.rglob("*"):
                assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path.name
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_reopening_goes_on(folder: Path) -> None:
    """A closed ledger opens without mending, from the index, and goes on where it was."""
    before = ledgers(folder)
    with opened(folder) as ledger:
        assert ledger.warnings == []
        assert ledger.fold.run == 1
        assert ledger.fold.open[11].states == [State.IN_DOUBT]
        assert {key: state for key, state, _content in ledger.index.states()} == expected()
    assert ledgers(folder) == before
    write(folder, [run(2)])
    assert verify(folder) == []


@pytest.mark.parametrize("torn", [b"{", b'{"n":13,"t":"intent","run":1', b"\0" * 512, b'{"n":13,"t":"end"}\n'])
def test_a_torn_tail_is_cut_and_kept_aside(folder: Path, torn: bytes) -> None:
    """A torn line at the end is cut, told, and kept in a file of its own; what stood before is all there."""
    whole = (folder / JOURNAL).read_bytes()
    (folder / JOURNAL).write_bytes(whole + torn)
    with opened(folder) as ledger:
        assert "torn" in ledger.warnings[0]
    assert (folder / JOURNAL).read_bytes() == whole
    assert (folder / "journal.torn-13").read_bytes() == torn
    assert states(folder) == expected()
    assert verify(folder) == []


@pytest.mark.parametrize("whole_index", [True, False])
def test_damage_before_the_tail_is_refused(folder: Path, whole_index: bool) -> None:
    """A changed byte with whole lines after it is refused, and nothing is cut or changed."""
    if not whole_index:
        shutil.rmtree(folder / INDEX)
    lines = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    more = sealed([{"t": "run"}] * 20)[14:]
    if whole_index:  # what the index vouches for is not read again: the damage is after that
        lines += more
    else:
        lines[5] = lines[5].replace(b"Name", b"Nbme", 1)
    damaged = b"".join(lines)
    (folder / JOURNAL).write_bytes(damaged)
    for _ in range(2):
        with pytest.raises(LedgerError, match="is damaged at"):
            open_ledger(folder, OWNER)
    assert (folder / JOURNAL).read_bytes() == damaged


@pytest.mark.parametrize("start", [1, 10, 60, -1])
def test_a_torn_header_is_begun_again(tmp_path: Path, start: int) -> None:
    """A run that died while it wrote the header has sent nothing: the next one begins anew."""
    folder = tmp_path / "ledger"
    write(folder, [])
    torn = (folder / JOURNAL).read_bytes()[:start]
    shutil.rmtree(folder / INDEX)
    (folder / JOURNAL).write_bytes(torn)
    write(folder, life())
    assert states(folder) == expected()
    assert verify(folder) == []


def project(folder: Path) -> None:
    """Write ledgers and index up to the journal's end, as the run that is writing it does."""
    rows = Projections(folder, OsDisk())
    index, replay = Index(folder / INDEX, before_commit=rows.sync), Replay(folder / JOURNAL)
    opening.catch_up(replay, index, rows)
    index.seal(position_of(replay.tail, replay.fold, rows.sizes))
    index.flush()
    index.close()
    rows.close()


def test_a_kill_between_journal_and_projections(folder: Path) -> None:
    """Entries that are in the journal only, as a kill or a power loss leaves them, get their rows and states."""
    before = ledgers(folder)
    journal = (folder / JOURNAL).read_bytes()
    lines = journal.splitlines(keepends=True)
    for count in range(1, len(lines)):
        shutil.rmtree(folder / INDEX)
        for name in (RESULTS, FAILURES):
            (folder / name).unlink()
        (folder / JOURNAL).write_bytes(b"".join(lines[:count]))
        project(folder)
        (folder / JOURNAL).write_bytes(journal)
        assert states(folder) == expected()
        assert ledgers(folder) == before


@pytest.mark.posix("signals do not reach a process so")
def test_a_chunk_sealed_long_before_it_is_written(tmp_path: Path) -> None:
    """The position of a chunk is that of its sealing, though more outcomes came before the chunk was written."""
    folder = tmp_path / "ledger"
    entries = [run(), intent(0, 1), intent(3, 4), outcome(3, created=made(0, 1, first_id=50)),
               outcome(2, created=made(0))]  # fmt: skip
    script = f"""
import anyio, os, signal
from tests.ledger.conftest import *
import importer.ledger.index
importer.ledger.index.CHUNK_RECORDS = 2
async def work():
    ledger = open_ledger(__import__("pathlib").Path({str(folder)!r}), OWNER, run_blocking=inline)
    async with anyio.create_task_group() as group:
        group.start_soon(ledger.journal.run)
        for entry in {entries!r}:
            await ledger.journal.append(entry)
        ledger.index.flush()
        os.kill(os.getpid(), signal.SIGKILL)
anyio.run(work)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    wanted = dict.fromkeys((0, 3, 4), State.CREATED) | {1: State.IN_DOUBT}
    assert states(folder) == {identity(n): state for n, state in wanted.items()}
    assert verify(folder) == []


class ReadOnly(OsDisk):
    """A file system that is mounted read-only."""

    def open_append(self, path: Path) -> int:
        """Refuse."""
        raise OSError(30, "Read-only file system", str(path))


def test_a_read_only_file_system(folder: Path) -> None:
    """EROFS is a ledger error that says so, and gives the lock back."""
    with pytest.raises(LedgerError, match="Read-only file system"):
        open_ledger(folder, OWNER, disk=ReadOnly())
    assert states(folder) == expected()


@pytest.mark.parametrize("method", ["write", "sync", "truncate"])
def test_every_call_may_fail_while_opening(folder: Path, method: str) -> None:
    """Whichever call fails, the opening ends in a ledger error or without harm, and the next one finds everything."""
    before = ledgers(folder)
    for nth in range(1, 6):
        shutil.rmtree(folder / INDEX, ignore_errors=True)
        with (folder / JOURNAL).open("ab") as file:
            file.write(b"torn")
        disk = TestDisk()
        disk.failing = {(method, nth): OSError(5, "Input/output error")}
        with suppress(LedgerError):
            open_ledger(folder, OWNER, disk=disk, run_blocking=inline).close()
        assert states(folder) == expected()
        assert ledgers(folder) == before
        assert verify(folder) == []


def test_who_holds_the_lock_is_a_courtesy(folder: Path) -> None:
    """A run that cannot say who it is opens its ledger all the same."""
    (folder / "holder.json").unlink()
    (folder / "holder.json").mkdir()
    assert states(folder) == expected()


def test_the_reserve_is_made_again(folder: Path) -> None:
    """The reserve that a full disk took is made again by the next opening; without room there is none, and no error."""
    (folder / RESERVE).unlink()
    with opened(folder):
        assert (folder / RESERVE).stat().st_size == opening._RESERVE_BYTES
    (folder / RESERVE).unlink()
    disk = TestDisk()
    disk.room = 0
    open_ledger(folder, OWNER, disk=disk, run_blocking=inline).close()
    assert verify(folder) == []
