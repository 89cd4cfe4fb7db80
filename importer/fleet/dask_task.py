"""What runs on a Dask cluster: one function for an import, and what the driver asks of workers and scheduler.

All of it is found by its name in the importer that is installed there. No code travels, and of an import only the fleet
file's path, the import's name, the version, and what the driver wrote of itself into the fleet's directory.
"""

import os
import socket
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, NamedTuple

import anyio
import anyio.to_thread
from distributed import Scheduler, Worker, get_worker
from tornado.ioloop import PeriodicCallback

from importer.fleet.child import run_child
from importer.fleet.model import Ended, Job
from importer.version import VERSION

_LOOK_S: Final = 0.2
_AT_WORK: Final = frozenset({"executing", "long-running"})
_TTL: Final = "worker-ttl"
CLIENT: Final = "importer-fleet"  #: part of the name that a driver has as a client of a scheduler
#: Seconds that a file of the driver may take to be seen on another host.
_SEEN_S: Final = 5.0


class Told(NamedTuple):
    """What a scheduler or a worker tells of itself."""

    version: str
    where: str


class Sign(NamedTuple):
    """What a worker sees where its fleet's directory is the driver's own: the driver's note of itself."""

    path: str
    text: str


class Unfit(NamedTuple):
    """Why no import may run on a worker: somebody has to mend it."""

    why: str
    hint: str


async def run_import(job: Job, sign: Sign, key: str) -> dict[str, Any] | Unfit:
    """Run one import on this worker to its end; return the fields of its `Ended`.

    Dask cannot end a task that is at work: it marks the task `key` as given up, as soon as the driver cancels it or
    is gone itself, or as the scheduler or this worker ends. The mark is looked for five times a second, and the
    import's process is stopped then.
    """
    worker = get_worker()
    unfit = await unfit_for(job, sign)
    if unfit is not None:
        return unfit
    ended = Ended(status=None, lost="it was given up before it began")
    async with anyio.create_task_group() as both:

        async def watch() -> None:
            while wanted(worker, key):  # noqa: ASYNC110 - Dask wakes nobody as it gives a task up
                await anyio.sleep(_LOOK_S)
            both.cancel_scope.cancel()

        if wanted(worker, key):
            both.start_soon(watch)
            ended = await run_child(job, os.environ)
            both.cancel_scope.cancel()
    return asdict(ended)


def wanted(worker: Worker, key: str) -> bool:
    """Return whether somebody still waits for the task `key` of a worker."""
    task = worker.state.tasks.get(key)
    return task is not None and task.state in _AT_WORK and worker.status.name == "running"


async def settled(key: str, *, dask_worker: Worker) -> None:
    """Return when nothing of the task `key` is left on this worker."""
    while key in dask_worker.state.tasks:  # noqa: ASYNC110 - Dask wakes nobody as a task is forgotten
        await anyio.sleep(_LOOK_S)


async def unfit_for(job: Job, sign: Sign) -> Unfit | None:
    """Return why this host must not run an import; None where it may."""
    if job.version != VERSION:
        return of_another_version(Told(VERSION, socket.gethostname()), job.version)
    if not await sees(sign):
        return blind(socket.gethostname(), sign)
    if not await anyio.to_thread.run_sync(Path(job.fleet_file).is_file):
        return Unfit(f"{socket.gethostname()} has no {job.fleet_file}", "It must have the same path on every host.")
    return None


async def sees(sign: Sign) -> bool:
    """Return whether the driver's note of itself is there, within 5 s: only then are the locks the driver's."""
    with anyio.move_on_after(_SEEN_S):
        while True:
            with suppress(OSError, UnicodeDecodeError):
                if await anyio.to_thread.run_sync(Path(sign.path).read_text) == sign.text:
                    return True
            await anyio.sleep(_LOOK_S)
    return False


def blind(where: str, sign: Sign) -> Unfit:
    """Return what is wrong with a host that does not see the driver's directory."""
    return Unfit(
        f"{where} does not see the driver's {Path(sign.path).parent}",
        "The fleet's directory, the sources and the ledgers must be on a share that every host mounts at one path.",
    )


def of_another_version(told: Told, version: str) -> Unfit:
    """Return what is wrong with a host that has another importer than the driver."""
    return Unfit(
        f"{told.where} has importer {told.version}, this is {version}",
        "Install the same version everywhere: two versions may write a ledger in two ways.",
    )


async def examine(version: str, sign: Sign, *, dask_worker: Worker) -> Unfit | None:
    """Return why no import of a driver of that version may run on this worker; None where it may."""
    if version != VERSION:
        return of_another_version(Told(VERSION, dask_worker.address), version)
    return None if await sees(sign) else blind(dask_worker.address, sign)


def prepare(worker_ttl_s: float, driver: str, *, dask_scheduler: Scheduler) -> Told:
    """Set what the scheduler does about lost workers; return which importer it has.

    A worker that is silent for `worker_ttl_s` is given up, or for longer where another driver than the client `driver`
    is there that wants so: nobody's workers are given up too early. The import of a lost worker is told to the driver
    at once, which begins it again and counts: Dask itself would do so in silence, and nobody could say how often.
    """
    others = any(CLIENT in client and client != driver for client in dask_scheduler.clients)
    wanted_s = max(worker_ttl_s, dask_scheduler.worker_ttl or 0.0) if others else worker_ttl_s
    dask_scheduler.allowed_failures = 0
    dask_scheduler.worker_ttl = wanted_s
    before = dask_scheduler.periodic_callbacks.pop(_TTL, None)
    if before is not None:
        before.stop()
    looking = PeriodicCallback(dask_scheduler.check_worker_ttl, wanted_s * 1000 / 4)
    dask_scheduler.periodic_callbacks[_TTL] = looking
    looking.start()
    return Told(VERSION, dask_scheduler.address)
