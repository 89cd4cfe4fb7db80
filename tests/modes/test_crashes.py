"""A crash at every write of the journal, in nights that update and in adoptions: nothing twice, nothing lost."""

import pytest

from importer.inspecting import status, verify
from importer.ledger.replay import JOURNAL
from tests.modes.test_adopt import BY_NAME, adopt
from tests.modes.test_upsert import feed, night, notes
from tests.pipeline.conftest import World, made

pytestmark = pytest.mark.anyio


def cut_after(world: World, lines: int) -> None:
    """Leave what a machine leaves that died when so many lines of the journal were durable, the next one torn."""
    journal = world.ledger / JOURNAL
    whole = journal.read_bytes().splitlines(keepends=True)
    torn = whole[lines][: len(whole[lines]) // 2] if lines < len(whole) else b""
    journal.write_bytes(b"".join(whole[:lines]) + torn)


def durable_lines(world: World) -> int:
    """Return how many lines the journal has."""
    return (world.ledger / JOURNAL).read_bytes().count(b"\n")


async def test_a_night_of_updates_cut_at_every_write_goes_on(world: World) -> None:
    """The updates reached HubSpot, the journal ends anywhere after the first night: the next run agrees."""
    wanted = {row["hs_name"]: row["hs_notes"] for row in feed(7, n1="a", n2="b")}
    async with world.simulator() as simulator:
        await night(world, simulator, feed(7))
        before = durable_lines(world)
        await night(world, simulator, feed(7, n1="a", n2="b"))
        for lines in range(durable_lines(world) - 1, before - 1, -1):
            cut_after(world, lines)
            summary = await night(world, simulator, feed(7, n1="a", n2="b"))
            assert (summary.status, summary.books.read) == (0, 7)
            assert summary.books.created == summary.books.failed == summary.counts["conflicts"] == 0
            assert notes(simulator) == wanted
            assert set(made(simulator).values()) == {1}
            assert verify(world.ledger) == []


async def test_an_adoption_cut_at_every_write_goes_on(world: World) -> None:
    """What was not durable is adopted by the next call, and nothing twice."""
    async with world.simulator() as simulator:
        simulator._account.make([{"hs_name": f"C{n}"} for n in range(250)], request=0, foreign=True)
        await adopt(world, simulator, BY_NAME)
        for lines in range(durable_lines(world) - 1, 0, -1):
            cut_after(world, lines)
            summary = await adopt(world, simulator, BY_NAME)
            assert summary.counts["adopted"] + summary.counts["known"] == 250
            ids = [row["id"] for row in world.rows("results.jsonl")]
            assert len(ids) == len(set(ids)) == 250
            assert verify(world.ledger) == []


async def test_an_update_that_was_not_answered_is_found_by_the_next_run(world: World) -> None:
    """The process died between the update's intent and its outcome: the next run reads the campaigns and says so."""
    async with world.simulator() as simulator:
        await night(world, simulator, feed(3))
        await night(world, simulator, feed(3, n0="a"))
        kinds = [line.split(b'"t":"')[1].split(b'"')[0] for line in (world.ledger / JOURNAL).read_bytes().splitlines()]
        cut_after(world, kinds.index(b"update") + 1)
        assert status(world.ledger)["updating"] == 1
        summary = await night(world, simulator, feed(3, n0="a"))
        assert status(world.ledger)["updating"] == 0
        assert (summary.counts["recovered"], summary.books.skipped, summary.books.updated) == (1, 3, 0)
