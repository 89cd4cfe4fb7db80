"""Workers that find their own number, in whole runs on the clock that jumps."""

from itertools import accumulate
from pathlib import Path
from typing import Any

import anyio
import pytest

from importer.errors import ExitStatus
from importer.pacing import RatePolicy
from importer.pipeline import run_plan
from importer.plan import Plan
from importer.report.books import Tally
from importer.simulator.desk import Seen
from importer.stopping import Stop
from tests.weather.virtual import EPOCH_S, JumpingClock, Portal, portal, wall

LATENCY = "latency=uniform:0.08-0.12"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run on the clock that jumps."""
    return "trio", {"clock": JumpingClock()}


class Watch:
    """A run, and how many creates were on their way when."""

    def __init__(self, folder: Path, batches: int, *, requests: int, workers: int | None = None) -> None:
        self.rows, self.tally = 50 * batches, Tally()
        source = folder / "campaigns.csv"
        source.write_text("hs_name\n" + "".join(f"Campaign {n}\n" for n in range(self.rows)))
        rate = RatePolicy(requests=requests)
        self.plan = Plan(sources=(str(source),), ledger=folder / "ledger", token=lambda: "token", rate=rate,
                         workers=workers)  # fmt: skip
        self.creates: list[Seen] = []

    async def run(self, hubspot: Portal) -> None:
        """Import everything."""
        summary = await run_plan(self.plan, hubspot, tally=self.tally, stop=Stop(), wall=wall)
        assert (summary.status, summary.books.created) == (ExitStatus.OK, self.rows)
        self.creates = [one for one in hubspot.seen if one.operation == "create"]

    def busiest(self, since_s: float = 0.0, until_s: float = 1e9) -> int:
        """Return the most creates on their way at one moment of a part of the run, which is in seconds."""
        part = [one for one in self.creates if since_s <= one.arrived - EPOCH_S < until_s]
        steps = [(one.arrived, 1) for one in part] + [(one.ended or 0.0, -1) for one in part]
        return max(accumulate(step for _, step in sorted(steps)), default=0)


async def test_a_server_without_a_limit_gets_all_workers(tmp_path: Path) -> None:
    """At 100 ms and without a limit the number doubles from 8 to the most, within the first seconds."""
    watch = Watch(tmp_path, 300, requests=100_000)
    async with portal(LATENCY) as hubspot:
        await watch.run(hubspot)
    assert watch.busiest() == watch.plan.concurrency.most == watch.tally.workers
    assert max(one.arrived for one in watch.creates) - watch.creates[0].arrived < 2.0


async def test_at_the_rate_there_are_as_many_as_it_needs(tmp_path: Path) -> None:
    """19 requests a second at 100 ms need 2 on their way: about twice that and a few more are allowed, all is used."""
    watch = Watch(tmp_path, 390, requests=100)
    async with portal("rate=190", LATENCY) as hubspot:
        await watch.run(hubspot)
        assert [one for one in hubspot.seen if one.status == 429] == []
    assert 19 * 0.1 <= watch.tally.workers <= 2 * 19 * 0.12 + 4
    arrived = [one.arrived for one in watch.creates]
    assert 10.0 <= arrived[380] - arrived[190] <= 10.3


async def test_a_number_of_the_user_s_is_kept(tmp_path: Path) -> None:
    """`--workers 3` means 3, also where many more would be borne."""
    watch = Watch(tmp_path, 100, requests=100_000, workers=3)
    async with portal(LATENCY) as hubspot:
        await watch.run(hubspot)
    assert watch.busiest() == watch.tally.workers == 3


async def test_a_storm_shrinks_them_and_recovery_grows_them(tmp_path: Path) -> None:
    """423 for half a minute: the least is left of them. When it is over, they grow again."""
    watch = Watch(tmp_path, 650, requests=100_000)
    seen: list[int] = []

    async def weather(hubspot: Portal) -> None:
        await anyio.sleep(1.0)
        seen.append(watch.tally.workers)
        hubspot.weather("create/423:1")
        await anyio.sleep(30.0)
        seen.append(watch.tally.workers)
        hubspot.weather()

    async with portal(LATENCY) as hubspot, anyio.create_task_group() as beside:
        beside.start_soon(weather, hubspot)
        await watch.run(hubspot)
    assert seen == [64, 2]
    assert watch.tally.workers > 16
    assert watch.busiest(since_s=20.0, until_s=31.0) <= 2
