"""Runs that nobody watches end in time, at too many failures, at their share of the day, with the status asked for."""

from typing import Any

import pytest

from importer import runs
from importer.amounts import FailureLimit
from importer.errors import ExitStatus
from importer.limits import RunLimits
from importer.report.books import Summary, Tally
from importer.stopping import Stop

#: Two campaigns, and a row without a name.
THREE = [{"hs_name": "A", "hs_notes": "a"}, {"hs_name": "", "hs_notes": "b"}, {"hs_name": "B", "hs_notes": "c"}]


async def run(world: Any, simulator: Any, source: Any, **limits: Any) -> Summary:
    """Run once, as a user's run does, with limits."""
    plan = world.make_plan(simulator.base_url, source, limits=RunLimits(**limits))
    return await runs.run(plan, tally=Tally(), stop=Stop())


async def test_a_run_whose_time_is_over_stops_and_is_gone_on_with(world: Any) -> None:
    """Status 7, books that balance, a reason; the next run makes the rest, and nothing twice."""
    source = world.campaigns(600)
    async with world.simulator("latency=fixed:0.05") as simulator:
        first = await run(world, simulator, source, duration_s=0.1)
        second = await run(world, simulator, source)
    first.books.check()
    assert first.status is ExitStatus.PAUSED
    assert "--max-duration 0.1s" in (first.reason or "")
    assert second.status is ExitStatus.OK
    assert first.books.created + second.books.created + second.counts["recovered"] == 600
    assert len(simulator.truth) == 600


async def test_too_many_broken_rows_stop_a_run_before_it_sends(world: Any) -> None:
    """A wrong mapping is noticed in the first chunk: status 8, and no campaign was made."""
    source = world.source([{"hs_name": f"C {n}" if n % 2 else "", "hs_notes": f"{n}"} for n in range(400)])
    async with world.simulator() as simulator:
        summary = await run(world, simulator, source, failures=FailureLimit(rows=10))
    summary.books.check()
    assert summary.status is ExitStatus.THRESHOLD
    assert summary.books.not_sent == 200
    assert len(simulator.truth) == 0
    assert "more than --max-failures 10 permits" in (summary.reason or "")


async def test_refusals_of_hubspot_count_too(world: Any) -> None:
    """Rows that HubSpot refuses stop the run as well, and what was made stands in the books."""
    rows = [{"hs_name": f"poison {n}"} for n in range(3)] + [{"hs_name": f"C {n}"} for n in range(2000)]
    async with world.simulator("poison=poison") as simulator:
        summary = await run(world, simulator, world.source(rows), failures=FailureLimit(rows=2))
    summary.books.check()
    assert summary.status is ExitStatus.THRESHOLD
    assert summary.books.failed == 3
    assert len(simulator.truth) == summary.books.created


async def test_a_share_is_judged_at_the_end_of_a_short_source(world: Any) -> None:
    """Too few rows to judge while reading: they are sent, and the status is 8 all the same."""
    source = world.source(THREE)
    async with world.simulator() as simulator:
        summary = await run(world, simulator, source, failures=FailureLimit(share=0.05))
    assert summary.status is ExitStatus.THRESHOLD
    assert summary.books.created == 2


async def test_the_rest_of_the_days_quota_is_left_to_others(world: Any) -> None:
    """With a share of half, half of the day's requests are still there when the run pauses."""
    source = world.campaigns(2_000)
    async with world.simulator("daily=40") as simulator:
        first = await run(world, simulator, source, quota_share=0.5)
        used = simulator.stats()["requests"]
        second = await run(world, simulator, source, quota_share=0.5)
    first.books.check()
    assert first.status is ExitStatus.PAUSED
    assert "--quota-share 50%" in (first.reason or "")
    assert 20 <= used <= 20 + 4  # up to one request for each worker is on its way when the share is used
    assert second.status is ExitStatus.PAUSED
    assert second.books.created == 0


async def test_a_server_that_tells_no_quota_is_said_so(world: Any) -> None:
    """With OAuth there is no such header: the run goes on, and the summary says that nothing limited it."""
    async with world.simulator() as simulator:
        summary = await run(world, simulator, world.campaigns(3), quota_share=0.5)
    assert summary.status is ExitStatus.OK
    assert any("--quota-share limited nothing" in notice for notice in summary.counts["notices"])


@pytest.mark.parametrize(
    ("fail_on", "statuses"),
    [
        ({"failed", "unresolved", "unexpected"}, (1, 1)),
        ({"unresolved"}, (0, 0)),
        ({"none"}, (0, 0)),
        ({"skipped"}, (0, 1)),
        ({"changed"}, (0, 0)),
    ],
)
async def test_which_outcomes_fail_a_run_is_the_users_to_say(world: Any, fail_on: set[str], statuses: Any) -> None:
    """A first run with a failed row, a second that skips: each has the status that was asked for."""
    source = world.source(THREE)
    async with world.simulator() as simulator:
        found = [await run(world, simulator, source, fail_on=frozenset(fail_on)) for _ in range(2)]
    assert tuple(int(summary.status) for summary in found) == statuses


async def test_a_change_can_fail_a_run(world: Any) -> None:
    """With a key, an edited row is skipped as changed: a status of its own when asked for."""
    source = world.source([{"hs_name": "A", "hs_notes": "old"}])
    records = world.make_plan("http://127.0.0.1:1").records
    keyed = type(records)(key=("hs_name",), key_space="test")
    async with world.simulator() as simulator:
        plan = world.make_plan(
            simulator.base_url, source, records=keyed, limits=RunLimits(fail_on=frozenset({"changed"}))
        )
        first = await runs.run(plan, tally=Tally(), stop=Stop())
        world.source([{"hs_name": "A", "hs_notes": "new"}])
        second = await runs.run(plan, tally=Tally(), stop=Stop())
    assert (int(first.status), int(second.status)) == (0, 1)
