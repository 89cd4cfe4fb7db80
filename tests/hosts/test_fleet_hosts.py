"""A fleet on a Dask cluster over several hosts, some of which are cut off while they import. `make hosts`."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.fleet.fleet_ground import ENOUGH_S, Ground
from tests.fleet.in_proc import gone
from tests.fleet.on_cluster import all_at_work, well_ended
from tests.hosts.dask_hosts import TLS, WAIT_S, Across, across
from tests.hosts.namespaces import HERE, Host, fetched, hosts, missing, served

WHY_NOT = missing()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)), pytest.mark.timeout(600)]
#: What is on its way when a host is cut off has landed or never lands within these two together: see `relay`.
OPTIONS: Final = 'options = { workers = 2, grace = 0.3, timeout = 2, settle = 2, duplicates = "create" }'


@dataclass(frozen=True, slots=True)
class Net:
    """Hosts, and the cluster on them."""

    cluster: Across
    seat: Host  #: of the scheduler
    workers: tuple[Host, Host]
    driver: Host
    folder: Path

    def fleet(self, *, rows: int, each: int) -> Ground:
        """Write a fleet of three accounts."""
        folder = self.folder / "fleet"
        folder.mkdir()

        def fetch(address: str) -> bytes:
            text = fetched(self.driver, address)
            assert text is not None
            return text.encode()

        ground = Ground(
            folder=folder, base_url=HERE, engine=self.cluster.address, at_once=50, rows=rows, each=each, tokens="file",
            more=("worker_ttl = 5", TLS), before=self.driver.before, fetch=fetch, options=OPTIONS,
        )  # fmt: skip
        ground.write()
        return ground


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    """Make hosts for scheduler, two workers and driver, all of which reach HubSpot, and start the cluster."""
    with (
        hosts(4) as (hub, (seat, one, two, driver)),
        served(hub, (one, two, driver), "accounts=99", "latency=fixed:0.4", "rate=100000"),
        across(tmp_path, seat, one, two) as cluster,
    ):
        yield Net(cluster, seat, (one, two), driver, tmp_path)


def begun(ground: Ground) -> "subprocess.Popen[str]":
    """Start the command, and return when every account's import has sent something."""
    process = ground.start()
    ground.wait_for(process, all_at_work(ground))
    return process


def victim_of(net: Net) -> tuple[Host, set[int]]:
    """Return a host that has imports at work, and their processes."""
    return next((host, found) for host in net.workers if (found := net.cluster.imports_on(host)))


def in_state(ground: Ground, state: str) -> Callable[[], bool]:
    """Return whether any import was in a state."""
    return lambda: any(line["state"] == state for line in ground.history())


def holders(ground: Ground) -> set[str]:
    """Return the hosts that say of themselves that they hold an account."""
    paths = (ground.directory / "accounts").glob("*.holder.json")
    return {json.loads(path.read_text())["host"] for path in paths}


def test_a_fleet_over_hosts_makes_all_of_it(net: Net) -> None:
    """Four hosts, certificates as the page makes them: both workers' hosts import, and ledgers and HubSpot agree."""
    ground = net.fleet(rows=300, each=2)
    process = begun(ground)
    well_ended(ground, process)
    done = {line["where"].partition(",")[0] for line in ground.history() if line["state"] == "done"}
    assert done == {host.name for host in net.workers}


@pytest.mark.parametrize("late", [True, False], ids=["late", "soon"])
def test_a_host_that_is_cut_off_loses_its_imports_and_comes_back(net: Net, *, late: bool) -> None:
    """Unplugged in the middle: its imports are held until they end there, go on elsewhere, and it serves again.

    It comes back after its worker has given up, or as soon as its imports were given away.
    """
    ground = net.fleet(rows=1_200, each=3)
    process = begun(ground)
    host, mine = victim_of(net)
    host.unplug()
    ground.wait_for(process, in_state(ground, "held"))
    assert host.name in holders(ground)
    if late:
        gone(mine)
    else:
        host.plug()
    net.cluster.workers[host.name].wait(WAIT_S)  # it has lost its scheduler, or was told that it is given up
    gone(mine)
    if late:
        host.plug()
    net.cluster.add_worker(host)
    other = next(one for one in net.workers if one is not host)
    other.unplug()  # so that the rest can be made on the host that came back alone
    well_ended(ground, process)
    assert ground.history()[-1]["where"].startswith(host.name)


@pytest.mark.parametrize("heard", [False, True], ids=["silent", "heard"])
def test_a_host_that_loses_its_scheduler_alone_keeps_its_accounts(net: Net, *, heard: bool) -> None:
    """HubSpot it still reaches: what it has begun it goes on with, and nobody else does, until its worker gives up.

    Where it hears the scheduler it is told to, at once; else a worker notices by itself after half a minute.
    """
    ground = net.fleet(rows=9_000, each=1)
    process = begun(ground)
    host, mine = victim_of(net)
    host.lose(net.seat, heard=heard)
    if not heard:
        ground.wait_for(process, in_state(ground, "held"))
        assert host.name in holders(ground)
        held = next(line["import"] for line in ground.history() if line["state"] == "held")
        account = int(held[1])
        before = ground.sent(account)
        ground.wait_for(process, lambda: ground.sent(account) > before)
    gone(mine)
    well_ended(ground, process)
    assert max(line["losses"] for line in ground.history()) == 1


def test_a_driver_that_is_cut_off_is_run_again(net: Net) -> None:
    """It ends by itself with status 7, and so do its imports; on the net again it goes on in the same round."""
    ground = net.fleet(rows=9_000, each=1)
    process = begun(ground)
    mine = set[int]().union(*(net.cluster.imports_on(host) for host in net.workers))
    net.driver.unplug()
    _, err = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 7, err
    assert "is lost" in err
    assert "Traceback" not in err
    gone(mine)
    net.driver.plug()
    well_ended(ground, ground.start())
    assert {line["round"] for line in ground.history()} == {1}
