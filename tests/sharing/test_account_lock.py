"""The lock of an account: one run at a time, from whatever ledger, and a dead process holds nothing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.errors import AccountHeldError, ExitStatus, UsageError
from importer.library import run_import
from importer.sharing.account_lock import AccountLock, account_held


@pytest.fixture
def lock_file(tmp_path: Path) -> Path:
    """Name a lock in a folder for locks."""
    (tmp_path / "accounts").mkdir()
    return tmp_path / "accounts" / "acme.lock"


@pytest.fixture
def holder(lock_file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that holds the account."""
    script = (
        "import sys, pathlib; from importer.sharing.account_lock import AccountLock;"
        "lock = AccountLock(pathlib.Path(sys.argv[1])); lock.take(); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(lock_file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def source(folder: Path) -> Path:
    """Return a file of one campaign."""
    path = folder / "campaigns.csv"
    path.write_text("hs_name\nSpring\n")
    return path


async def test_a_second_run_of_the_account_is_refused_before_anything_is_sent(
    tmp_path: Path, lock_file: Path, holder: subprocess.Popen[bytes]
) -> None:
    """Another ledger does not help: status 10 names the holder, no ledger is made; once the holder is dead it runs."""
    ledger = tmp_path / "ledger"
    with pytest.raises(AccountHeldError, match=f"acme.lock is held by another run .process {holder.pid} on ") as caught:
        await run_import(source(tmp_path), simulate=True, ledger=ledger, account_lock=lock_file)
    assert caught.value.exit_status is ExitStatus.HELD
    assert not ledger.exists()
    holder.kill()
    holder.wait()
    summary = await run_import(tmp_path / "campaigns.csv", simulate=True, ledger=ledger, account_lock=lock_file)
    assert summary.books.created == 1


async def held_by_who_fails(path: Path) -> None:
    """Hold the account, see that it keeps others out, and fail."""
    async with account_held(path):
        with pytest.raises(AccountHeldError):
            AccountLock(path).take()
        raise ZeroDivisionError


async def test_the_lock_is_given_back_at_the_end_of_a_run(tmp_path: Path, lock_file: Path) -> None:
    """After a run, and after a block that raised, the account is free again."""
    await run_import(source(tmp_path), simulate=True, account_lock=lock_file)
    with pytest.raises(ZeroDivisionError):
        await held_by_who_fails(lock_file)
    again = AccountLock(lock_file)
    again.take()
    again.release()


async def test_a_dry_run_locks_nothing(tmp_path: Path, lock_file: Path, holder: subprocess.Popen[bytes]) -> None:
    """Whoever sends nothing may look while another run has the account."""
    assert holder.poll() is None
    summary = await run_import(source(tmp_path), simulate=True, dry_run=True, account_lock=lock_file)
    assert summary.status is ExitStatus.OK


def test_a_lock_that_cannot_be_had_is_refused(tmp_path: Path) -> None:
    """A folder instead of a file, and a folder that is not there, as of a share that is not mounted: usage errors."""
    (tmp_path / "folder.lock").mkdir()
    with pytest.raises(UsageError, match="cannot be locked"):
        AccountLock(tmp_path / "folder.lock").take()
    with pytest.raises(UsageError, match="is not there"):
        AccountLock(tmp_path / "share" / "acme.lock").take()
    assert not (tmp_path / "share").exists()
