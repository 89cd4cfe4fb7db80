"""One import as a process, forked or executed: both are told alike, and both are stopped."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from importer import platforms
from importer.fleet import places
from importer.fleet.child import _told, run_child, run_of_fleet
from importer.fleet.file import read_fleet
from importer.fleet.fork_server import ForkServer
from importer.fleet.forking import SERVER
from importer.fleet.model import Ended, Import, Job
from importer.sharing.account_lock import account_held
from importer.version import VERSION
from tests.fleet.fleet_ground import ENOUGH_S, Ground
from tests.fleet.in_proc import below, command_line, there
from tests.kills.grounds import simulated

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
TOKENS = {**os.environ, "TOKEN_1": "account-1", "TOKEN_2": "account-2"}


@pytest.fixture
def address() -> Iterator[str]:
    """Serve many accounts, none of them fast."""
    with simulated("accounts=9", "latency=fixed:0.1", "rate=100000") as base_url:
        yield base_url


@pytest.fixture(params=["executed", "forked"])
def forks(request: pytest.FixtureRequest) -> Iterator[ForkServer | None]:
    """Give a fork server or none."""
    if request.param == "executed":
        yield None
        return
    if not platforms.can_fork():
        pytest.skip("no fork server where processes have no descriptors")
    server = ForkServer()
    yield server
    server.close()


def ground_of(folder: Path, address: str, **more: Any) -> Ground:
    """Write a fleet of two imports, of which the second's source is missing."""
    ground = Ground(folder=folder, base_url=address, accounts=2, each=1, **more)
    ground.write()
    (ground.directory / "logs").mkdir(parents=True)
    (ground.directory / "accounts").mkdir()
    (folder / "i2-0.csv").unlink()
    return ground


def job(ground: Ground, name: str) -> Job:
    """Return an import as it travels."""
    return Job(fleet_file=str(ground.file), import_name=name, version=VERSION)


async def test_both_ways_tell_the_same(tmp_path: Path, address: str, forks: ForkServer | None) -> None:
    """Done, a missing source, a token that is not set, an import that is not there, another version."""
    ground = ground_of(tmp_path, address, rows=3)
    fleet = read_fleet(ground.file)

    async def told(name: str, tokens: dict[str, str] = TOKENS) -> Ended:
        return replace(await run_of_fleet(job(ground, name), fleet, tokens, forks), where="")

    assert await told("i1-0") == Ended(status=0)
    assert json.loads((ground.directory / "logs" / "i1-0.json").read_text())["books"]["created"] == 3
    assert {path.stat().st_mode & 0o777 for path in (ground.directory / "logs").iterdir()} == {0o600}
    missing = await told("i2-0")
    assert (missing.status, missing.lost, "i2-0.csv" in str(missing.said)) == (3, None, True)
    nowhere = await told("i1-0", {"PATH": os.environ["PATH"]})
    assert (nowhere.status, nowhere.said) == (4, "account a1: TOKEN_1 is not set")
    assert "has no import x any more" in str((await told("x")).lost)
    other = await run_child(replace(job(ground, "i1-0"), version="0.0.0"), TOKENS)
    assert "the driver 0.0.0" in str(other.lost)


async def test_an_account_that_another_run_has_is_held(tmp_path: Path, address: str, forks: ForkServer | None) -> None:
    """Whoever holds the account's lock in the fleet's directory keeps its imports out, and nobody else's."""
    ground = ground_of(tmp_path, address, rows=3)
    fleet = read_fleet(ground.file)
    with anyio.fail_after(ENOUGH_S):
        async with account_held(Path(places.lock_of(fleet, fleet.accounts["a1"]))):
            held = await run_of_fleet(job(ground, "i1-0"), fleet, TOKENS, forks)
            other = await run_of_fleet(job(ground, "i2-0"), fleet, TOKENS, forks)
    assert (held.status, other.status) == (10, 3)
    assert "is held by another run" in str(held.said)
    assert ground.sent(1) == 0


def test_an_end_that_tells_nothing_is_a_loss() -> None:
    """A status that says the pass is complete is believed with a summary that says so; what ended it before is not."""
    for code in (0, 1, 6):
        for summary in ({}, {"status": 7}):
            assert _told(code, summary, "here").lost == f"its process ended with {code} and said nothing"
        assert _told(code, {"status": code}, "here") == Ended(status=code, where="here")
    assert _told(5, {}, "here") == Ended(status=5, where="here")


def test_a_death_by_a_signal_without_a_name_is_a_loss() -> None:
    """Real-time signals have none."""
    told = [_told(-number, {}, "here") for number in (9, 40)]
    assert told == [
        Ended(status=None, where="here", lost=f"its process was ended by {name}") for name in ("SIGKILL", "signal 40")
    ]


async def test_a_cancelled_import_is_stopped(tmp_path: Path, address: str, forks: ForkServer | None) -> None:
    """Its process is gone when the cancellation is over, and the next one goes on."""
    ground = ground_of(tmp_path, address, rows=2_000)
    fleet, before = read_fleet(ground.file), below(os.getpid())
    with anyio.fail_after(ENOUGH_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_of_fleet, job(ground, "i1-0"), fleet, TOKENS, forks)
            while not await anyio.Path(tmp_path / "i1-0.csv.ledger").exists():
                await anyio.sleep(0.02)
            tasks.cancel_scope.cancel()
        left = [pid for pid in below(os.getpid()) - before if there(pid)]
        assert [command_line(pid)[-1:] for pid in left] == ([[SERVER]] if forks else [])
        assert (await run_of_fleet(job(ground, "i1-0"), fleet, TOKENS, forks)).status == 0
    made = json.loads((ground.directory / "logs" / "i1-0.json").read_text())["books"]
    assert made["created"] + made["skipped"] == 2_000


@pytest.mark.parametrize("forks", ["forked"], indirect=True)  # one that is executed reads the fleet file's own account
async def test_two_processes_of_one_import_do_not_speak_for_each_other(
    tmp_path: Path, address: str, forks: ForkServer | None
) -> None:
    """One that was given up as lost comes to its end while the next is at work: each is told by its own words alone.

    Here both may run, for account and ledger are two; the words of the first are more, for its ledger's path is long.
    """
    ground = ground_of(tmp_path, address, rows=2_000)
    (tmp_path / "few.csv").write_text("hs_name\n" + "".join(f"few {n}\n" for n in range(800)))
    fleet, ends = read_fleet(ground.file), dict[str, Ended]()
    one = fleet.imports[0]
    lost = replace(one, account="a2", sources=(str(tmp_path / "few.csv"),), ledger=str(tmp_path / ("x" * 200)))

    async def run(which: Import) -> None:
        known = replace(fleet, imports=(which,))
        ends[which.account] = await run_of_fleet(job(ground, "i1-0"), known, TOKENS, forks)

    with anyio.fail_after(ENOUGH_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run, lost)
            while not await anyio.Path(lost.ledger, "journal.jsonl").exists():
                await anyio.sleep(0.02)
            tasks.start_soon(run, one)
    assert {account: (end.status, end.lost) for account, end in ends.items()} == {"a1": (0, None), "a2": (0, None)}
