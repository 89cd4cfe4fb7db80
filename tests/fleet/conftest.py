"""What the tests of fleets share: a slow server, fleets whose commands end with the test, and a fork server."""

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.fleet.fleet_ground import Ground
from tests.fleet.forks import Forks
from tests.fleet.on_cluster import NOWHERE, Make
from tests.kills.grounds import simulated


@pytest.fixture
def slow_server() -> Iterator[str]:
    """Serve many accounts, none of them fast, so that losses meet imports at work."""
    with simulated("accounts=99", "latency=fixed:0.4", "rate=100000") as base_url:
        yield base_url


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make fleets, each in a folder of its own, and kill what they leave at work."""
    made: list[Ground] = []

    def one(engine: str, *more: str, base_url: str = NOWHERE, accounts: int = 3, rows: int = 600) -> Ground:
        folder = tmp_path / f"fleet-{len(made)}"
        folder.mkdir()
        ground = Ground(
            folder=folder, base_url=base_url, engine=engine, at_once=50, accounts=accounts, rows=rows, each=1,
            tokens="file", more=more or ("worker_ttl = 20",),
        )  # fmt: skip
        ground.write()
        made.append(ground)
        return ground

    yield one
    for ground in made:
        ground.stop()


@pytest.fixture
async def forks(tmp_path: Path) -> AsyncIterator[Forks]:
    """Give a server; at the end it and its children are gone."""
    found = Forks(tmp_path)
    yield found
    for child in found.at_work:
        child.send(signal.SIGKILL)
        await child.aclose()
    found.server.close()
