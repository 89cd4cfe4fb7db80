"""One import as a process of its own, tied to the process that began it.

The tie is the child's standard input: nothing is ever written to it, and it ends with whoever holds its other end,
however that dies. The child (`importer.cli.fleet_child`) reads the fleet file and finds the token by itself, so neither
passes through here, nor through an engine.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

import anyio
import anyio.abc
import anyio.to_thread

from importer import platforms
from importer.errors import ImporterError
from importer.fleet import places
from importer.fleet.file import read_fleet
from importer.fleet.model import Ended, Fleet, Import, Job
from importer.fleet.standing import COMPLETE
from importer.version import VERSION

MODULE: Final = "importer.cli.fleet_child"
#: Seconds that a child has to come to its end: longer than the 8 s which a run gives to requests on their way.
_STOP_S: Final = 20.0
_SAID_MAX: Final = 300


async def run_child(job: Job, environment: Mapping[str, str]) -> Ended:
    """Run an import on this host to its end, and tell how it ended; a loss is told as a value, never raised.

    Of `environment` the child is given all but the tokens of other accounts: what a process has been given can be read
    as long as it lives.

    Cancellation: the child is asked to stop, has 20 s for it, and is killed then; its ledger goes on with the next run.
    A loss of this process ends the child in the same way, by itself.
    """
    host = socket.gethostname()
    if job.version != VERSION:
        return Ended(status=None, where=host, lost=f"{host} has importer {VERSION}, the driver {job.version}")
    try:
        fleet, one = await anyio.to_thread.run_sync(_ready, job)
        process = await anyio.to_thread.run_sync(_start, job, fleet, one, environment)
    except (ImporterError, OSError) as error:
        return Ended(status=None, where=host, lost=f"it could not be begun on {host}: {error}")
    where = f"{host}, process {process.pid}"
    try:
        await _ended(process)
    finally:
        with anyio.CancelScope(shield=True):
            await _stopped(process)
    return await anyio.to_thread.run_sync(_told, process.returncode, fleet, one, where)


def _ready(job: Job) -> tuple[Fleet, Import]:
    """Return the fleet and the import of a job, with the folder for its log made."""
    fleet = read_fleet(Path(job.fleet_file))
    found = next((one for one in fleet.imports if one.name == job.import_name), None)
    if found is None:
        raise FileNotFoundError(f"{job.fleet_file} has no import {job.import_name} any more")
    Path(places.within(fleet, places.LOGS)).mkdir(mode=0o700, exist_ok=True)
    Path(found.ledger).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return fleet, found


def _start(job: Job, fleet: Fleet, one: Import, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    others = fleet.variables_of_others(one.account)
    own = {name: value for name, value in environment.items() if name not in others}
    argv = [sys.executable, "-m", MODULE, job.fleet_file, job.import_name]
    with _private(places.summary_of(fleet, one)) as said, _private(places.log_of(fleet, one)) as log:
        return subprocess.Popen(  # noqa: S603 - this Python, and names out of the fleet file # nosec B603
            argv, stdin=subprocess.PIPE, stdout=said, stderr=log, env=own, start_new_session=True
        )


def _private(path: str) -> BinaryIO:
    """Open a file anew that only its owner may read."""
    return os.fdopen(os.open(path, platforms.opening(os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 0o600), "wb")


async def _ended(process: subprocess.Popen[bytes]) -> None:
    """Return when the process has ended. Cancellation: it runs on, and nobody waits any more."""
    await anyio.to_thread.run_sync(process.wait, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1))


async def _stopped(process: subprocess.Popen[bytes]) -> None:
    """Let go of a process: end it gently, then for good, if it is still there."""
    if process.poll() is None:
        process.terminate()
        with anyio.move_on_after(_STOP_S):
            await _ended(process)
        if process.poll() is None:
            process.kill()
            await _ended(process)
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()


def _told(code: int | None, fleet: Fleet, one: Import, where: str) -> Ended:
    """Return how a process ended, from its status and its summary."""
    if code is None or code < 0:
        name = signal.Signals(-code).name if code else "nobody knows what"
        return Ended(status=None, where=where, lost=f"its process was ended by {name}")
    summary = _summary(Path(places.summary_of(fleet, one)))
    if code in COMPLETE and summary.get("status") != code:
        # Python itself ends with 1, too: an end that tells nothing is no end of an import.
        return Ended(status=None, where=where, lost=f"its process ended with {code} and said nothing")
    said, resume_at = summary.get("reason"), summary.get("resume_at")
    return Ended(
        status=code, where=where, said=str(said)[:_SAID_MAX] if said else None,
        pause_until=resume_at if isinstance(resume_at, int | float) else None,
    )  # fmt: skip


def _summary(path: Path) -> Mapping[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_bytes())
        if isinstance(found, dict):
            return found
    return {}
