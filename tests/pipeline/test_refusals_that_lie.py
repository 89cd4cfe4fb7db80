"""Refusals that made something (assumption A1 broken): looked up, believed never again, and nothing is made twice."""

import json
from collections import Counter
from pathlib import Path

import pytest

from importer.errors import ExitStatus
from importer.inspecting import verify
from importer.reconcile import REFUSALS_LIE
from tests.pipeline.conftest import World, made

BAD = ("1999-99-99", "2026-02-30")
ASSUMPTIONS = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "assumptions.md"


def findings(world: World) -> Counter[str]:
    """Return how often the journal says of a refused batch that it had made nothing (atomic), or something."""
    journal = (world.ledger / "journal.jsonl").read_bytes().splitlines()
    entries = [json.loads(line) for line in journal if b'"refusal"' in line]
    return Counter(entry["refusal"] for entry in entries)


def mixed(world: World, count: int, bad: dict[int, str]) -> Path:
    """Write campaigns of which those at `bad` are refused by the account for their name."""
    return world.source([{"hs_name": f"{bad.get(n, 'Campaign')} {n}", "hs_notes": "x"} for n in range(count)])


@pytest.mark.parametrize("bad", [{7: "BAD"}, {0: "BAD", 49: "BAD", 50: "BAD", 120: "BAD"}, {150: "BAD"}])
@pytest.mark.parametrize("behaviour", ["make_and_refuse", "refuse_all", "partial"])
async def test_a_bad_row_costs_only_itself(world: World, behaviour: str, bad: dict[int, str]) -> None:
    """Whether a bad record makes its batch fail, half fail, or seem to fail: each good one is made once."""
    source = mixed(world, 151, bad)

    async with world.simulator(f"bad_record={behaviour}", "poison=BAD") as simulator:
        summary = await world.run(simulator, source)
        again = await world.run(simulator, source)

        assert made(simulator) == {f"Campaign {n}": 1 for n in range(151) if n not in bad}
    assert (summary.books.created, summary.books.failed) == (151 - len(bad), len(bad))
    assert (again.books.created, again.books.failed, again.books.skipped) == (0, len(bad), 151 - len(bad))
    assert (summary.status, again.status) == (ExitStatus.SOME_FAILED, ExitStatus.SOME_FAILED)
    assert verify(world.ledger) == []
    lone = bad == {150: "BAD"}  # the last batch has one row only: nothing beside it can be made
    lied = behaviour == "make_and_refuse" and not lone
    assert ("partial" in findings(world)) == lied
    assert (REFUSALS_LIE in summary.counts["notices"]) == lied


@pytest.mark.parametrize("fault", ["400_commits", "partial_400_commits"])
@pytest.mark.parametrize("struck", ["@1", "@3", "@2-4", ":0.5"])
async def test_good_batches_that_are_refused_and_made(world: World, fault: str, struck: str) -> None:
    """A 400 for batches without any bad record, which made all or half: found, journaled, nothing made twice."""
    source = world.campaigns(400)

    async with world.simulator("seed=3", fault + struck) as simulator:
        summary = await world.run(simulator, source)

        refused = {row["name"] for row in world.rows("failures.jsonl")}  # alone, struck, and half of one is none
        assert made(simulator) == {f"Campaign {n}": 1 for n in range(400) if f"Campaign {n}" not in refused}
        assert simulator.stats()["faults"]
    assert not refused or (fault, struck) == ("partial_400_commits", ":0.5")
    assert summary.status == (ExitStatus.SOME_FAILED if refused else ExitStatus.OK)
    assert (summary.books.created, summary.books.failed) == (400 - len(refused), len(refused))
    assert findings(world)["partial"] >= 1
    assert verify(world.ledger) == []


async def test_one_lie_is_enough_for_the_ledger(world: World) -> None:
    """After a refusal that made something, refusals of later runs are looked up too, although those made nothing."""
    async with world.simulator("bad_record=make_and_refuse", "poison=BAD") as simulator:
        await world.run(simulator, mixed(world, 50, {3: "BAD"}))
        before = findings(world)
        later = await world.run(simulator, world.source([{"hs_name": "BAD and alone"}], "later.csv"))
    assert before["partial"] == 1
    assert later.counts["looks"] >= 2
    assert sum(findings(world).values()) > sum(before.values())


async def test_a_429_that_made_everything_makes_twins_as_the_document_says(world: World) -> None:
    """A 429 is believed: the one refusal whose lie doubles campaigns, and docs/explanation/assumptions.md names it."""
    async with world.simulator("429_commits@2") as simulator:
        await world.run(simulator, world.campaigns(100))

        assert Counter(made(simulator).values()) == {1: 50, 2: 50}
    told = " ".join(ASSUMPTIONS.read_text().split())
    assert "A 413, 423 or 429 is believed: should one of them have made something" in told
    assert "`429_commits`" in told
