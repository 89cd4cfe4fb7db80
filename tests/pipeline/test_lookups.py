"""Listings that lie, lag or fail while something is in doubt: nothing twice, and what cannot be told is said."""

import time

import pytest

from importer.errors import ExitStatus
from importer.inspecting import verify
from importer.simulator.clock import Clock
from importer.simulator.policy import SimulatorPolicy
from importer.simulator.server import Simulator
from tests.pipeline.conftest import World, made


@pytest.mark.parametrize(
    "weather",
    ["list/500:0.4", "list/503@2-4", "list/stuck_cursor@2-3", "list/short_page:0.5", "list/doubled_page:0.5",
     "list/429@2", "list/reset_before@2", "list/not_json@2", "list/timeout@2",
     "list_lag_s=0.2", "clock_skew_s=-3600", "clock_skew_s=90000", "date_skew_s=2"],
)  # fmt: skip
@pytest.mark.parametrize("fault", ["504_after_commit@2", "half_commit@2", "reset_before@2"])
async def test_listings_in_bad_weather(world: World, weather: str, fault: str) -> None:
    """A batch in doubt under a listing that fails, lags or repeats itself ends as it was: every campaign once."""
    source = world.campaigns(160)

    async with world.simulator("seed=2", fault, weather) as simulator:
        summary = await world.run(simulator, source)

        assert made(simulator) == {f"Campaign {n}": 1 for n in range(160)}
    assert (summary.status, summary.books.created) == (ExitStatus.OK, 160)
    assert verify(world.ledger) == []


async def test_a_listing_that_never_answers_leaves_the_batch_unresolved(world: World) -> None:
    """What lookups cannot tell within the settle maximum is unresolved, and no later run sends it by itself."""
    source = world.campaigns(60)

    async with world.simulator("504_after_commit@1", "list/500@2-9999") as simulator:
        first = await world.run(simulator, source)
    assert first.status == ExitStatus.UNRESOLVED
    assert first.books.unresolved == 50
    assert {row["state"] for row in world.rows("failures.jsonl")} == {"unresolved"}
    assert all(row["properties"]["hs_name"] == row["name"] for row in world.rows("failures.jsonl"))


async def test_a_campaign_of_the_name_with_other_values_is_named_not_taken(world: World) -> None:
    """Somebody else's campaign of the same name proves nothing either way: unresolved, and it is named."""
    source = world.source([{"hs_name": "Spring", "hs_notes": "ours"}])

    async with world.simulator("reset_before@1") as simulator:
        strange = simulator.add_foreign({"hs_name": "Spring", "hs_notes": "theirs"})
        await world.run(simulator, source)

    (row,) = world.rows("failures.jsonl")
    assert row["state"] == "unresolved"
    assert strange in row["message"]


async def test_a_twin_that_existed_before_is_not_taken_for_ours(world: World) -> None:
    """An equal campaign from before the intent is not ours: the record is made, and the old one left alone."""
    source = world.source([{"hs_name": "Spring", "hs_notes": "ours"}])
    ago_s = 86_400.0
    clock = Clock(now=lambda: time.time() - ago_s)

    async with Simulator(SimulatorPolicy.from_strings(["reset_before@1"]), clock=clock) as simulator:
        old = simulator.add_foreign({"hs_name": "Spring", "hs_notes": "ours"})
        ago_s = 0.0
        summary = await world.run(simulator, source)

        assert made(simulator) == {"Spring": 1}
    assert summary.books.created == 1
    assert old not in {row["id"] for row in world.rows("results.jsonl")}
