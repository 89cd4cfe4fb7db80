"""A whole batch refused with an error that names its row: that row goes alone, and everyone else is made."""

from pathlib import Path

from importer.errors import ExitStatus
from importer.inspecting import verify
from tests.pipeline.conftest import World, made

BAD = (3, 10, 27, 70)  #: one known before, two in the first batch of 50, one in the second


async def test_rows_named_by_the_error_are_sent_alone(tmp_path: Path) -> None:
    """Once refusals are believed, each named row costs a request for itself and one for the rest; nothing is halved."""
    world = World(tmp_path)
    names = [f"Poisoned {n}" if n in BAD else f"Campaign {n}" for n in range(105)]
    rows = [{"hs_name": name, "hs_notes": "a note"} for name in names]

    async with world.simulator("poison=Poisoned", "name_errors=yes") as simulator:
        await world.run(simulator, world.source(rows[:5], "first.csv"))  # whose refusal is looked up
        known = len(simulator.requests)
        source = world.source(rows[5:])
        summary = await world.run(simulator, source, workers=1)
        sizes = [(one.inputs, one.status) for one in simulator.requests[known:] if one.operation == "create"]

        assert made(simulator) == {name: 1 for n, name in enumerate(names) if n not in BAD}
    assert (summary.status, summary.books.created, summary.books.failed) == (ExitStatus.SOME_FAILED, 97, 3)
    failures = {row["name"]: row["code"] for row in world.rows("failures.jsonl")}
    assert failures == {f"Poisoned {n}": "refused" for n in BAD}
    assert verify(world.ledger) == []
    assert sizes == [(50, 400), (49, 400), (48, 201), (1, 400), (1, 400), (50, 400), (49, 201), (1, 400)]
