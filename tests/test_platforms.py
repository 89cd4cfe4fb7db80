"""What differs between systems: what this one does, and what others would, against fakes that behave like them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from importer import platforms


class Calls:
    """The calls of `os` that a system has, passed on and noted."""

    def __init__(self, *missing: str, **constants: int) -> None:
        """Leave out what the system has not."""
        self._missing, self._constants = missing, constants
        self.seen: list[str] = []

    def __getattr__(self, name: str) -> Any:
        """Return the call, as the real one does it."""
        if name in self._missing:
            raise AttributeError(name)
        if name in self._constants:
            return self._constants[name]
        found = getattr(os, name)
        if callable(found):
            self.seen.append(name)
        return found


def windows(**more: int) -> Calls:
    """Return what Windows has of `os`."""
    return Calls("fdatasync", "pread", "fchmod", "getuid", "O_CLOEXEC", "O_NOFOLLOW", "O_DIRECTORY",
                 O_NOINHERIT=0x80, O_BINARY=0x8000, **more)  # fmt: skip


def test_files_are_opened_with_what_the_system_has() -> None:
    """Windows gets bytes and no inheritance; others no link and no inheritance; the rest of the flags stays."""
    assert platforms.opening(os.O_RDWR, calls=windows()) == os.O_RDWR | 0x8080
    there = platforms.opening(os.O_WRONLY | os.O_CREAT, calls=Calls(O_NOFOLLOW=0x100, O_CLOEXEC=0x1000000))
    assert there == os.O_WRONLY | os.O_CREAT | 0x1000100


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system has no O_NOFOLLOW")
def test_no_file_is_opened_through_a_link(tmp_path: Path) -> None:
    """A link in the place of a file is refused."""
    (tmp_path / "target").touch()
    (tmp_path / "link").symlink_to("target")
    with pytest.raises(OSError, match="link"):
        os.open(tmp_path / "link", platforms.opening(os.O_RDONLY))


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Open a file of three bytes."""
    path.write_bytes(b"abc")
    descriptor = os.open(path, os.O_RDWR)
    yield descriptor
    os.close(descriptor)


def test_data_is_synced_by_what_the_system_has(tmp_path: Path) -> None:
    """fdatasync; else F_FULLFSYNC; else, or where the disk does not know that, fsync."""
    with opened(tmp_path / "file") as descriptor:
        calls = Calls()
        if hasattr(os, "fdatasync"):
            platforms.sync_data(descriptor, calls=calls)
            assert calls.seen == ["fdatasync", "fdatasync"]  # asked for, and called

        controlled: list[tuple[int, int]] = []
        mac = SimpleNamespace(F_FULLFSYNC=51, fcntl=lambda *given: controlled.append(given))
        calls = Calls("fdatasync")
        platforms.sync_data(descriptor, calls=calls, control=mac)
        assert (controlled, calls.seen) == ([(descriptor, 51)], [])

        def refuse(*_given: int) -> None:
            raise OSError(45, "Operation not supported")

        platforms.sync_data(descriptor, calls=calls, control=SimpleNamespace(F_FULLFSYNC=51, fcntl=refuse))
        assert calls.seen == ["fsync"]
        calls = windows()
        platforms.sync_data(descriptor, calls=calls, control=SimpleNamespace())
        assert calls.seen == ["fsync"]


def test_a_folder_is_synced_where_it_can_be_opened(tmp_path: Path) -> None:
    """One fsync of the folder; on Windows nothing at all."""
    calls = Calls()
    if hasattr(os, "O_DIRECTORY"):
        platforms.sync_folder(tmp_path, calls=calls)
        assert calls.seen == ["open", "fsync", "close"]
    calls = windows()
    platforms.sync_folder(tmp_path / "not there", calls=calls)
    assert calls.seen == []


@pytest.mark.parametrize("calls", [os, windows()], ids=["here", "without pread"])
def test_reading_at_a_place_moves_nothing(tmp_path: Path, calls: Any) -> None:
    """The bytes from an offset, fewer at the end, and the position is where it was."""
    with opened(tmp_path / "file") as descriptor:
        os.lseek(descriptor, 1, os.SEEK_SET)
        assert platforms.read_at(descriptor, 9, 2, calls=calls) == b"c"
        assert platforms.read_at(descriptor, 2, 0, calls=calls) == b"ab"
        assert os.read(descriptor, 9) == b"bc"


