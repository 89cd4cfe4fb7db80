"""Processes of Python that need not load the importer: a process that has loaded it forks them.

A start loads modules for half a second, and tests start hundreds. `Warm` takes what `subprocess.Popen` takes, and is a
process like any other: it has a number, gets signals, dies. What is not a line of this Python, or what a system
without descriptors of processes has to start, is started in the usual way.
"""

import atexit
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, AnyStr, Final

from importer import platforms
from tests.warm_nest import NUMBERS

IMPORTER: Final = (
    "importer.cli.entering", "importer.cli.commands", "importer.cli.session", "importer.cli.planning",
    "importer.pipeline", "importer.hubspot.transport", "importer.hubspot.bodies", "importer.simulator.server",
    "importer.report.page", "anyio._backends._asyncio",
)  # fmt: skip
_ROOT: Final = Path(__file__).resolve().parents[1]

#: And what a fleet on a Dask cluster loads: its driver, its scheduler and its workers.
CLUSTER: Final = (
    *IMPORTER, "distributed.cli.dask_scheduler", "distributed.cli.dask_worker", "importer.fleet.dask_task",
    "importer.fleet.dask_engine",
)  # fmt: skip


class Warm(subprocess.Popen[AnyStr]):
    """A process begun by fork; `loaded` names the modules that are there when it begins."""

    loaded: tuple[str, ...] = IMPORTER
    _teller: socket.socket | None = None

    def _execute_child(self, args: Sequence[str], *given: Any) -> None:
        """Ask for the process, as the method of this name of `Popen` makes one."""
        _, _, _, _, folder, environment, _, _, _, *pipes = given[:15]
        if args[0] != sys.executable or args[1] not in {"-m", "-c"} or not platforms.can_fork():
            super()._execute_child(args, *given)  # type: ignore[misc] # not in typeshed
            return
        session = bool(given[20])
        line = {
            "words": [str(word) for word in args[1:]],
            "folder": str(folder or Path.cwd()),
            "environment": dict(os.environ if environment is None else environment),
            "session": session,
        }
        mine, its = socket.socketpair()
        ends: list[int] = [pipes[0], pipes[3], pipes[5]]  # of standard input, output and error; -1: this process' own
        files: list[int] = [end if end != -1 else number for number, end in enumerate(ends)]
        with its:
            socket.send_fds(_nest(self.loaded), [json.dumps(line).encode()], [its.fileno(), *files])
        self.pid, _ = NUMBERS.unpack(mine.recv(NUMBERS.size))
        self._teller = mine
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined] # not in typeshed

    def _try_wait(self, flags: int) -> tuple[int, int]:
        """Return process and status; 0 and 0 while it is at work and nobody is to wait."""
        if self._teller is None:
            found: tuple[int, int] = super()._try_wait(flags)  # type: ignore[misc] # not in typeshed
            return found
        if flags & os.WNOHANG and not select.select([self._teller], [], [], 0)[0]:
            return 0, 0
        with self._teller:
            number, status = NUMBERS.unpack(self._teller.recv(NUMBERS.size))
        return number, status

    def _internal_poll(self, *given: Any, **more: Any) -> int | None:
        if self._teller is None:
            return super()._internal_poll(*given, **more)  # type: ignore[misc, no-any-return] # not in typeshed
        waiting = self._waitpid_lock  # type: ignore[attr-defined] # not in typeshed
        if self.returncode is None and waiting.acquire(blocking=False):
            try:
                number, status = self._try_wait(os.WNOHANG)
                if number:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined] # not in typeshed
            finally:
                waiting.release()
        return self.returncode


class OfCluster(Warm[AnyStr]):
    """A process of a fleet on a cluster."""

    loaded = CLUSTER


@cache
def _nest(loaded: tuple[str, ...]) -> socket.socket:
    """Return the socket of a process that has loaded these modules, which ends with this one."""
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        nest = subprocess.Popen(
            [sys.executable, "-m", "tests.warm_nest", *loaded], stdin=its.fileno(), stdout=subprocess.DEVNULL, cwd=_ROOT
        )

    def end() -> None:
        mine.close()
        nest.wait()

    atexit.register(end)
    return mine


def run(
    line: Sequence[str], *, check: bool = False, timeout: float | None = None, capture_output: bool = False, **more: Any
) -> "subprocess.CompletedProcess[Any]":
    """Run a line to its end, as `subprocess.run` does."""
    more |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} if capture_output else {}
    with Warm[Any](line, **more) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(line, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done
