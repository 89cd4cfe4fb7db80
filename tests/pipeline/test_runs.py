"""Whole runs against the simulator: what is read is made, once, and the ledgers say so."""

import csv
import tomllib
from pathlib import Path

import anyio
import pytest

from importer.admission import AdmissionPolicy
from importer.errors import ExitStatus, IdentityChangedError
from importer.inspecting import verify
from importer.mapping import parse_mapping
from importer.records import RecordPolicy
from importer.stopping import Stop
from tests.pipeline.conftest import World, made

CONFIG = Path(__file__).resolve().parents[2] / "config"


@pytest.mark.parametrize(("name", "count"), [("salesforce", 8), ("mailchimp", 43)])
async def test_real_exports_are_made_once_and_every_id_is_the_right_one(
    world: World, shared: Path, name: str, count: int
) -> None:
    """Each id in the results belongs to the campaign with the input's properties; a second run creates nothing."""
    mapping = parse_mapping(tomllib.loads((CONFIG / "mappings" / f"{name}.toml").read_text()), name=name)
    world.plan = {"mapping": mapping, "records": RecordPolicy(key=mapping.key, key_space=mapping.name)}
    source = shared / "data" / f"{name}-campaigns.csv"

    async with world.simulator() as simulator:
        first = await world.run(simulator, source)
        second = await world.run(simulator, source, admission=AdmissionPolicy(list_skipped=True))  # so it is read

        truth = {campaign.id: campaign for campaign in simulator.truth}
        creates = simulator.stats()["operations"]["create"]

    with source.open(encoding="utf-8-sig", newline="") as file:
        titles = [row["Name" if name == "salesforce" else "Title"] for row in csv.DictReader(file)]
    results = world.rows("results.jsonl")
    assert (first.status, first.books.created, second.books.skipped) == (ExitStatus.OK, count, count)
    assert second.counts["creates"] == 0
    assert creates == first.counts["creates"]
    assert len({row["id"] for row in results}) == count
    assert all(truth[row["id"]].properties["hs_name"] == row["name"] for row in results)
    assert [row["name"] for row in sorted(results, key=lambda row: row["ordinal"])] == titles
    assert verify(world.ledger) == []


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
async def test_every_api_version_is_spoken(world: World, version: str) -> None:
    """The three families of paths and both shapes of reply lead to the same ledger."""
    source = world.campaigns(120)

    async with world.simulator("bad_record=partial", "poison=Campaign 77") as simulator:
        plan = world.make_plan(simulator.base_url, source)
        transport = plan.transport.__class__(base_url=simulator.base_url, api_version=version, timeout_s=1)
        summary = await world.run(simulator, source, transport=transport)

        assert (summary.books.created, summary.books.failed) == (119, 1)
        assert len(made(simulator)) == 119


async def test_one_poison_record_costs_few_requests_and_fails_alone(world: World) -> None:
    """A batch refused for one bad record is looked up once, then cut down until the record stands alone."""
    source = world.campaigns(100)

    async with world.simulator("poison=Campaign 33") as simulator:
        summary = await world.run(simulator, source)

        assert (summary.books.created, summary.books.failed) == (99, 1)
        assert summary.counts["creates"] <= 2 + 12
        assert max(made(simulator).values()) == 1
    (failure,) = world.rows("failures.jsonl")
    assert failure["code"] == "refused"
    assert failure["name"] == "Campaign 33"
    assert failure["line_number"] == 35
    assert failure["row"] == {"hs_name": "Campaign 33", "hs_notes": "Note 5"}
    assert failure["correlation_id"]


async def test_a_refused_record_is_remembered_until_it_changes_or_is_asked_for(world: World) -> None:
    """An unchanged refused record is not sent again by a later run; --retry-failed and an edit send it."""
    source = world.campaigns(3)
    async with world.simulator("poison=Campaign 1") as simulator:
        await world.run(simulator, source)
        again = await world.run(simulator, source)
        policy = world.make_plan(simulator.base_url, source).admission.__class__(retry_failed=True)
        retried = await world.run(simulator, source, admission=policy)

    assert (again.counts["creates"], again.counts["codes"]) == (0, {"still_refused": 1})
    assert (retried.counts["creates"], retried.counts["codes"]) == (1, {"refused": 1})


async def test_a_partial_success_is_told_apart_record_by_record(world: World) -> None:
    """Of a 207 what pairs is created, and what the errors name fails with its own reason."""
    source = world.campaigns(50)

    async with world.simulator("bad_record=partial", "poison=Campaign 4") as simulator:
        summary = await world.run(simulator, source)

        failed = {row["name"] for row in world.rows("failures.jsonl")}
        assert failed == {name for name in (f"Campaign {n}" for n in range(50)) if "Campaign 4" in name}
        assert summary.books.created == 50 - len(failed)
        assert max(made(simulator).values()) == 1


