"""What runs on a Dask cluster: one function for an import, and what the driver asks of workers and scheduler.

All of it is found by its name in the importer that is installed there. No code travels, and of an import only the fleet
file's path, the import's name and the version.
"""

import os
from dataclasses import asdict
from typing import Any, Final, NamedTuple

import anyio
from distributed import Scheduler, Worker, get_worker
from tornado.ioloop import PeriodicCallback

from importer.fleet.child import run_child
from importer.fleet.model import Ended, Job
from importer.version import VERSION

_LOOK_S: Final = 0.2
_AT_WORK: Final = frozenset({"executing", "long-running"})
_TTL: Final = "worker-ttl"


class Told(NamedTuple):
    """What a scheduler or a worker tells of itself."""

    version: str
    where: str


async def run_import(fleet_file: str, import_name: str, version: str, key: str) -> dict[str, Any]:
    """Run one import on this worker to its end; return the fields of its `Ended`.

    Dask cannot end a task that is at work: it marks the task `key` as given up, as soon as the driver cancels it or
    is gone itself, or as the scheduler or this worker ends. The mark is looked for five times a second, and the
    import's process is stopped then.
    """
    worker = get_worker()
    ended = Ended(status=None, lost="it was given up before it began")
    async with anyio.create_task_group() as both:

        async def watch() -> None:
            while wanted(worker, key):  # noqa: ASYNC110 - Dask wakes nobody as it gives a task up
                await anyio.sleep(_LOOK_S)
            both.cancel_scope.cancel()

        if wanted(worker, key):
            both.start_soon(watch)
            ended = await run_child(Job(fleet_file=fleet_file, import_name=import_name, version=version), os.environ)
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


def version_of(*, dask_worker: Worker) -> Told:
    """Return which importer this worker has."""
    return Told(VERSION, dask_worker.address)


def prepare(worker_ttl_s: float, *, dask_scheduler: Scheduler) -> Told:
    """Set what the scheduler does about lost workers; return which importer it has.

    A worker that is silent for `worker_ttl_s` is given up. The import of a lost worker is told to the driver at once,
    which begins it again and counts: Dask itself would begin it again in silence, and nobody could say how often.
    """
    dask_scheduler.allowed_failures = 0
    dask_scheduler.worker_ttl = worker_ttl_s
    before = dask_scheduler.periodic_callbacks.pop(_TTL, None)
    if before is not None:
        before.stop()
    looking = PeriodicCallback(dask_scheduler.check_worker_ttl, worker_ttl_s * 1000 / 4)
    dask_scheduler.periodic_callbacks[_TTL] = looking
    looking.start()
    return Told(VERSION, dask_scheduler.address)