class Held(type(Path())):  # type: ignore[misc] # the class of paths of this system
    """A file whose new name is held open by somebody for the first few tries."""

    held = 0
    tried = 0

    def replace(self, target: Any) -> Any:
        """Refuse while it is held, as Windows does."""
        type(self).tried += 1
        if type(self).tried <= self.held:
            raise PermissionError(13, "in use")
        return super().replace(target)


@pytest.mark.parametrize(("held", "windows_here", "done"), [(3, True, True), (3, False, False), (99, True, False)])
def test_a_file_in_use_is_replaced_when_it_is_free(tmp_path: Path, held: int, windows_here: bool, done: bool) -> None:
    """On Windows it is tried again for a second; elsewhere, and after that, the error is the caller's."""
    half = type("One", (Held,), {"held": held})(tmp_path / "half")
    half.write_text("new")
    waits: list[float] = []
    try:
        platforms.replace(half, tmp_path / "whole", windows=windows_here, wait=waits.append)
    except PermissionError:
        assert not done
    else:
        assert (tmp_path / "whole").read_text() == "new"
    assert sum(waits) <= 1.01
    assert (tmp_path / "whole").exists() is done


def test_modes_mean_nothing_on_windows(tmp_path: Path) -> None:
    """There a file that shows 0666 is not called readable by others, and no mode is set; users have no number."""
    assert platforms.others_may_read(0o644, windows=False)
    assert not platforms.others_may_read(0o600, windows=False)
    assert not platforms.others_may_read(0o666, windows=True)
    with opened(tmp_path / "file") as descriptor:
        platforms.keep_private(descriptor, calls=windows())
    assert platforms.user_number(calls=windows()) == "unknown"


def test_a_port_may_be_bound_again() -> None:
    """The option is set where it means that a port can be bound again, and not where it would share the port."""
    for windows_here in (True, False):
        with socket.socket() as listening:
            platforms.may_bind_again(listening, windows=windows_here)
            assert bool(listening.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)) is not windows_here


def test_the_signals_that_stop() -> None:
    """Ctrl-C and SIGTERM; Ctrl-Break where there is one."""
    assert platforms.stop_signals() == (signal.SIGINT, signal.SIGTERM) + (
        (vars(signal)["SIGBREAK"],) if sys.platform == "win32" else ()
    )
    there = SimpleNamespace(SIGINT=2, SIGTERM=15, SIGBREAK=21)
    assert platforms.stop_signals(module=there) == (2, 15, 21)


@pytest.mark.parametrize("windows_here", [True, False])
async def test_signals_are_received_in_their_order(windows_here: bool) -> None:
    """By the event loop or by a handler: each is handed over once, and the handlers of before stand again."""
    before = signal.getsignal(signal.SIGTERM)
    got: list[int] = []
    with anyio.fail_after(20), platforms.signals_received(signal.SIGTERM, windows=windows_here) as received:
        signal.raise_signal(signal.SIGTERM)
        async for number in received:
            got.append(number)
            if len(got) == 2:
                break
            signal.raise_signal(signal.SIGTERM)
    assert got == [signal.SIGTERM, signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) == before


_FILES = """
import resource
from importer import platforms
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 500))
for count in (32, 200, 10_000):
    platforms.allow_files(count)
    print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.posix("there is no such limit")
def test_more_files_are_allowed_as_far_as_the_system_lets() -> None:
    """The limit is raised, never lowered, and not beyond what the system sets."""
    told = subprocess.run([sys.executable, "-c", _FILES], capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == ["64 500", "200 500", "500 500"]


def test_forks_need_descriptors_for_processes() -> None:
    """A system without fork or pidfd has none, nor one whose kernel does not know the call."""

    def unknown(_pid: int) -> int:
        raise OSError(38, "not implemented")

    assert not platforms.can_fork(calls=Calls("fork"))
    assert not platforms.can_fork(calls=Calls("pidfd_open"))
    assert not platforms.can_fork(
        calls=SimpleNamespace(fork=None, pidfd_open=unknown, getpid=os.getpid, close=os.close)
    )
    assert platforms.can_fork() == (sys.platform == "linux")
