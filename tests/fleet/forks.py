"""A fork server, and what its children say."""

import os
from pathlib import Path
from typing import BinaryIO, Final

import anyio

from importer.fleet.fork_server import ForkServer
from importer.fleet.forking import SERVER, Request
from importer.fleet.processes import Forked
from importer.version import VERSION
from tests.fleet.in_proc import children, command_line, there

SERVES: Final = ("simulator", "--port", "0")  #: a command that runs until it is stopped
ENOUGH_S: Final = 60.0


class Forks:
    """A server, and files for what its children say."""

    def __init__(self, folder: Path) -> None:
        """Start nothing yet."""
        self.server, self.folder, self.at_work = ForkServer(), folder, list[Forked]()

    async def begin(self, *words: str, wanted: str = VERSION, **variables: str) -> Forked:
        """Begin a child."""
        given = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ} | variables
        with self._file("out") as out, self._file("err") as err:
            request = Request(arguments=words, environment=given)
            child = await self.server.begin(request, wanted=wanted, stdout=out, stderr=err)
        self.at_work.append(child)
        return child

    async def serving(self, **variables: str) -> Forked:
        """Begin a child that serves, and return it when it does."""
        child = await self.begin(*SERVES, **variables)
        with anyio.fail_after(ENOUGH_S):
            while "http" not in self.said():
                assert child.alive, self.said()
                await anyio.sleep(0.02)
        return child

    def said(self) -> str:
        """Return what the latest child said."""
        return (self.folder / "out").read_text() + (self.folder / "err").read_text()

    def pids(self) -> list[int]:
        """Return the servers at work; a forked child has the same words, and another parent."""
        return sorted(pid for pid in children(os.getpid()) if SERVER in command_line(pid) and there(pid))

    def _file(self, name: str) -> BinaryIO:
        (self.folder / name).unlink(missing_ok=True)
        return (self.folder / name).open("xb")


async def ended(child: Forked) -> int | None:
    """Return the status of a child."""
    with anyio.fail_after(ENOUGH_S):
        return await child.wait()
