"""Updates while HubSpot is away, refuses the rate or never lets one campaign change; whole runs."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import anyio
import pytest

from importer.admission import AdmissionPolicy
from importer.errors import ExitStatus
from importer.hubspot.exchange import Exchange, Reply
from importer.hubspot.transport import HubSpotTransport
from importer.inspecting import verify
from importer.ledger.made import updates
from importer.outage import OutagePolicy
from importer.pipeline import run_plan
from importer.report.books import Tally
from importer.simulator.policy import SimulatorPolicy
from importer.simulator.server import Simulator
from importer.stopping import Stop
from tests.modes.test_adopt import BY_NAME
from tests.modes.test_upsert import feed, night, notes
from tests.pipeline.conftest import World

pytestmark = pytest.mark.anyio
UPSERT = AdmissionPolicy(mode="upsert")


@pytest.mark.parametrize("fault", ["update/503_before:1.0", "update/504_before:1.0", "read/503:1.0"])
async def test_a_night_in_which_nothing_can_be_updated_is_paused(world: World, tmp_path: Path, fault: str) -> None:
    """What was not updated is not passed over in silence: status 7, and the same command goes on."""
    wanted = feed(61, n3="new", n60="more")
    world.plan["outage"] = OutagePolicy(base_s=0.01, wait_max_s=0.02, outage_max_s=0.3)
    async with Simulator(SimulatorPolicy.from_strings([fault]), state=tmp_path / "portal") as simulator:
        await night(world, simulator, feed(60))
        summary = await night(world, simulator, wanted)
        assert (summary.status, summary.books.created, summary.books.updated) == (ExitStatus.PAUSED, 1, 0)
        assert summary.books.not_sent + summary.books.in_doubt == 1
        assert "unavailable" in (summary.reason or "") or "reached" in (summary.reason or "")
    port = int(simulator.base_url.rpartition(":")[2])
    async with Simulator(port=port, state=tmp_path / "portal") as simulator:
        summary = await night(world, simulator, wanted)
        assert (summary.status, summary.books.updated, summary.books.skipped) == (ExitStatus.OK, 1, 60)
        assert notes(simulator) == {row["hs_name"]: row["hs_notes"] for row in wanted}
    assert verify(world.ledger) == []


async def test_rolling_429s_cost_no_reading(world: World) -> None:
    """A refusal for the rate says that nothing was written: the same update is sent again, as often as it takes."""
    async with world.simulator("update/429@1-7") as simulator:
        await night(world, simulator, feed(10))
        summary = await night(world, simulator, feed(10, n1="a"))
        assert (summary.status, summary.books.updated, summary.counts["throttled"]) == (0, 1, 7)
        assert sum(seen.operation == "read" for seen in simulator.requests) == 1


class _Poisoned(HubSpotTransport):
    """HubSpot fails each update that holds one campaign, and does nothing."""

    poison = b""

    async def update(self, body: bytes) -> Exchange:
        """Send the update, unless the campaign is in it."""
        if self.poison not in body:
            return await super().update(body)
        now = anyio.current_time()
        return Reply(status=500, body=b"{}", sent_at=now, answered_at=now)


async def test_one_campaign_that_never_changes_fails_alone(world: World) -> None:
    """Tried often while others are updated, it is told apart from them and fails as `exhausted`."""
    changed = {f"n{n}": "new" for n in range(0, 60, 2)}
    async with world.simulator() as simulator:
        await night(world, simulator, feed(120))
        plan = world.make_plan(
            simulator.base_url, world.source(feed(120, **changed, n100="x")), records=BY_NAME, admission=UPSERT,
            outage=OutagePolicy(base_s=0.001, wait_max_s=0.002, outage_max_s=20.0), workers=1,
        )  # fmt: skip
        transport = _Poisoned(plan.token, plan.transport)
        at = [one.properties["hs_name"] for one in simulator.truth].index("C4")
        transport.poison = simulator.truth.ids[at].encode()
        try:
            with anyio.fail_after(60):
                summary = await run_plan(plan, transport, tally=Tally(), stop=Stop())
        finally:
            await transport.aclose()
        assert (summary.status, summary.books.updated, summary.books.failed) == (ExitStatus.SOME_FAILED, 30, 1)
        assert summary.counts["codes"] == {"exhausted": 1}
        assert notes(simulator)["C4"] == "note 4"
    assert verify(world.ledger) == []


class _Late(HubSpotTransport):
    """The first update gets 504 and lands when its campaigns are read for the third time."""

    held: bytes | None = None
    reads = 0

    async def update(self, body: bytes) -> Exchange:
        """Hold the first update back."""
        if self.held is not None:
            return await super().update(body)
        self.held, now = body, anyio.current_time()
        return Reply(status=504, body=b"{}", sent_at=now, answered_at=now)

    async def read(self, ids: Sequence[str], properties: Sequence[str]) -> Exchange:
        """Read; before the third time what was held back lands."""
        self.reads += 1
        if self.reads == 3:
            await super().update(self.held or b"")
        return await super().read(ids, properties)


async def test_an_update_that_lands_after_it_was_looked_for_is_booked_as_one(world: World) -> None:
    """What the first look does not show and the next does was written by us: a row of results, listed by undo."""
    async with world.simulator() as simulator:
        await night(world, simulator, feed(10))
        plan = world.make_plan(
            simulator.base_url, world.source(feed(10, n1="a", n2="b")), records=BY_NAME, admission=UPSERT,
            outage=OutagePolicy(base_s=0.001, wait_max_s=0.002, outage_max_s=20.0), workers=1,
        )  # fmt: skip
        transport = _Late(plan.token, plan.transport)
        try:
            summary = await run_plan(plan, transport, tally=Tally(), stop=Stop())
        finally:
            await transport.aclose()
        assert (summary.status, summary.books.updated, summary.books.skipped) == (ExitStatus.OK, 2, 8)
        assert transport.reads == 3
    rows = [json.loads(line) for line in (world.ledger / "results.jsonl").read_text().splitlines()]
    listed = [one.id for one in updates(world.ledger)]
    assert len(listed) == 2
    assert [row["id"] for row in rows if row["via"] == "update"] == listed
    assert verify(world.ledger) == []


async def test_updates_and_their_readings_go_through_the_gate(world: World) -> None:
    """With one worker no two requests are ever on their way at once, reads and updates among them."""
    async with world.simulator("latency=fixed:0.01") as simulator:
        await night(world, simulator, feed(300), recreate_missing=True)
        before = len(simulator.requests)
        world.plan["workers"] = 1
        await night(world, simulator, feed(400, **{f"n{n}": "new" for n in range(300)}))
        seen = simulator.requests[before:]
    assert {one.operation for one in seen} == {"list", "account", "create", "read", "update"}
    assert all(first.ended is not None and first.ended <= then.arrived for first, then in pairwise(seen))
