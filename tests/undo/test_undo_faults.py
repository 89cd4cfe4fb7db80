"""Undo in bad weather: whatever HubSpot answers, or does not, what is gone is known gone and what stands is known."""

from typing import Any

import anyio
import pytest

from importer.archiving import Fate
from importer.errors import ExitStatus
from importer.inspecting import status, verify
from importer.report.books import Tally
from importer.stopping import Stop
from importer.undone import Wish
from tests.undo.conftest import Undos, delete, fates, standing, words

COUNT = 60

#: Weather of one request, after which all is archived.
PASSING = [
    "archive/500@1", "archive/500_before@1", "archive/500_after_commit@1", "archive/504_before@1",
    "archive/504_after_commit@1", "archive/html_502@1", "archive/reset_before@1", "archive/reset_after_commit@1",
    "archive/timeout_before@1:1", "archive/timeout_after_commit@1:1", "archive/late_commit@1:0.2",
    "archive/late_commit_reset@1:0.2", "archive/408@1", "archive/408_after_commit@1", "archive/no_effect@1",
    "archive/429@1", "archive/423@1", "archive/400@1", "archive/413@1", "archive/html_200@1", "archive/not_json@1",
    "read/500@1", "read/cut_reply@2", "read/reset_before@3", "read/not_json@2", "read/html_200@1", "read/429@2",
    "read/423@3", "read/wrong_json@4", "read/timeout_before@2:1", "read/empty_2xx@2",
]  # fmt: skip


@pytest.mark.parametrize("fault", PASSING)
async def test_weather_passes(world: Undos, fault: str) -> None:
    """All is archived, once it is known; the ledger agrees, and a later run makes all of it again."""
    async with world.simulator(fault) as simulator:
        await imported(world, simulator)
        done = await world.undo(simulator)
        assert (done.status, fates(done)) == (ExitStatus.OK, {"archived": COUNT})
        assert not standing(simulator)
        assert verify(world.ledger) == []
        await world.run(simulator, world.campaigns(COUNT))
        assert len(standing(simulator)) == COUNT
        assert set(standing(simulator).values()) == {1}


async def imported(world: Undos, simulator: Any) -> None:
    """Import the campaigns."""
    summary = await world.run(simulator, world.campaigns(COUNT))
    assert summary.books.created == COUNT


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("archive/401@1", ExitStatus.ACCESS), ("archive/403@1", ExitStatus.ACCESS),
        ("archive/404@1", ExitStatus.ACCESS), ("archive/redirect@1", ExitStatus.ACCESS),
        ("archive/429_daily@1", ExitStatus.PAUSED), ("archive/477@1", ExitStatus.PAUSED),
        ("archive/410@1", ExitStatus.INTERNAL), ("read/401@1", ExitStatus.ACCESS),
        ("read/429_daily@2", ExitStatus.PAUSED),
    ],
)  # fmt: skip
async def test_what_ends_it_leaves_what_can_be_gone_on_with(world: Undos, fault: str, status: ExitStatus) -> None:
    """The undo ends with its own status and balanced books; the same undo, once all is well, archives the rest."""
    async with world.simulator(fault) as simulator:
        await imported(world, simulator)
        done = await world.undo(simulator, workers=1)
        assert done.status == status
        assert done.reason
        assert done.books.made == COUNT
        assert done.books.fates[Fate.LEFT] + done.books.fates[Fate.UNCLEAR] > 0
        done = await world.undo(simulator)
        assert done.status == ExitStatus.OK
        assert not standing(simulator)
        assert verify(world.ledger) == []


async def test_another_token_is_asked_for_once(world: Undos) -> None:
    """A 401 is followed by the token's renewal, and by the same request."""
    renewals = iter([True])
    async with world.simulator("archive/401@1") as simulator:
        await imported(world, simulator)
        done = await world.undo(simulator, workers=1, renew_token=lambda: next(renewals))
        assert (done.status, fates(done)) == (ExitStatus.OK, {"archived": COUNT})


