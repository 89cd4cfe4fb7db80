"""A canary: the first batch goes alone, is looked at, and whatever ends the run there, the next one goes on."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from importer.canary import Seen, go_on, nobody_to_ask
from importer.errors import ExitStatus
from importer.inspecting import verify
from importer.simulator.server import Simulator
from importer.stopping import Stop
from tests.pipeline.conftest import World, made
from tests.schemas.conformity import complaints

Judge = Callable[[Seen], Awaitable[str | None]]


def watching(simulator: Simulator, seen: list[tuple[Seen, int]], judge: Judge = go_on) -> Judge:
    """Return a judge that notes what it is shown and how many campaigns there are then, and decides as `judge`."""

    async def look(shown: Seen) -> str | None:
        seen.append((shown, len(made(simulator))))
        return await judge(shown)

    return look


async def test_nothing_follows_before_the_judgement(world: World) -> None:
    """When the judge is asked, 50 campaigns are there and no more; then all of them, each once."""
    async with world.simulator() as simulator:
        seen: list[tuple[Seen, int]] = []
        summary = await world.run(simulator, world.campaigns(230), canary=watching(simulator, seen))
        assert [(shown.records, len(shown.compared), shown.differing, count) for shown, count in seen] == [
            (50, 50, 0, 50)
        ]
        assert set(made(simulator).values()) == {1}
    assert (summary.status, summary.books.created) == (ExitStatus.OK, 230)
    assert summary.counts["canary"] == {"records": 50, "created": 50, "failed": 0, "differing": 0}


async def test_a_run_that_is_stopped_there_goes_on_without(world: World) -> None:
    """Status 7 with the way on, the rest not sent, a sound ledger; the run without a canary makes the rest."""
    source = world.campaigns(230)
    async with world.simulator() as simulator:
        first = await world.run(simulator, source, canary=nobody_to_ask)
        assert (first.status, first.books.created, first.books.not_sent) == (ExitStatus.PAUSED, 50, 180)
        assert "without --canary" in str(first.hint)
        assert verify(world.ledger) == []
        assert complaints(world.ledger) == []
        assert [entry["t"] for entry in world.rows("journal.jsonl")][-1] == "stop"
        second = await world.run(simulator, source, canary=nobody_to_ask)
        assert (second.books.created, second.books.skipped, second.books.not_sent) == (50, 50, 130)
        third = await world.run(simulator, source)
        assert (third.status, third.books.created, third.books.skipped) == (ExitStatus.OK, 130, 100)
        assert set(made(simulator).values()) == {1}
        assert len(made(simulator)) == 230


async def test_what_hubspot_changes_is_marked(world: World) -> None:
    """A property that comes back otherwise differs, in each of the records; the others do not."""
    rows = [{"hs_name": f"Campaign {n}", "hs_campaign_status": "in_progress"} for n in range(60)]
    async with world.simulator("normalise=upper_status") as simulator:
        seen: list[tuple[Seen, int]] = []
        await world.run(simulator, world.source(rows), canary=watching(simulator, seen))
    ((shown, _count),) = seen
    assert shown.differing == 50
    assert len(shown.shown) == 3
    values = {value.name: value for value in shown.shown[0].values}
    assert values["hs_campaign_status"] == ("hs_campaign_status", "in_progress", "IN_PROGRESS", True)
    assert not values["hs_name"].differs


async def test_what_is_never_shown_is_no_difference(world: World) -> None:
    """HubSpot shows business units in another place: that they are missing under their name says nothing."""
    rows = [{"hs_name": f"Campaign {n}", "hs_business_unit_ids": "0"} for n in range(3)]
    async with world.simulator() as simulator:
        seen: list[tuple[Seen, int]] = []
        await world.run(simulator, world.source(rows), canary=watching(simulator, seen))
    ((shown, _count),) = seen
    assert shown.differing == 0
    assert {value.held for value in shown.shown[0].values if value.name == "hs_business_unit_ids"} == {None}


async def test_a_lost_answer_is_looked_up_first(world: World) -> None:
    """The judge is asked after the lookup, not before: 50 records are made, none twice."""
    async with world.simulator("504_after_commit@1") as simulator:
        seen: list[tuple[Seen, int]] = []
        summary = await world.run(simulator, world.campaigns(120), canary=watching(simulator, seen))
        assert [(shown.records, len(shown.compared), shown.unsettled, count) for shown, count in seen] == [
            (50, 50, 0, 50)
        ]
        assert set(made(simulator).values()) == {1}
    assert summary.counts["looks"] > 0
    assert summary.books.created == 120


async def test_a_refused_canary_is_shown_as_refused(world: World) -> None:
    """Each record that HubSpot refuses stands there with its code; the judge may stop the run."""
    async with world.simulator("207_named@1") as simulator:
        seen: list[tuple[Seen, int]] = []
        summary = await world.run(simulator, world.campaigns(120), canary=watching(simulator, seen, nobody_to_ask))
    ((shown, _count),) = seen
    assert shown.failed
    assert {row["code"] for row in shown.failed} <= {"refused", "refused_group"}
    assert len(shown.failed) + len(shown.compared) == 50
    assert (summary.books.failed, summary.books.created) == (len(shown.failed), len(shown.compared))
    assert summary.status is ExitStatus.PAUSED


async def test_the_only_batch_is_shown_and_not_asked_about(world: World) -> None:
    """Nothing is left to send: whatever the judge says, the run has ended well."""
    async with world.simulator() as simulator:
        seen: list[tuple[Seen, int]] = []
        summary = await world.run(simulator, world.campaigns(20), canary=watching(simulator, seen, nobody_to_ask))
    assert [(shown.records, shown.more) for shown, _ in seen] == [(20, False)]
    assert (summary.status, summary.books.created) == (ExitStatus.OK, 20)


async def test_without_the_right_to_read_the_answer_is_shown(world: World) -> None:
    """It is said that nothing was read back; what the answer showed otherwise is marked all the same."""
    rows = [{"hs_name": f"Campaign {n}", "hs_campaign_status": "in_progress"} for n in range(60)]
    async with world.simulator("scopes=marketing.campaigns.write", "normalise=upper_status") as simulator:
        seen: list[tuple[Seen, int]] = []
        await world.run(simulator, world.source(rows), canary=watching(simulator, seen))
    assert seen[0][0].unread == "the token may not read campaigns"
    assert seen[0][0].differing == 50


@pytest.mark.parametrize("switch", ["", "504_after_commit@1"])
async def test_a_kill_while_it_waits_loses_and_doubles_nothing(world: World, switch: str) -> None:
    """Cut off while the judge thinks, or while the answer is looked for: the next run makes the rest, each once."""
    source = world.campaigns(230)
    async with world.simulator(*filter(None, [switch])) as simulator:
        with anyio.CancelScope() as scope:

            async def cut(_seen: Seen) -> str | None:
                scope.cancel()
                await anyio.sleep_forever()
                return None

            await world.run(simulator, source, canary=cut)
        assert verify(world.ledger) == []
        summary = await world.run(simulator, source)
        assert summary.status is ExitStatus.OK
        assert len(made(simulator)) == 230
        assert set(made(simulator).values()) == {1}


async def test_a_stop_while_it_waits_is_a_stop(world: World) -> None:
    """Ctrl-C while the judge thinks ends the run as ever, and nothing more is sent."""
    stop = Stop()

    async def interrupt(_seen: Seen) -> str | None:
        stop.request("interrupted", ExitStatus.INTERRUPTED)
        await anyio.sleep_forever()
        return None

    async with world.simulator() as simulator:
        summary = await world.run(simulator, world.campaigns(230), canary=interrupt, stop=stop)
        assert len(made(simulator)) == 50
    assert (summary.status, summary.books.not_sent) == (ExitStatus.INTERRUPTED, 180)
