"""Where Linux, macOS and Windows differ: each difference once, named in docs/explanation/systems.md.

Each function asks the system what it has, rather than which it is, wherever that can be asked. `calls` stands in for
the module `os` in tests of branches that this system does not take.
"""

import os
import signal
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import anyio

WINDOWS: Final = os.name == "nt"

_IF_THERE: Final = ("O_CLOEXEC", "O_NOINHERIT", "O_NOFOLLOW", "O_BINARY")
_REPLACE_TRIES: Final = 20
_REPLACE_WAIT_S: Final = 0.05
_POLL_S: Final = 0.1
_MAC_FULL_SYNC: Final = "F_FULLFSYNC"


# Files


def opening(flags: int, *, calls: Any = os) -> int:
    """Return `flags` for `os.open`, and what every file of ours is opened with, where the system has it.

    Not for child processes, not through a symbolic link, and bytes as they are.
    """
    for name in _IF_THERE:
        flags |= getattr(calls, name, 0)
    return flags


def sync_data(descriptor: int, *, calls: Any = os, control: Any = None) -> None:
    """Return when a file's data and size survive a power loss.

    fdatasync where there is one. On macOS F_FULLFSYNC, since fsync there does not reach the medium; a disk that does
    not know it gets fsync. On Windows fsync, which flushes the file's buffers. `control` stands in for `fcntl`.
    """
    if hasattr(calls, "fdatasync"):
        calls.fdatasync(descriptor)
        return
    if control is None and not WINDOWS:
        import fcntl as control  # noqa: PLC0415 - absent on Windows
    full = getattr(control, _MAC_FULL_SYNC, None)
    if full is not None:
        try:
            control.fcntl(descriptor, full)
        except OSError:
            calls.fsync(descriptor)
        return
    calls.fsync(descriptor)


def sync_folder(path: Path, *, calls: Any = os) -> None:
    """Return when the names in a folder survive a power loss; nothing on Windows, which cannot open folders.

    NTFS keeps its names in a journal of its own.
    """
    flag = getattr(calls, "O_DIRECTORY", None)
    if flag is None:
        return
    descriptor = calls.open(path, opening(flag | calls.O_RDONLY, calls=calls))
    try:
        calls.fsync(descriptor)
    finally:
        calls.close(descriptor)


def read_at(descriptor: int, size: int, offset: int, *, calls: Any = os) -> bytes:
    """Return `size` bytes from `offset`, fewer at the end; the file's position stays. For one thread at a time."""
    if hasattr(calls, "pread"):
        found: bytes = calls.pread(descriptor, size, offset)
        return found
    before = calls.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        calls.lseek(descriptor, offset, os.SEEK_SET)
        found = calls.read(descriptor, size)
    finally:
        calls.lseek(descriptor, before, os.SEEK_SET)
    return found


def replace(half: Path, path: Path, *, windows: bool = WINDOWS, wait: Any = time.sleep) -> None:
    """Give `half` the name `path`; what was there is gone. Blocks; raises `OSError`.

    Windows refuses that while anybody has `path` open, such as a browser or a virus scanner: it is tried for a second.
    """
    for _ in range(_REPLACE_TRIES if windows else 0):
        try:
            half.replace(path)
        except PermissionError:
            wait(_REPLACE_WAIT_S)
        else:
            return
    half.replace(path)


# Who may read


def others_may_read(mode: int, *, windows: bool = WINDOWS) -> bool:
    """Return whether a file of that mode can be read by others than its owner.

    On Windows a mode does not say: who may read is told by the rights that a file has from its folder.
    """
    return not windows and bool(mode & 0o077)


def keep_private(descriptor: int, *, calls: Any = os) -> None:
    """Let only the owner read and write an open file, where modes mean something."""
    if hasattr(calls, "fchmod"):
        calls.fchmod(descriptor, 0o600)


def user_number(*, calls: Any = os) -> str:
    """Return the number of the user; `unknown` where users have none."""
    return str(calls.getuid()) if hasattr(calls, "getuid") else "unknown"


def boot_id(path: Path = Path("/proc/sys/kernel/random/boot_id")) -> str | None:
    """Return what all processes share that have one monotonic clock; None where the system does not tell."""
    try:
        return path.read_text().strip() or None
    except OSError:
        return None


# Processes

#: Python's own option for a process of ours: no module comes from the folder that it happens to be begun in.
ALONE: Final = ("-P",)


def can_fork(*, calls: Any = os) -> bool:
    """Return whether a process can be forked here, watched by others than its parent, and signalled without a mistake.

    That takes descriptors for processes, which only Linux has. macOS forks, but its own libraries do not bear it.
    """
    if not (hasattr(calls, "fork") and hasattr(calls, "pidfd_open") and hasattr(socket, "send_fds")):
        return False
    try:
        calls.close(calls.pidfd_open(calls.getpid()))
    except OSError:
        return False
    return True


def allow_files(count: int) -> None:
    """Let this process have so many files open, as far as the system lets it; on Windows nothing is that scarce."""
    if WINDOWS:
        return
    import resource  # noqa: PLC0415 - absent on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


# Network


def may_bind_again(listening: socket.socket, *, windows: bool = WINDOWS) -> None:
    """Let a port be bound that was in use a moment ago. On Windows that is so, and the option would share the port."""
    if not windows:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


# Signals


def stop_signals(*, module: Any = signal) -> tuple[int, ...]:
    """Return the signals that ask a process to stop: Ctrl-C, SIGTERM, and Ctrl-Break on Windows."""
    names = ("SIGINT", "SIGTERM", "SIGBREAK")
    return tuple(getattr(module, name) for name in names if hasattr(module, name))


@contextmanager
def signals_received(*numbers: int, windows: bool = WINDOWS) -> Iterator[AsyncIterator[int]]:
    """Receive signals as they come, instead of what they do else; the handlers of before stand again afterwards.

    Windows' event loop cannot wait for signals: there a handler notes them, and somebody looks each tenth of a second.
    """
    if not windows:
        with anyio.open_signal_receiver(*[signal.Signals(number) for number in numbers]) as received:
            yield received
        return
    seen: deque[int] = deque()

    def note(number: int, _frame: FrameType | None) -> None:
        seen.append(number)

    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield _looked_for(seen)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _looked_for(seen: deque[int]) -> AsyncIterator[int]:
    while True:
        while seen:
            yield seen.popleft()
        await anyio.sleep(_POLL_S)