async def test_what_has_no_effect_is_not_believed(world: Undos) -> None:
    """204 for ever, and nothing goes: the campaigns are said to stand, stay in the ledger, and are not made again."""
    async with world.simulator("archive/no_effect:1") as simulator:
        await imported(world, simulator)
        done = await world.undo(simulator)
        assert (done.status, fates(done)) == (ExitStatus.UNRESOLVED, {"stands": COUNT})
        assert set(words(world, Fate.STANDS)) == {
            "asked 3 times to archive it: it says done, and the campaign is still there"
        }
        again = await world.run(simulator, world.campaigns(COUNT))
        assert (again.books.created, again.books.skipped) == (0, COUNT)
        assert verify(world.ledger) == []


async def test_a_refusal_is_cut_down_to_the_one_that_is_refused(world: Undos) -> None:
    """The first seven requests are refused: halves, until one alone is said to be refused; the others go."""
    async with world.simulator("archive/400@1-7") as simulator:
        await world.run(simulator, world.campaigns(50))
        done = await world.undo(simulator, workers=1)
        assert done.books.fates[Fate.STANDS] >= 1
        assert done.books.fates[Fate.STANDS] + done.books.fates[Fate.ARCHIVED] == 50
        assert len(standing(simulator)) == done.books.fates[Fate.STANDS]
        assert words(world, Fate.STANDS)[0] == "asked 1 times to archive it: The request was not understood."


async def test_no_answer_to_the_looks_leaves_it_unclear_and_the_next_undo_tells(world: Undos) -> None:
    """Archived, and not known to be: nothing is assumed; the next undo looks what became of it."""
    async with world.simulator("read/wrong_json@2-9") as simulator:
        await world.run(simulator, world.campaigns(20))
        done = await world.undo(simulator, workers=1)
        assert (done.status, fates(done)) == (ExitStatus.UNRESOLVED, {"unclear": 20})
        kept = await world.run(simulator, world.campaigns(20))
        assert kept.books.skipped == 20  # as long as nobody knows, nothing is made twice
        done = await world.undo(simulator, Wish((1, 1)))
        assert (done.status, fates(done)) == (ExitStatus.OK, {"earlier": 20})
        assert not standing(simulator)


async def test_a_cut_on_the_way_is_settled_by_the_next_undo(world: Undos) -> None:
    """The second wish to stop cuts what is on its way; the next undo waits until it cannot land, looks, and goes on."""
    stop = Stop()
    async with world.simulator("archive/timeout_after_commit@1:30") as simulator:
        await imported(world, simulator)

        async def cut() -> None:
            while not any(seen.path.endswith("/batch/archive") for seen in simulator.requests):
                await anyio.sleep(0.005)
            stop.cancel_now()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cut)
            done = await world.undo(simulator, stop=stop, workers=1)
        assert done.status == ExitStatus.INTERRUPTED
        assert done.books.fates[Fate.UNCLEAR] == 50
        assert status(world.ledger)["archiving"] == 50
        tally = Tally()
        await world.run(simulator, world.campaigns(COUNT), tally=tally)
        assert "an undo was cut off: 50 campaigns may be archived, and count as made until it goes on" in tally.notices
        done = await world.undo(simulator, Wish((1, 1)))
        assert (done.status, fates(done)) == (ExitStatus.OK, {"earlier": 50, "archived": 10})
        assert not standing(simulator)


async def test_deleted_meanwhile_by_another_hand(world: Undos) -> None:
    """Between two undos somebody deletes what stood: it is as never made, and said so."""
    async with world.simulator("archive/no_effect@1-3") as simulator:
        await world.run(simulator, world.campaigns(5))
        assert fates(await world.undo(simulator)) == {"stands": 5}
        await delete(simulator, *world.ids().values())
        assert fates(await world.undo(simulator)) == {"missing": 5}
