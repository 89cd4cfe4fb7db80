"""A run that is cut off while its token is asked for anew."""

import threading

import anyio

from importer.errors import ExitStatus
from importer.model import State
from importer.report.books import Summary, Tally
from importer.stopping import Stop
from tests.pipeline.conftest import World, made


async def test_what_waits_for_a_token_is_in_the_books(world: World) -> None:
    """Two batches are refused with 401: one asks, one waits and is cut off. Each row has a state; all is made."""
    asked, answered = threading.Event(), threading.Event()

    def renew() -> bool:
        asked.set()
        return not answered.wait(30.0)

    source, stop, tally = world.campaigns(150), Stop(), Tally()
    summaries: list[Summary] = []
    async with world.simulator("401@1", "401@2") as simulator:

        async def run() -> None:
            summaries.append(
                await world.run(simulator, source, stop=stop, tally=tally, workers=2, renew_token=renew, grace_s=30.0)
            )

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            while not asked.is_set() or tally.in_flight or tally.creates < 2:
                await anyio.sleep(0.01)
            await anyio.wait_all_tasks_blocked()
            stop.cancel_now()
            answered.set()
        (cut,) = summaries
        cut.books.check()
        assert cut.status is ExitStatus.INTERRUPTED
        assert tally.ended[State.IN_DOUBT] == 50
        again = await world.run(simulator, source)
    again.books.check()
    assert again.status is ExitStatus.OK
    assert set(made(simulator).values()) == {1}
    assert len(made(simulator)) == 150
