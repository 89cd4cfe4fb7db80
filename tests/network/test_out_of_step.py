"""A connection on which every answer belongs to the request before it is given up with the first such answer."""

import pytest

from tests.network.canned import DONE, http
from tests.network.staging import proxied, run_once
from tests.network.tcp_proxy import Harm
from tests.pipeline.conftest import World, made

BATCHES = 8
EMPTY = Harm(shift=True, reply=lambda _: http("201 Created", DONE))


@pytest.mark.parametrize(
    ("harm", "lost"),
    [pytest.param(Harm(shift=True), 3, id="an earlier answer"), pytest.param(EMPTY, 2, id="an empty answer")],
)
async def test_an_answer_to_another_request_ends_its_connection(world: World, harm: Harm, lost: int) -> None:
    """One answer shows none of its campaigns; that batch alone is looked up, and no later one is answered wrongly."""
    async with (
        world.simulator() as simulator,
        proxied(simulator, struck=b"/batch/create", harms={2: harm}) as proxy,
    ):
        seen = await run_once(world, proxy.url, count=50 * BATCHES, workers=1)
        assert list(made(simulator).values()) == [1] * (50 * BATCHES)
    assert seen.records == f"{50 * BATCHES} created"
    outcomes = [row for row in world.rows("journal.jsonl") if row["t"] == "outcome"]
    assert [n for n, row in enumerate(outcomes, 1) if row["doubt"]] == [lost]
