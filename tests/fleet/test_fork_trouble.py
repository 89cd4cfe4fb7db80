"""A fork server that is stopped, a driver with no more files, and a folder with modules of others."""

import os
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import anyio.abc
import pytest

from importer import platforms
from importer.doctor.two_processes import excluded_alone
from importer.fleet import fork_server, processes
from importer.fleet.forking import NUMBER, Request
from importer.version import VERSION
from tests.fleet.forks import Forks, ended

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(not platforms.can_fork(), reason="no fork server where processes have no descriptors"),
]
FILES_FREE = 16


class Left:
    """Leaves this process few files that it may open."""

    def __init__(self) -> None:
        """Count those that it may."""
        self.all = self.free()

    @contextmanager
    def __call__(self, count: int) -> Iterator[None]:
        """Leave `count` files for the block."""
        held = [os.dup(0) for _ in range(self.free() - count)]
        try:
            yield
        finally:
            for one in held:
                os.close(one)

    def free(self) -> int:
        """Return how many more can be opened."""
        held: list[int] = []
        with suppress(OSError):
            while True:
                held.append(os.dup(0))
        for one in held:
            os.close(one)
        return len(held)


@contextmanager
def few_files() -> Iterator[Left]:
    """Give a process that may open few files more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(int(name) for name in os.listdir("/proc/self/fd")) + FILES_FREE  # noqa: PTH208 - names are numbers
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        yield Left()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_a_driver_without_files_says_so(forks: Forks) -> None:
    """Wherever the files end, nothing stays open; a descriptor that the system dropped on its way is an error, too."""
    assert await ended(await forks.begin("--version")) == 0
    request = Request(arguments=("--version",), environment={})
    with (forks.folder / "out").open("wb") as out, few_files() as left:
        for count in range(4):
            with left(count), pytest.raises(OSError, match="Too many open files"):
                await forks.server.begin(request, wanted=VERSION, stdout=out, stderr=out)
            assert left.free() == left.all
        mine, its = socket.socketpair()
        async with await anyio.abc.UNIXSocketStream.from_socket(mine) as stream:
            socket.send_fds(its, [NUMBER.pack(1)], [out.fileno()])
            with its, left(0), pytest.raises(OSError, match="Too many open files"):
                await fork_server._born(stream, request)


async def test_a_server_that_was_stopped_keeps_nobody_waiting(forks: Forks, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of its child is noticed without it, a new child comes from a new server, and nothing is left behind."""
    monkeypatch.setattr(fork_server, "_BEGIN_S", 5.0)
    monkeypatch.setattr(processes, "_TELL_S", 0.1)
    child = await forks.serving()
    (server,) = forks.pids()
    os.kill(server, signal.SIGSTOP)
    child.send(signal.SIGKILL)
    assert await ended(child) is None
    assert not child.alive
    with pytest.raises(OSError, match="the process that is to fork it was silent for 5 s"):
        await forks.begin("--version")
    monkeypatch.setattr(fork_server, "_BEGIN_S", 60.0)
    assert await ended(await forks.begin("--version")) == 0
    assert server in forks.pids()
    monkeypatch.setattr(fork_server, "_CLOSE_S", 0.1)
    forks.server.close()
    assert forks.pids() == []


async def test_nothing_is_loaded_from_the_folder_it_is_begun_in(forks: Forks, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file there that is named as a module is not run: others may write where sources lie."""
    for name in ("selectors", "orjson", "importer"):
        (forks.folder / f"{name}.py").write_text("raise SystemExit(99)")
    monkeypatch.chdir(forks.folder)
    assert await ended(await forks.begin("--version")) == 0
    assert excluded_alone(forks.folder / "lock") is None
