"""What HubSpot and a ledger say of the same campaigns: missing, changed, unexpected, restored, and nothing else."""

from collections import Counter

import pytest

from importer.admission import AdmissionPolicy
from importer.errors import AccessError, ExitStatus, LedgerError
from importer.ledger.idset import IdSet
from importer.ledger.made import archived_places, made, windows
from importer.records import RecordPolicy
from importer.remote_check import Kind
from importer.stopping import Stop
from importer.undone import Wish
from tests.undo.conftest import Undos, by_hand, delete, edit


def kinds(world: Undos) -> dict[str, int]:
    """Return how many differences of each kind were found."""
    return dict(Counter(str(one.kind) for one in world.found))


async def test_an_untouched_account_agrees(world: Undos) -> None:
    """Every campaign is read again, 50 a request, and nothing is written into the ledger."""
    async with world.simulator() as simulator:
        await world.run(simulator, world.campaigns(220))
        before = {path: path.read_bytes() for path in world.ledger.rglob("*") if path.is_file()}
        done = await world.check(simulator)
        assert (done.status, done.counts.made, done.counts.same) == (ExitStatus.OK, 220, 220)
        assert not world.found
        assert {path: path.read_bytes() for path in world.ledger.rglob("*") if path.is_file()} == before
        reads = [seen for seen in simulator.requests if seen.path.endswith("/batch/read")]
        assert len(reads) == 5


async def test_each_difference_is_told_by_its_kind(world: Undos) -> None:
    """Edited, deleted and doubled campaigns are found; somebody else's, and one made before the runs, are not."""
    async with world.simulator() as simulator:
        await world.run(simulator, world.campaigns(120))
        ids = world.ids()
        await edit(simulator, ids["Campaign 3"], hs_notes="edited")
        await delete(simulator, ids["Campaign 5"], ids["Campaign 6"])
        twin = {"hs_name": " campaign  7 ", "hs_notes": "a twin"}
        await by_hand(simulator, "create", {"inputs": [{"properties": twin}, {"properties": {"hs_name": "Other"}}]})
        done = await world.check(simulator)
        assert done.status == ExitStatus.DIFFERENCES
        assert kinds(world) == {"changed": 1, "missing": 2, "unexpected": 1}
        assert (done.counts.same, done.counts.made) == (117, 120)
        of = {one.kind: one for one in world.found}
        assert of[Kind.CHANGED].changed == {"hs_notes": ("Note 3", "edited")}
        assert of[Kind.UNEXPECTED].name == " campaign  7 "
        assert of[Kind.UNEXPECTED].run == 1
        assert {one.made.line_number for one in world.found if one.made} == {5, 7, 8}


async def test_what_an_undo_took_back_is_not_missing(world: Undos) -> None:
    """It should be gone; one that the list shows again is restored."""
    async with world.simulator("archive/no_effect@2-3") as simulator:
        await world.run(simulator, world.campaigns(20))
        await world.undo(simulator)
        done = await world.check(simulator)
        assert (done.status, done.counts.made, done.counts.archived) == (ExitStatus.OK, 0, 20)
        simulator.truth._archived.clear()  # as when somebody restores them
        done = await world.check(simulator)
        assert done.status == ExitStatus.DIFFERENCES
        assert kinds(world) == {"restored": 20}


async def test_what_is_undone_and_made_again_is_compared_once(world: Undos) -> None:
    """Of two campaigns of one record only the one that should be there counts."""
    async with world.simulator() as simulator:
        await world.run(simulator, world.campaigns(60))
        await world.undo(simulator)
        await world.run(simulator, world.campaigns(60))
        done = await world.check(simulator)
        assert (done.status, done.counts.made, done.counts.archived) == (ExitStatus.OK, 60, 60)


async def test_a_refused_endpoint_leaves_the_other_half(world: Undos) -> None:
    """batch/read refused: the list is looked at all the same, and the status says that not all could be."""
    async with world.simulator("read/403:1") as simulator:
        await world.run(simulator, world.campaigns(60))
        await by_hand(simulator, "create", {"inputs": [{"properties": {"hs_name": "Campaign 1"}}]})
        done = await world.check(simulator, workers=1)
        assert done.status == ExitStatus.DIFFERENCES
        assert kinds(world) == {"unexpected": 1}
        assert done.counts.not_compared == 60
        assert len(done.left_out) == 1


