"""Errors of a run as its counts tell them: what was made good is called cured, and answers are timed."""

import pytest

from importer.report.books import Tally
from tests.pipeline.conftest import World


async def told(world: World, *faults: str) -> Tally:
    """Return the counts of an import of 120 rows against a simulator with these faults."""
    tally = Tally()
    async with world.simulator(*faults) as simulator:
        await world.run(simulator, world.campaigns(120), tally=tally)
    return tally


async def test_without_an_error_there_is_none_to_cure(world: World) -> None:
    """Each request that creates has its answer, and its time is counted."""
    tally = await told(world)
    assert (tally.trouble, tally.answers) == (None, tally.creates)
    assert 0 < tally.slowest_s <= tally.answer_s


@pytest.mark.parametrize("fault", ["503@1", "429@1", "reset_before@2", "504_after_commit@1"])
async def test_an_error_is_cured_once_all_is_well_again(world: World, fault: str) -> None:
    """Sent again or looked up: the run ends with its last error named and nothing left to cure."""
    tally = await told(world, fault)
    assert tally.books().created == 120
    assert tally.trouble
    assert tally.cured
