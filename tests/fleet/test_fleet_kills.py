"""Whoever kills the driver at any moment and runs the command again finds everything made once."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from importer import platforms
from tests.fleet.fleet_ground import ENOUGH_S, Ground
from tests.fleet.in_proc import below, children, environment, gone, holds, there
from tests.kills.grounds import simulated

FOUND = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc")


@pytest.fixture
def address() -> Iterator[str]:
    """Serve many accounts, none of them fast, so that kills meet imports at work."""
    with simulated("accounts=99", "latency=fixed:0.2", "rate=100000") as base_url:
        yield base_url


@pytest.mark.slow
@FOUND
def test_a_killed_driver_is_run_again(tmp_path: Path, address: str) -> None:
    """SIGKILL at three moments: the children end by themselves, the next run goes on in the same round, none twice."""
    ground = Ground(folder=tmp_path, base_url=address)
    ground.write()
    for begun in (1, 3, 5):
        process = ground.start()
        ground.wait_for_running(process, begun)
        mine = below(process.pid)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if begun == 5:
            gone(mine)  # the others are met while they are still draining
    status, out, err = ground.run()
    assert status == 0, err
    assert "imports: 6 done" in out
    assert {line["round"] for line in ground.history()} == {1}
    assert ground.violations() == []
    with_nothing_to_do = ground.run("--json")
    told = json.loads(with_nothing_to_do[1])
    assert (with_nothing_to_do[0], told["round"], told["books"]["skipped"]) == (0, 2, 720)


@pytest.mark.slow
@FOUND
def test_a_stopped_driver_stops_its_children_and_goes_on(tmp_path: Path, address: str) -> None:
    """SIGTERM: status 143, children gone when the driver is, status tells what waits; the next run goes on."""
    ground = Ground(folder=tmp_path, base_url=address, accounts=2, each=1, rows=2_000)
    ground.write()
    process = ground.start()
    ground.wait_for_running(process, 2)
    assert _second_driver(ground) == 10
    mine = below(process.pid)
    process.terminate()
    _, err = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 143, err
    assert not [pid for pid in mine if there(pid)]
    seen = json.loads(ground.run("status", "--json")[1])
    assert (seen["driver"], seen["ended"], set(seen["states"])) == (None, False, {"cut_off"})
    assert ground.run()[0] == 0
    assert ground.violations() == []
    page = (ground.directory / "fleet.html").read_text()
    assert "Every import is done" in page
    assert "account-1" not in page + (ground.directory / "history.jsonl").read_text()
    figures = (ground.directory / "fleet.prom").read_text()
    assert 'fleet_imports{account="a1",state="done"} 1' in figures


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="environments are read in /proc")
def test_a_child_is_given_no_token_but_its_own(tmp_path: Path, address: str) -> None:
    """Whoever may look into a child or its fork server finds no other account's token, in environment and memory."""
    ground = Ground(folder=tmp_path, base_url=address, accounts=2, each=1, rows=2_000)
    ground.write()
    process = ground.start()
    ground.wait_for_running(process, 2)
    server = _fork_server(process.pid, tmp_path)
    pids = [server, *children(server)]
    given = [[word for word in environment(pid) if b"TOKEN" in word] for pid in pids]
    seen = [[holds(pid, f"account-{number}".encode()) for number in (1, 2)] for pid in pids]
    process.terminate()
    process.communicate(timeout=ENOUGH_S)
    assert given == [[], [], []]
    assert (seen[0], sorted(seen[1:])) == ([False, False], [[False, True], [True, False]])


@pytest.mark.slow
@pytest.mark.skipif(not platforms.can_fork(), reason="no fork server where processes have no descriptors")
def test_a_killed_fork_server_costs_a_try(tmp_path: Path, address: str) -> None:
    """Its imports count as lost, are stopped, and begun again by a new server: nothing twice, none missing."""
    ground = Ground(folder=tmp_path, base_url=address, accounts=2, each=1, rows=2_000)
    ground.write()
    process = ground.start()
    ground.wait_for_running(process, 2)
    os.kill(_fork_server(process.pid, tmp_path), signal.SIGKILL)
    _, err = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 0, err
    lost = [line for line in ground.history() if line["state"] == "waiting"]
    assert {(line["import"], line["losses"]) for line in lost} == {("i1-0", 1), ("i2-0", 1)}
    assert "was lost" in lost[0]["reason"]
    assert ground.violations() == []


def _fork_server(driver: int, folder: Path) -> int:
    """Return the process that forks the imports, when two of them have begun their ledgers."""
    until = time.monotonic() + ENOUGH_S
    while len(list(folder.glob("*.ledger"))) < 2:
        assert time.monotonic() < until
        time.sleep(0.02)  # the imports are processes of another
    (server,) = children(driver)
    return server


def _second_driver(ground: Ground) -> int:
    """Start a second driver on the fleet; return its status, having looked at what it says."""
    status, _, err = ground.run()
    assert "is held by another run (process" in err
    return status


@pytest.mark.slow
def test_one_import_by_name_needs_no_driver(tmp_path: Path, address: str) -> None:
    """--only runs one import, ends with its status, and a broken one tells why."""
    ground = Ground(folder=tmp_path, base_url=address, accounts=1, each=2, rows=3)
    ground.write()
    assert ground.run("--only", "i1-0")[0] == 0
    assert not (ground.directory / "round.json").exists()
    (tmp_path / "i1-1.csv").unlink()
    status, _, err = ground.run("--only", "1")
    assert status == 3
    assert "i1-1: failed" in err


def test_a_dry_run_lists_and_leaves_nothing(tmp_path: Path) -> None:
    """What would run is listed with its index, and no folder is made."""
    ground = Ground(folder=tmp_path, base_url="http://127.0.0.1:9", accounts=1, each=2, rows=1)
    ground.write()
    status, out, _ = ground.run("--dry-run")
    assert (status, out.splitlines()[1].split()[:2]) == (0, ["1", "i1-1"])
    assert not ground.directory.exists()
