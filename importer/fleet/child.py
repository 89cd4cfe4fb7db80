"""One import as a process of its own, tied to the process that began it.

The tie is the child's standard input: nothing is ever written to it, and it ends with whoever holds its other end,
however that dies. Where the system can, a fork server makes the child, which costs a fraction; else it is begun by
itself (`importer.cli.fleet_child`) and reads the fleet file and its token.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

import anyio
import anyio.to_thread

from importer import platforms
from importer.errors import ImporterError
from importer.fleet import places
from importer.fleet.command import arguments, environment
from importer.fleet.file import read_fleet
from importer.fleet.fork_server import ForkServer
from importer.fleet.forking import Request
from importer.fleet.model import Ended, Fleet, Import, Job
from importer.fleet.processes import Executed, Process
from importer.fleet.standing import COMPLETE
from importer.report.private import write_private
from importer.version import VERSION

MODULE: Final = "importer.cli.fleet_child"
#: Seconds that a child has to come to its end: longer than the 8 s which a run gives to requests on their way.
_STOP_S: Final = 20.0
_SAID_MAX: Final = 300
_OF_THIS_PROCESS: Final = ForkServer() if platforms.can_fork() else None


async def run_child(job: Job, given: Mapping[str, str]) -> Ended:
    """Run an import on this host to its end, and tell how it ended; a loss is told as a value, never raised.

    The fleet file is read here, once for each content. Of the environment `given` the child gets all but the tokens of
    other accounts: what a process has been given can be read as long as it lives.

    Cancellation: the child is asked to stop, has 20 s for it, and is killed then; its ledger goes on with the next run.
    A loss of this process ends the child in the same way, by itself.
    """
    host = socket.gethostname()
    if job.version != VERSION:
        return Ended(status=None, where=host, lost=f"{host} has importer {VERSION}, the driver {job.version}")
    try:
        fleet = await anyio.to_thread.run_sync(_read, job.fleet_file)
    except (ImporterError, OSError) as error:
        return Ended(status=None, where=host, lost=f"it could not be begun on {host}: {error}")
    return await run_of_fleet(job, fleet, given, _OF_THIS_PROCESS)


async def run_of_fleet(job: Job, fleet: Fleet, given: Mapping[str, str], forks: ForkServer | None) -> Ended:
    """Run an import of a fleet that has been read, as `run_child` does; `forks` makes the child, where it is there."""
    host = socket.gethostname()
    beginning = _Beginning(job=job, fleet=fleet, given=given, forks=forks)
    with ExitStack() as held:
        try:
            one = await anyio.to_thread.run_sync(beginning.ready)
            # A file of this process' own: another of the import, given up as lost, may come to its end elsewhere.
            said = held.enter_context(tempfile.TemporaryFile())
            process = await beginning.begin(one, said)
        except ImporterError as error:  # as the process itself would have ended
            return Ended(status=int(error.exit_status), where=host, said=error.message[:_SAID_MAX])
        except OSError as error:
            return Ended(status=None, where=host, lost=f"it could not be begun on {host}: {error}")
        try:
            code = await process.wait()
        finally:
            with anyio.CancelScope(shield=True):
                await _stopped(process)
        summary = await anyio.to_thread.run_sync(_summary, said, Path(places.summary_of(fleet, one)))
    return _told(code, summary, f"{host}, process {process.number}")


def _read(path: str) -> Fleet:
    seen = Path(path).stat()
    return _read_once(path, (seen.st_dev, seen.st_ino, seen.st_mtime_ns, seen.st_size))


@lru_cache(maxsize=4)
def _read_once(path: str, _content: tuple[int, ...]) -> Fleet:
    return read_fleet(Path(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beginning:
    """What is needed to begin the process of an import."""

    job: Job
    fleet: Fleet
    given: Mapping[str, str]
    forks: ForkServer | None

    def ready(self) -> Import:
        """Return the import, with the folders for its log and its ledger made."""
        found = next((one for one in self.fleet.imports if one.name == self.job.import_name), None)
        if found is None:
            raise FileNotFoundError(f"{self.job.fleet_file} has no import {self.job.import_name} any more")
        Path(places.within(self.fleet, places.LOGS)).mkdir(mode=0o700, exist_ok=True)
        Path(found.ledger).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return found

    async def begin(self, one: Import, said: IO[bytes]) -> Process:
        """Begin the process, whose summary `said` is to hold. Cancellation waits until it is begun."""
        with _log(places.log_of(self.fleet, one)) as log:
            if self.forks is None:
                return await anyio.to_thread.run_sync(self._execute, one, said, log)
            account = self.fleet.accounts[one.account]
            request = Request(
                arguments=tuple(arguments(self.fleet, one, account)),
                environment=dict(environment(self.fleet, account, self.given)),
            )
            return await self.forks.begin(request, wanted=self.job.version, stdout=said, stderr=log)

    def _execute(self, one: Import, said: IO[bytes], log: BinaryIO) -> Process:
        others = self.fleet.variables_of_others(one.account)
        own = {name: value for name, value in self.given.items() if name not in others}
        argv = [sys.executable, *platforms.ALONE, "-m", MODULE, self.job.fleet_file, self.job.import_name]
        return Executed(
            subprocess.Popen(  # noqa: S603 - this Python, and names out of the fleet file # nosec B603
                argv, stdin=subprocess.PIPE, stdout=said, stderr=log, env=own, start_new_session=True
            )
        )


def _log(path: str) -> BinaryIO:
    """Open a log anew that only its owner may read; who writes to it since before goes on behind what is new."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    return os.fdopen(os.open(path, platforms.opening(flags), 0o600), "wb")


async def _stopped(process: Process) -> None:
    """Let go of a process: end it gently, then for good, if it is still there."""
    if process.alive:
        process.send(signal.SIGTERM)
        with anyio.move_on_after(_STOP_S):
            await process.gone()
        if process.alive:
            process.send(signal.SIGKILL)
            await process.gone()
    await process.aclose()


def _told(code: int | None, summary: Mapping[str, Any], where: str) -> Ended:
    """Return how a process ended, from its status and its summary."""
    if code is None:
        return Ended(status=None, where=where, lost="the process that forked it was lost or silent, and it was stopped")
    if code < 0:
        return Ended(status=None, where=where, lost=f"its process was ended by {_signal_name(-code)}")
    if code in COMPLETE and summary.get("status") != code:
        # Python itself ends with 1, too: an end that tells nothing is no end of an import.
        return Ended(status=None, where=where, lost=f"its process ended with {code} and said nothing")
    said, resume_at = summary.get("reason"), summary.get("resume_at")
    return Ended(
        status=code, where=where, said=str(said)[:_SAID_MAX] if said else None,
        pause_until=resume_at if isinstance(resume_at, int | float) else None,
    )  # fmt: skip


def _signal_name(number: int) -> str:
    """Return the name of a signal; real-time signals between the first and the last have none in Python."""
    known = {one.value: one.name for one in signal.Signals}
    return known.get(number, f"signal {number}")


def _summary(said: IO[bytes], shown: Path) -> Mapping[str, Any]:
    """Return the summary that a process printed, and leave it where people look for it. Blocks."""
    said.seek(0)
    text = said.read()
    with suppress(OSError):  # it is for people: the import has ended as it has
        write_private(shown, text)
    with suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, dict):
            return found
    return {}
