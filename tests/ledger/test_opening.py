"""Opening a ledger: what is made, what is mended, what is refused."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from importer.errors import AccessError, LedgerError, LedgerHeldError
from importer.inspecting import verify
from importer.ledger import opening
from importer.ledger.disk import OsDisk
from importer.ledger.opening import INDEX, RESERVE, open_ledger
from importer.ledger.projections import FAILURES, RESULTS
from importer.ledger.replay import JOURNAL
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
        assert {JOURNAL, RESULTS, FAILURES, INDEX, RESERVE, "lock"} <= set(os.listdir(folder))
    assert verify(folder) == []
    with opened(folder) as ledger:
        assert ledger.journal.tail.n == 1


def test_modes(tmp_path: Path) -> None:
    """Whatever the umask says, every file is 0600, and the folder 0700."""
    before = os.umask(0)
    try:
        folder = tmp_path / "ledger"
        write(folder, life())
        with opened(folder):
            for path in folder.iterdir():
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
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
        (folder / INDEX).unlink()
    lines = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    more = sealed([{"t": "run"}] * 20)[14:]
    if whole_index:  # what the index vouches for is not read again: the damage is after that
        lines += more
    else:
        lines[5] = lines[5].replace(b"Name", b"Nbme", 1)
    damaged = b"".join(lines)
    (folder / JOURNAL).write_bytes(damaged)
    for _ in range(2):
        with pytest.raises(LedgerError, match="damaged at journal.jsonl line"):
            open_ledger(folder, OWNER)
    assert (folder / JOURNAL).read_bytes() == damaged


@pytest.mark.parametrize("start", [1, 10, 60, -1])
def test_a_torn_header_is_begun_again(tmp_path: Path, start: int) -> None:
    """A run that died while it wrote the header has sent nothing: the next one begins anew."""
    folder = tmp_path / "ledger"
    write(folder, [])
    torn = (folder / JOURNAL).read_bytes()[:start]
    (folder / INDEX).unlink()
    (folder / JOURNAL).write_bytes(torn)
    write(folder, life())
    assert states(folder) == expected()
    assert verify(folder) == []


@pytest.mark.parametrize(
    "hurt",
    [
        lambda folder: (folder / INDEX).unlink(),
        lambda folder: (folder / INDEX).write_bytes(b"not a database, but long enough to look like some file" * 99),
        lambda folder: (folder / INDEX).write_bytes(b""),
        lambda folder: (folder / RESULTS).unlink(),
        lambda folder: (folder / FAILURES).unlink(),
        lambda folder: os.truncate(folder / RESULTS, 10),
        lambda folder: os.truncate(folder / FAILURES, (folder / FAILURES).stat().st_size - 3),
        lambda folder: (folder / RESULTS).open("ab").write(b'{"a row":"of nobody"}\n{"half a'),
        lambda folder: [(folder / name).unlink() for name in (INDEX, RESULTS, FAILURES)],
    ],
)
def test_projections_are_made_again(folder: Path, hurt: Any) -> None:
    """Whatever befell index or ledgers, opening makes them again from the journal, byte by byte."""
    before = ledgers(folder)
    hurt(folder)
    assert states(folder) == expected()
    assert ledgers(folder) == before
    assert verify(folder) == []


def test_a_kill_between_journal_and_projections(folder: Path) -> None:
    """Entries that are in the journal only, as a kill or a power loss leaves them, get their rows and states."""
    before = ledgers(folder)
    journal = (folder / JOURNAL).read_bytes()
    lines = journal.splitlines(keepends=True)
    for count in range(1, len(lines)):
        for path in folder.iterdir():
            path.unlink()
        (folder / JOURNAL).write_bytes(b"".join(lines[:count]))
        with opened(folder):
            pass
        assert verify(folder) == []
        (folder / JOURNAL).write_bytes(journal)
        assert states(folder) == expected()
        assert ledgers(folder) == before


def test_a_chunk_sealed_long_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The position of a chunk is that of its sealing, though more outcomes came before the chunk was written."""
    monkeypatch.setattr("importer.ledger.index.CHUNK_RECORDS", 2)
    folder = tmp_path / "ledger"
    entries = [run(), intent(0, 1, 2), intent(3, 4), outcome(3, created=made(0, 1, first_id=50)),
               outcome(2, created=made(0), doubt=[1, 2])]  # fmt: skip
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
    wanted = dict.fromkeys((0, 3, 4), State.CREATED) | dict.fromkeys((1, 2), State.IN_DOUBT)
    assert states(folder) == {identity(n): state for n, state in wanted.items()}
    assert verify(folder) == []


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
    assert states(folder) == expected()


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
        with pytest.raises(LedgerError, match="holds results.jsonl but no journal"):
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


def test_a_symbolic_link_to_the_folder_is_refused(folder: Path) -> None:
    """A ledger is opened by its own name only."""
    link = folder.with_name("link")
    link.symlink_to(folder)
    with pytest.raises(LedgerError, match="symbolic link"):
        open_ledger(link, OWNER)


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


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A read-only folder is a ledger error."""
    (tmp_path / "l").mkdir(mode=0o500)
    with pytest.raises(LedgerError):
        open_ledger(tmp_path / "l", OWNER)


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
        (folder / INDEX).unlink(missing_ok=True)
        with (folder / JOURNAL).open("ab") as file:
            file.write(b"torn")
        disk = TestDisk()
        disk.failing = {(method, nth): OSError(5, "Input/output error")}
        try:
            open_ledger(folder, OWNER, disk=disk, run_blocking=inline).close()
        except LedgerError as error:
            assert "Input/output error" in error.message
        assert states(folder) == expected()
        assert ledgers(folder) == before
        assert verify(folder) == []


def test_who_holds_the_lock_is_a_courtesy(folder: Path) -> None:
    """A run that cannot say who it is opens its ledger all the same."""
    (folder / "holder.json").unlink()
    (folder / "holder.json").mkdir()
    assert states(folder) == expected()


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
    assert states(folder) == expected()


def test_the_reserve_is_made_again(folder: Path) -> None:
    """The reserve that a full disk took is there again after the next opening; without room there is none, and no error."""
    (folder / RESERVE).unlink()
    with opened(folder):
        assert (folder / RESERVE).stat().st_size == opening._RESERVE_BYTES
    (folder / RESERVE).unlink()
    disk = TestDisk()
    disk.room = 0
    open_ledger(folder, OWNER, disk=disk, run_blocking=inline).close()
    assert verify(folder) == []
