"""Taking back what runs made: what is unchanged goes, what is not stays, and a later run makes it again."""

from collections.abc import Sequence
from typing import Any

import anyio
import pytest

from importer.archiving import Fate
from importer.errors import AccessError, ExitStatus, LedgerError, LedgerHeldError, UsageError
from importer.inspecting import status, verify
from importer.ledger.lock import LedgerLock
from importer.ledger.opening import Owner, open_ledger
from importer.pacing import RatePolicy
from importer.preflight import Account
from importer.stopping import Stop
from importer.undone import UndoBooks, Wish
from tests.modes.test_upsert import feed, night
from tests.undo.conftest import ALL, LATEST, Undos, delete, edit, fates, standing, words


async def test_all_of_a_run_is_archived_and_a_run_makes_it_again(world: Undos) -> None:
    """The account is as before; the ledger, its index and `status` agree; the next run makes each campaign once."""
    source = world.campaigns(120)
    async with world.simulator() as simulator:
        await world.run(simulator, source)
        done = await world.undo(simulator)
        assert (done.status, fates(done), done.books.made) == (ExitStatus.OK, {"archived": 120}, 120)
        assert not standing(simulator)
        assert verify(world.ledger) == []
        assert status(world.ledger)["records"]["created"] == 0

        again = await world.run(simulator, source)
        assert again.books.created == 120
        assert set(standing(simulator).values()) == {1}
        assert verify(world.ledger) == []


async def test_an_undo_of_one_run_of_three_leaves_the_rest(world: Undos) -> None:
    """Only what that run sent goes, and only that is made again."""
    async with world.simulator() as simulator:
        for count in (40, 90, 130):
            await world.run(simulator, world.campaigns(count))
        done = await world.undo(simulator, Wish((2, 2)))
        assert fates(done) == {"archived": 50}
        assert set(standing(simulator)) == {f"Campaign {n}" for n in (*range(40), *range(90, 130))}
        again = await world.run(simulator, world.campaigns(130))
        assert (again.books.created, again.books.skipped) == (50, 80)
        assert set(standing(simulator).values()) == {1}
        assert len(standing(simulator)) == 130


async def test_what_somebody_changed_is_left_unless_told_otherwise(world: Undos) -> None:
    """An edit by another hand keeps its campaign, is named with both values, and is status 1."""
    async with world.simulator() as simulator:
        await world.run(simulator, world.campaigns(3))
        await edit(simulator, world.ids()["Campaign 1"], hs_notes="mine now")
        done = await world.undo(simulator)
        assert (done.status, fates(done)) == (ExitStatus.SOME_FAILED, {"archived": 2, "changed": 1})
        assert set(standing(simulator)) == {"Campaign 1"}
        changed = next(one for one in world.told if one.fate is Fate.CHANGED)
        assert changed.changed == {"hs_notes": ("Note 1", "mine now")}
        assert words(world, Fate.CHANGED) == ["changed since it was written: hs_notes"]

        done = await world.undo(simulator, replace_wish(LATEST, even_if_changed=True))
        assert (done.status, fates(done)) == (ExitStatus.OK, {"archived": 1, "earlier": 2})
        assert not standing(simulator)


async def test_what_hubspot_writes_otherwise_is_not_changed(world: Undos) -> None:
    """A value that came back in another spelling from the start is no edit; one that was edited since is."""
    async with world.simulator("normalise=upper_status") as simulator:
        await world.run(simulator, world.source([{"hs_name": "a", "hs_campaign_status": "planned"}]))
        done = await world.undo(simulator)
        assert fates(done) == {"archived": 1}


async def test_what_somebody_deleted_is_as_never_made(world: Undos) -> None:
    """It is told apart, and the next run makes it again."""
    async with world.simulator() as simulator:
        await world.run(simulator, world.campaigns(60))
        await delete(simulator, *list(world.ids().values())[:10])
        done = await world.undo(simulator)
        assert (done.status, fates(done)) == (ExitStatus.OK, {"archived": 50, "missing": 10})
        again = await world.run(simulator, world.campaigns(60))
        assert again.books.created == 60


async def test_a_look_archives_nothing(world: Undos) -> None:
    """It says what would become of each; neither account nor journal changes."""
    async with world.simulator() as simulator:
        await world.run(simulator, world.campaigns(70))
        before = (world.ledger / "journal.jsonl").read_bytes()
        await edit(simulator, world.ids()["Campaign 4"], hs_name="Campaign four")
        done = await world.undo(simulator, replace_wish(LATEST, look_only=True))
        assert done.looked_only
        assert (done.status, fates(done)) == (ExitStatus.OK, {"left": 69, "changed": 1})
        assert len(standing(simulator)) == 70
        assert (world.ledger / "journal.jsonl").read_bytes() == before


@pytest.mark.parametrize(("answer", "left"), [(True, 0), (False, 5)])
async def test_a_person_is_asked_after_the_look(world: Undos, answer: bool, left: int) -> None:
    """The question comes with what would be archived; without a yes nothing is."""
    asked: list[tuple[tuple[int, int], int]] = []

    async def ask(_account: Account, runs: tuple[int, int], books: UndoBooks) -> bool:
        asked.append((runs, books.fates[Fate.LEFT]))
        return answer

    async with world.simulator() as simulator:
        await world.run(simulator, world.campaigns(5))
        done = await world.undo(simulator, ask=ask)
        assert asked == [((1, 1), 5)]
        assert done.looked_only is not answer
        assert len(standing(simulator)) == left
        assert done.books.made == 5