async def test_a_refused_list_leaves_the_comparison(world: Undos) -> None:
    """The list refused on the way: campaigns were compared, and it is said that nothing unexpected was looked for."""
    async with world.simulator("list/404@3") as simulator:
        await world.run(simulator, world.campaigns(60))
        done = await world.check(simulator)
        assert (done.status, done.counts.same) == (ExitStatus.UNRESOLVED, 60)
        assert done.left_out[0].startswith("unexpected campaigns were not looked for to the end")


@pytest.mark.parametrize("fault", ["read/500@1", "read/429@2", "read/cut_reply@1", "list/500_before@3", "list/429@3"])
async def test_weather_passes(world: Undos, fault: str) -> None:
    """A question is asked again until it is answered."""
    async with world.simulator(fault) as simulator:
        await world.run(simulator, world.campaigns(120))
        assert (await world.check(simulator)).status == ExitStatus.OK


async def test_no_answer_is_no_difference(world: Undos) -> None:
    """What HubSpot does not tell is unclear, never missing."""
    async with world.simulator("read/wrong_json@1-8") as simulator:
        await world.run(simulator, world.campaigns(40))
        done = await world.check(simulator, workers=1)
        assert (done.status, done.counts.unclear) == (ExitStatus.UNRESOLVED, 40)
        assert not world.found


async def test_a_stop_leaves_the_rest_uncompared(world: Undos) -> None:
    """Each campaign is counted, compared or not."""
    stop = Stop()
    stop.request("enough", ExitStatus.TERMINATED)
    async with world.simulator() as simulator:
        await world.run(simulator, world.campaigns(70))
        done = await world.check(simulator, stop=stop)
        assert (done.status, done.counts.made, done.counts.not_compared) == (ExitStatus.TERMINATED, 70, 70)


async def test_no_ledger_and_another_account_are_refused(world: Undos) -> None:
    """Before anything is compared."""
    async with world.simulator() as simulator:
        with pytest.raises(LedgerError, match="is not a ledger"):
            await world.check(simulator)
        await world.run(simulator, world.campaigns(2))
    async with world.simulator("portal_id=77") as other:
        with pytest.raises(AccessError, match="belongs to"):
            await world.check(other)


async def test_what_was_made_is_read_back_with_its_run_and_values(world: Undos) -> None:
    """Run, place, values and createdAt of each campaign; what is archived is marked, in the run that it belongs to."""
    async with world.simulator("504_after_commit@1") as simulator:
        await world.run(simulator, world.campaigns(60))  # half of it found by a lookup
        await world.run(simulator, world.campaigns(70))
        await world.undo(simulator, Wish((2, 2)))
        told = list(made(world.ledger))
        assert Counter((one.run, one.archived) for one in told) == {(1, False): 60, (2, True): 10}
        assert sorted(one.ordinal for one in told) == list(range(70))
        assert all(one.written["hs_name"] == one.name for one in told)
        assert sum(bits.bit_count() for bits in archived_places(world.ledger).values()) == 10
        spans = windows(world.ledger, before_s=1.0, after_s=2.0)
        assert [run for run, _low, _high in spans] == [1, 2]
        assert all(low < high for _run, low, high in spans)


def test_ids_keep_their_latest_mark_whatever_their_number() -> None:
    """More ids than are kept in memory, some added twice: each is found with its latest mark, others are not."""
    ids = IdSet()
    ids.add({f"campaign {n}": False for n in range(40_000)})
    ids.add({f"campaign {n}": True for n in range(0, 40_000, 100)})
    for start in range(40_000, 60_000, 50):
        ids.add({f"campaign {n}": False for n in range(start, start + 50)})
    assert ids.find(["campaign 100", "campaign 101", "campaign 59999", "campaign 60000"]) == {
        "campaign 100": True, "campaign 101": False, "campaign 59999": False,
    }  # fmt: skip
    assert ids.find([]) == {}
    ids.close()


async def test_what_was_updated_is_compared_with_its_update(world: Undos) -> None:
    """The values of the latest update count, and of campaigns that were made anew the latest one."""

    async def night(notes: str) -> None:
        rows = [{"hs_name": f"C{n}", "hs_notes": notes if n < 2 else ""} for n in range(4)]
        admission = AdmissionPolicy(mode="upsert", recreate_missing=True)
        await world.run(simulator, world.source(rows), admission=admission, records=RecordPolicy(key=("hs_name",)))

    async with world.simulator() as simulator:
        await night("one")
        await night("two")
        await delete(simulator, world.ids()["C1"])
        await night("three")
        done = await world.check(simulator)
        assert (done.status, done.counts.same, world.found) == (ExitStatus.OK, 4, [])
        await edit(simulator, world.ids()["C0"], hs_notes="two")
        await world.check(simulator)
        assert kinds(world) == {"changed": 1}
