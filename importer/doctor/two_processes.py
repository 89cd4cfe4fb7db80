"""What one host can prove alone: a lock keeps out another process, until that gives it back or is killed."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from importer.doctor.shared_locks import MakeLock, TriedLock
from importer.platforms import ALONE

_HOLD: Final = (
    "import pathlib, sys; from importer.doctor.shared_locks import TriedLock;"
    "lock = TriedLock(pathlib.Path(sys.argv[1])); sys.stdout.write('1' if lock.take() else '0');"
    "sys.stdout.flush(); sys.stdin.read()"
)


def excluded_alone(path: Path, make_lock: MakeLock = TriedLock) -> str | None:
    """Let another process hold a lock, try it, kill the holder, and try again; return what is wrong, if anything.

    Blocks for about a second. `path` is removed again. Raises `UsageError` where no lock can be had, `OSError`.
    """
    mine = make_lock(path)
    command = [sys.executable, *ALONE, "-c", _HOLD, str(path)]
    try:
        with subprocess.Popen(  # noqa: S603 - our own interpreter, without a shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as held:
            assert held.stdout is not None
            said = held.stdout.read(1)
            got = mine.take() if said == b"1" else False
            held.kill()
        if said != b"1":
            return "another process could not take a lock"
        if got:
            mine.release()
            return "two processes had the lock at once"
        if not mine.take():
            return "the lock of a killed process was not free"
        mine.release()
        return None
    finally:
        for left in path.parent.glob(f"{path.name}*"):
            with suppress(OSError):
                left.unlink()
