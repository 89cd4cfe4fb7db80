"""Drivers and the workers of a cluster: which are a driver's own, and two drivers on one cluster."""

from pathlib import Path

import anyio
import pytest
from distributed import Client, Scheduler

from importer.fleet import dask_task
from importer.fleet.dask_engine import DaskEngine
from importer.fleet.dask_task import Sign, sees
from importer.fleet.driver_lock import DriverLock
from importer.fleet.model import Account, Fleet
from tests.fleet.cluster import WAIT_S, running_cluster

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def engine(folder: Path, address: str, worker_ttl_s: float) -> DaskEngine:
    """Return the engine of a fleet whose driver has said who it is."""
    folder.mkdir()
    accounts = {"acme": Account(name="acme", token="env:T")}
    fleet = Fleet(
        directory=str(folder), accounts=accounts, imports=(), engine=address, worker_ttl_s=worker_ttl_s
    )  # fmt: skip
    lock = DriverLock(fleet)
    lock.take()
    return DaskEngine(fleet, insecure=True)


async def known(watching: Client) -> tuple[float | None, int]:
    """Return after how much silence the scheduler gives a worker up, and how many clients beside this one it has."""

    def look(dask_scheduler: Scheduler) -> tuple[float | None, int]:
        return dask_scheduler.worker_ttl, sum(name.startswith("Client-") for name in dask_scheduler.clients) - 1

    found: tuple[float | None, int] = await watching.run_on_scheduler(look)
    return found


async def test_the_longer_patience_of_two_drivers_counts(tmp_path: Path) -> None:
    """Whichever comes first; once it is alone, a driver has its own, longer or shorter than Dask's."""
    with running_cluster(tmp_path, workers=0, threads=1) as cluster:
        address, patient, hasty = cluster.address, 400.0, 10.0
        one, two = engine(tmp_path / "one", address, patient), engine(tmp_path / "two", address, hasty)
        async with Client(address, asynchronous=True, set_as_default=False) as watching:
            for first, second in ((one, two), (two, one)):
                with anyio.fail_after(WAIT_S):
                    while (await known(watching))[1]:
                        await anyio.sleep(0.05)
                async with first:
                    assert await known(watching) == (patient if first is one else hasty, 1)
                    async with second:
                        assert await known(watching) == (patient, 2)


async def test_a_note_of_another_driver_is_not_the_drivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the path of another directory may lie what an earlier driver left; a note that comes late is waited for."""
    note = tmp_path / "driver.lock.holder.json"
    note.write_text("an earlier one")
    async with anyio.create_task_group() as beside:

        async def come() -> None:
            await anyio.sleep(0.1)
            note.write_text("this one")

        beside.start_soon(come)
        assert await sees(Sign(str(note), "this one"))
    monkeypatch.setattr(dask_task, "_SEEN_S", 0.3)
    assert not await sees(Sign(str(note), "another one"))
    assert not await sees(Sign(str(tmp_path / "nothing"), ""))
