"""The shell of the rate limit in virtual time: fair, patient, and safe to cancel."""

from contextlib import suppress
from itertools import pairwise
from random import Random

import anyio
import pytest
from anyio.lowlevel import checkpoint
from trio.testing import MockClock

from importer.pacing import Pacer, RatePolicy, RollingWindow

HEADER = "x-hubspot-ratelimit-"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, MockClock]]:
    """Run the shell in virtual time."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}


async def test_a_pause_holds_everybody_and_ends_without_a_stampede() -> None:
    """Nobody sends during a pause; afterwards all go on in their order, evenly for one window."""
    pacer = Pacer(RollingWindow(RatePolicy(requests=10)))
    entered: list[tuple[int, float]] = []

    async def work(number: int) -> None:
        async with pacer.slot() as slot:
            entered.append((number, anyio.current_time() - start))
            slot.answered({})

    start = anyio.current_time()
    pacer.pause(30.0)
    pacer.pause(5.0)
    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(work, number)
            await checkpoint()
        await anyio.sleep(1.0)
        assert pacer.idle_reason == "HubSpot asked for a pause, 29 s left"
    assert [number for number, _ in entered] == list(range(10))
    assert entered[0][1] == pytest.approx(30.0)
    assert all(later - earlier >= 0.99 for (_, earlier), (_, later) in pairwise(entered))
    assert pacer.idle_reason is None


async def test_a_pause_reaches_those_who_wait_already() -> None:
    """Whoever waits for a slot when the pause begins waits for its end too."""
    pacer = Pacer(RollingWindow(RatePolicy(requests=1)))
    start = anyio.current_time()
    async with pacer.slot() as slot:
        slot.answered({})

    async def waiter() -> None:
        async with pacer.slot():
            assert anyio.current_time() - start == pytest.approx(100.0, abs=0.1)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waiter)
        await anyio.sleep(5.0)
        assert pacer.idle_reason == "the rate limit of 1 requests in 10 s"
        pacer.pause(95.0)


async def test_a_cancelled_waiter_leaves_its_place_and_no_slot() -> None:
    """Cancelled while it waits, first or not, a task takes nothing with it."""
    pacer = Pacer(RollingWindow(RatePolicy(requests=1)))
    start = anyio.current_time()
    async with pacer.slot() as slot:
        slot.answered({})
    for _ in range(2):
        with anyio.move_on_after(1.0):
            async with pacer.slot():
                raise AssertionError("unreachable")
    async with pacer.slot():
        assert anyio.current_time() - start == pytest.approx(10.0, abs=0.1)


async def test_a_slot_without_an_answer_is_given_up_one_window_later() -> None:
    """An error inside the block counts as a request sent just then."""
    pacer = Pacer(RollingWindow(RatePolicy(requests=1)))
    with suppress(ValueError):
        async with pacer.slot():
            await anyio.sleep(3.0)
            raise ValueError
    start = anyio.current_time()
    async with pacer.slot():
        assert anyio.current_time() - start == pytest.approx(10.0, abs=0.1)


async def test_a_raised_limit_lets_waiters_in_at_once() -> None:
    """An answer that names a higher limit wakes the queue."""
    pacer = Pacer(RollingWindow(RatePolicy(requests=1)))
    start = anyio.current_time()

    async def waiter() -> None:
        async with pacer.slot():
            assert anyio.current_time() - start == pytest.approx(2.0)

    async with anyio.create_task_group() as tasks, pacer.slot() as slot:
        tasks.start_soon(waiter)
        await anyio.sleep(2.0)
        slot.answered({f"{HEADER}max": "2"})
    assert pacer.permitted_per_s == pytest.approx(0.2)


async def test_many_workers_share_the_limit() -> None:
    """Workers with random latencies: no window of arrivals holds too many, and nearly all of the rate is used."""
    random = Random(7)
    pacer = Pacer()
    start = anyio.current_time()
    arrivals: list[float] = []

    async def worker() -> None:
        while anyio.current_time() - start < 120.0:
            async with pacer.slot() as slot:
                await anyio.sleep(random.uniform(0.01, 0.2))
                arrivals.append(anyio.current_time())
                await anyio.sleep(random.uniform(0.01, 0.2))
                slot.answered({f"{HEADER}max": "190"})

    async with anyio.create_task_group() as tasks:
        for _ in range(40):
            tasks.start_soon(worker)
    assert all(later - earlier > 10.0 for earlier, later in zip(arrivals, arrivals[190:], strict=False))
    assert len(arrivals) / (190 * 12) >= 0.95