async def test_a_second_undo_finds_nothing_left(world: Undos) -> None:
    """What was archived before is counted so, whatever a later run has made of it."""
    async with world.simulator() as simulator:
        await world.run(simulator, world.campaigns(55))
        await world.undo(simulator)
        await world.run(simulator, world.campaigns(55))
        first = await world.undo(simulator, Wish((1, 1)))
        assert fates(first) == {"earlier": 55}
        assert len(standing(simulator)) == 55
        both = await world.undo(simulator, ALL)
        assert (both.books.made, fates(both)) == (110, {"earlier": 55, "archived": 55})


async def test_what_cannot_be_told_is_left_and_said(world: Undos) -> None:
    """Records in doubt may be in HubSpot: they are counted, and the status says that not all is told."""
    async with world.simulator() as simulator:
        await world.run(simulator, world.campaigns(10))
        await leave_in_doubt(world, simulator.base_url)
        done = await world.undo(simulator)
        assert done.unsettled == 1
        assert (done.status, fates(done)) == (ExitStatus.UNRESOLVED, {"archived": 10})


async def test_a_stop_leaves_the_rest_and_the_same_undo_goes_on(world: Undos) -> None:
    """What was not reached is counted so; nothing of it is touched."""
    stop = Stop()
    stop.request("enough", ExitStatus.INTERRUPTED)
    async with world.simulator() as simulator:
        await world.run(simulator, world.campaigns(60))
        done = await world.undo(simulator, stop=stop)
        assert (done.status, fates(done)) == (ExitStatus.INTERRUPTED, {"left": 60})
        assert len(standing(simulator)) == 60
        assert fates(await world.undo(simulator)) == {"archived": 60}


@pytest.mark.parametrize("runs", [(2, 2), (1, 2), (0, 1)])
async def test_a_run_that_is_not_there_is_refused(world: Undos, runs: tuple[int, int]) -> None:
    """The error names the runs that there are."""
    async with world.simulator() as simulator:
        await world.run(simulator, world.campaigns(1))
        with pytest.raises(UsageError, match="the runs 1 to 1"):
            await raised(world.undo(simulator, Wish(runs)))


async def test_no_ledger_another_account_and_a_held_ledger_are_refused(world: Undos) -> None:
    """Before anything is asked for or archived."""
    async with world.simulator() as simulator:
        with pytest.raises(LedgerError, match="is not a ledger"):
            await world.undo(simulator)
        await world.run(simulator, world.campaigns(2))
        lock = LedgerLock(world.ledger)
        lock.take()
        try:
            with pytest.raises(LedgerHeldError):
                await world.undo(simulator)
        finally:
            lock.release()
    async with world.simulator("portal_id=77") as other:
        with pytest.raises(AccessError, match="belongs to"):
            await world.undo(other)


async def test_a_token_that_may_not_read_undoes_nothing(world: Undos) -> None:
    """Nothing can be compared without the right to read, so nothing is archived."""
    async with world.simulator("scopes=marketing.campaigns.write") as simulator:
        await world.run(simulator, world.campaigns(2))
        with pytest.raises(AccessError, match="cannot read campaigns"):
            await world.undo(simulator)
        assert len(standing(simulator)) == 2


async def test_the_limit_of_the_account_is_kept(world: Undos) -> None:
    """Its requests go through the same limiter as a run's: no answer is a 429."""
    async with world.simulator("rate=30", "rate_interval_s=0.5") as simulator:
        await world.run(simulator, world.campaigns(400), rate=RatePolicy(requests=30, window_s=0.5))
        done = await world.undo(simulator, rate=RatePolicy(requests=30, window_s=0.5))
        assert fates(done) == {"archived": 400}
        assert not [seen for seen in simulator.requests if seen.status == 429]


async def leave_in_doubt(world: Undos, base_url: str) -> None:
    """Write the intent of a request of which nobody knows what became, as a kill leaves it."""
    owner = Owner(base_url=base_url, account="12345678", simulated=False, tool="test")
    ledger = open_ledger(world.ledger, owner)
    intent: Any = {
        "t": "intent", "run": 1, "a": 1, "srv": None, "at": 0.0, "src": ["a.csv"],
        "items": [(0, 0, 2, "f" * 32, "in doubt", "e" * 16)], "body": {"inputs": [{"properties": {}}]},
    }  # fmt: skip
    async with anyio.create_task_group() as group:
        group.start_soon(ledger.journal.run)
        await ledger.journal.append(intent)
        ledger.journal.close()
    ledger.close()


def replace_wish(wish: Wish, **changes: Any) -> Wish:
    """Return another wish."""
    return wish._replace(**changes)


async def raised(work: Any) -> None:
    """Do the work and raise the one error of the group that it may end in."""
    try:
        await work
    except BaseExceptionGroup as group:
        errors: Sequence[BaseException] = group.exceptions
        raise errors[0] from None


async def test_what_a_later_run_updated_is_listed_as_such_and_left(world: Undos) -> None:
    """Only creates are taken back; a campaign that run 2 updated stands, is named so, and is status 1."""
    async with world.simulator() as simulator:
        await night(world, simulator, feed(5))
        await night(world, simulator, feed(6, n1="new", n2="new"))
        done = await world.undo(simulator, Wish((1, 1)))
        assert (done.status, fates(done)) == (ExitStatus.SOME_FAILED, {"archived": 3, "updated": 2})
        assert words(world, Fate.UPDATED) == ["updated by run 2, left"] * 2
        assert set(standing(simulator)) == {"C1", "C2", "C5"}
        forced = await world.undo(simulator, Wish((1, 1), even_if_changed=True))
        assert fates(forced) == {"archived": 2, "earlier": 3}
        assert set(standing(simulator)) == {"C5"}
    assert verify(world.ledger) == []
