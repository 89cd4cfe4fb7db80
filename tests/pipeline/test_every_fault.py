"""Every fault that the simulator knows, each on a run of its own: nothing lost, nothing twice, books that balance."""

import pytest

from importer.inspecting import verify
from importer.simulator.faults import fault_names
from tests.pipeline.conftest import World, made

COUNT = 120
RUNS_MAX = 4
#: Faults that break an assumption which the importer states (a refusal with 429 has made nothing): twins are possible.
BREAKS_AN_ASSUMPTION = {"429_commits"}
#: Faults after which some records stay failed: HubSpot said so.
LEAVES_FAILURES = {"207_named"}


@pytest.mark.slow
@pytest.mark.parametrize("fault", [name for name in fault_names() if name not in BREAKS_AN_ASSUMPTION])
async def test_fault(world: World, fault: str) -> None:
    """Run until the run ends well (the fault strikes by chance): every campaign exists exactly once."""
    source = world.campaigns(COUNT)

    async with world.simulator("seed=5", f"{fault}@2") as simulator:
        for _ in range(RUNS_MAX):
            summary = await world.run(simulator, source)
            assert summary.books.read == summary.books.accounted
            if summary.status == 0:
                break
        counts = made(simulator)

    failed = {row["name"] for row in world.rows("failures.jsonl") if row["state"] == "failed"}
    assert failed if fault in LEAVES_FAILURES else not failed
    assert counts == {f"Campaign {n}": 1 for n in range(COUNT) if f"Campaign {n}" not in failed}
    results = world.rows("results.jsonl")
    assert sorted(row["name"] for row in results) == sorted(counts)
    assert len({row["id"] for row in results}) == len(results)
    assert verify(world.ledger) == []