async def test_the_same_name_twice_in_a_source_makes_two_campaigns(world: World) -> None:
    """Two rows of one name and other content are two campaigns, and twins in content are one."""
    rows = [{"hs_name": "Twin", "hs_notes": note} for note in ("a", "b", "a")]
    source = world.source(rows)

    async with world.simulator() as simulator:
        summary = await world.run(simulator, source)

        assert made(simulator) == {"Twin": 2}
    assert (summary.books.created, summary.books.skipped) == (2, 1)


async def test_a_changed_key_is_refused_before_anything_is_sent(world: World) -> None:
    """Another identity scheme than the one that made campaigns stops the run with the ways out."""
    source = world.source([{"hs_name": "A", "Id": "1"}, {"hs_name": "B", "Id": "2"}])
    async with world.simulator() as simulator:
        first = await world.run(simulator, source, records=RecordPolicy(key=("Id",)))
        second = await world.run(simulator, source, records=RecordPolicy(key=("hs_name", "Id")))
        made_then = made(simulator)

    assert first.status == ExitStatus.OK
    assert (second.status, second.counts["creates"]) == (IdentityChangedError.exit_status, 0)
    assert "--accept-new-identities" in (second.hint or "")
    assert made_then == {"A": 1, "B": 1}


async def test_a_wish_to_stop_ends_in_balanced_books_and_the_next_run_goes_on(world: World) -> None:
    """After a stop every row is in one state, and the same source again makes exactly what is missing."""
    source = world.campaigns(1_000)
    stop = Stop()

    async with world.simulator("latency=fixed:0.02") as simulator:

        async def stop_soon() -> None:
            while not len(simulator.truth):
                await anyio.sleep(0.005)
            stop.request("enough", ExitStatus.INTERRUPTED)

        async with anyio.create_task_group() as group:
            group.start_soon(stop_soon)
            first = await world.run(simulator, source, stop=stop)
        second = await world.run(simulator, source)

        assert made(simulator) == {f"Campaign {n}": 1 for n in range(1_000)}
    assert first.status == ExitStatus.INTERRUPTED
    assert first.books.read == first.books.accounted
    assert first.books.not_sent > 0
    assert second.status == ExitStatus.OK


async def test_a_second_wish_cuts_what_is_on_its_way_and_the_next_run_settles_it(world: World) -> None:
    """Requests that were cut are in doubt, and are found or made again, never twice."""
    source = world.campaigns(1_600)
    stop = Stop()

    async with world.simulator("latency=fixed:0.1") as simulator:

        async def cut_soon() -> None:
            while not len(simulator.truth):
                await anyio.sleep(0.005)
            stop.cancel_now()

        async with anyio.create_task_group() as group:
            group.start_soon(cut_soon)
            first = await world.run(simulator, source, stop=stop)
        second = await world.run(simulator, source)

        assert made(simulator) == {f"Campaign {n}": 1 for n in range(1_600)}
    assert first.books.read == first.books.accounted
    assert first.books.in_doubt > 0
    assert second.counts["recovered"] == first.books.in_doubt
    assert verify(world.ledger) == []


async def test_without_the_right_to_read_doubts_are_unresolved_at_once(world: World) -> None:
    """A token that may not list cannot settle anything: what gets no answer is unresolved, and never sent again."""
    source = world.campaigns(60)

    async with world.simulator("scopes=marketing.campaigns.write", "504_after_commit@1") as simulator:
        first = await world.run(simulator, source)
        second = await world.run(simulator, source)

        assert max(made(simulator).values()) == 1
    assert first.status == ExitStatus.UNRESOLVED
    assert first.books.unresolved == 50
    assert (second.counts["creates"], second.books.unresolved) == (0, 50)


async def test_a_finished_import_sends_nothing_however_the_source_is_called(world: World) -> None:
    """The same content under another path has the same identities."""
    source = world.campaigns(70)
    async with world.simulator() as simulator:
        await world.run(simulator, source)
        copy = world.folder / "copy.csv"
        copy.write_bytes(source.read_bytes())
        again = await world.run(simulator, copy)

    assert (again.counts["creates"], again.books.skipped) == (0, 70)


async def test_an_empty_source_is_no_success(world: World) -> None:
    """A source without rows, or without one valid row, has a status of its own."""
    empty = world.folder / "empty.csv"
    empty.write_text("hs_name\n")
    bad = world.folder / "bad.csv"
    bad.write_text("hs_name,hs_start_date\nA,31/02/2026\n")
    async with world.simulator() as simulator:
        assert (await world.run(simulator, empty)).status == ExitStatus.SOURCE
        assert (await world.run(simulator, bad)).status == ExitStatus.SOURCE
