"""`adopt`: campaigns of the account become known, so that the next run makes no twins; whole runs."""

from typing import Any

import anyio
import pytest

from importer.admission import AdmissionPolicy
from importer.adopting import adopt_plan
from importer.errors import ExitStatus
from importer.hubspot.transport import HubSpotTransport
from importer.inspecting import verify
from importer.records import RecordPolicy
from importer.report.books import Summary, Tally
from importer.simulator.server import Simulator
from importer.stopping import Stop
from tests.modes.test_upsert import feed, night, notes
from tests.pipeline.conftest import World, made

pytestmark = pytest.mark.anyio
BY_NAME = RecordPolicy(key=("hs_name",))


async def adopt(world: World, simulator: Simulator, records: RecordPolicy, **changes: Any) -> Summary:
    """Adopt once."""
    plan = world.make_plan(simulator.base_url, records=records, **changes)
    transport = HubSpotTransport(plan.token, plan.transport)
    try:
        with anyio.fail_after(60):
            return await adopt_plan(plan, transport, tally=Tally(), stop=Stop())
    finally:
        await transport.aclose()


async def test_after_a_lost_ledger_only_what_is_new_is_created(world: World, tmp_path: Any) -> None:
    """The ledger is deleted, the account adopted by the key: the next night creates only what is new."""
    async with world.simulator() as simulator:
        await night(world, simulator, feed(230))
        world.ledger.rename(tmp_path / "lost")
        summary = await adopt(world, simulator, BY_NAME)
        assert (summary.status, summary.counts["adopted"], summary.counts["requests"]) == (0, 230, 5)
        after = await night(world, simulator, feed(231, n7="new"))
        assert (after.books.created, after.books.updated, after.books.skipped) == (1, 1, 229)
        assert set(made(simulator).values()) == {1}
        assert notes(simulator)["C7"] == "new"
    assert verify(world.ledger) == []


async def test_adopting_again_takes_only_what_came_since(world: World) -> None:
    """It is idempotent, and knows what the ledger's own runs made."""
    async with world.simulator() as simulator:
        simulator._account.make([{"hs_name": f"Old {n}"} for n in range(150)], request=0, foreign=True)
        assert (await adopt(world, simulator, BY_NAME)).counts["adopted"] == 150
        await night(world, simulator, feed(60))
        simulator._account.make([{"hs_name": "Newer"}], request=0, foreign=True)
        again = await adopt(world, simulator, BY_NAME)
        assert (again.counts["adopted"], again.counts["known"]) == (1, 210)
    assert verify(world.ledger) == []


async def test_another_key_than_the_adopted_one_stops_the_run(world: World) -> None:
    """Nothing is sent: known by another key, every adopted campaign would be made again."""
    other = RecordPolicy(key=("hs_notes",))
    async with world.simulator() as simulator:
        simulator._account.make([{"hs_name": "C1", "hs_notes": "theirs"}], request=0, foreign=True)
        await adopt(world, simulator, BY_NAME)
        summary = await world.run(simulator, world.source(feed(3)), records=other)
        assert (summary.status, summary.books.created) == (ExitStatus.USAGE, 0)
        assert "by the key hs_name, and this run would know them by the key hs_notes" in (summary.reason or "")
        keyless = await world.run(simulator, world.source(feed(3)))
        assert (keyless.status, len(simulator.truth)) == (ExitStatus.USAGE, 1)
        accepted = AdmissionPolicy(accept_new_identities=True)
        assert (await world.run(simulator, world.source(feed(3)), records=other, admission=accepted)).books.created == 3


async def test_adopting_by_another_key_than_the_runs_stops(world: World) -> None:
    """The ledger's campaigns would be known by two keys; nothing is adopted."""
    async with world.simulator() as simulator:
        await night(world, simulator, feed(3))
        summary = await adopt(world, simulator, RecordPolicy(key=("hs_notes",)))
        assert (summary.status, summary.counts["adopted"]) == (ExitStatus.USAGE, 0)
    assert verify(world.ledger) == []


async def test_a_keyed_run_after_a_keyless_adoption_stops(world: World) -> None:
    """Known by their names only, adopted campaigns guard nothing in a run with a key."""
    async with world.simulator() as simulator:
        simulator._account.make([{"hs_name": "C1"}], request=0, foreign=True)
        await adopt(world, simulator, RecordPolicy())
        summary = await night(world, simulator, feed(3))
        assert (summary.status, len(simulator.truth)) == (ExitStatus.USAGE, 1)
        assert "by their names" in (summary.reason or "")


async def test_without_a_key_an_adopted_campaign_guards_by_its_name(world: World) -> None:
    """A keyless row of an adopted name is held back, a row of another name is made."""
    async with world.simulator() as simulator:
        simulator._account.make([{"hs_name": "C1", "hs_notes": "theirs"}], request=0, foreign=True)
        assert (await adopt(world, simulator, RecordPolicy())).counts["adopted_by"]["name"] == 1
        summary = await world.run(simulator, world.source(feed(3)))
        assert (summary.books.created, summary.books.failed) == (2, 1)
        assert world.rows("failures.jsonl")[-1]["code"] == "name_exists"


async def test_the_correlation_property_rebuilds_a_lost_ledger(world: World, tmp_path: Any) -> None:
    """Rows keyed by a column which the account does not show are known again by the property that carries them."""
    records = RecordPolicy(key=("Id",), correlation="import_key", allow_properties=frozenset({"Id"}))
    async with world.simulator("custom_properties=import_key,Id") as simulator:
        source = world.source([row | {"Id": f"x{n}"} for n, row in enumerate(feed(5))])
        upsert = AdmissionPolicy(mode="upsert")
        await world.run(simulator, source, records=records, admission=upsert)
        world.ledger.rename(tmp_path / "lost")
        lost = RecordPolicy(correlation="import_key", allow_properties=frozenset({"Id"}))
        assert (await adopt(world, simulator, lost)).counts["adopted_by"]["key"] == 5
        source = world.source([row | {"Id": f"x{n}"} for n, row in enumerate(feed(6, n2="new"))])
        summary = await world.run(simulator, source, records=records, admission=upsert)
        assert (summary.books.created, summary.books.updated, summary.books.skipped) == (1, 1, 4)


async def test_a_listing_that_fails_is_said_and_taken_up_again(world: World) -> None:
    """A fault on a page costs a request; what was adopted before stays."""
    async with world.simulator("list/504@3") as simulator:
        simulator._account.make([{"hs_name": f"Old {n}"} for n in range(250)], request=0, foreign=True)
        assert (await adopt(world, simulator, BY_NAME)).counts["adopted"] == 250
