"""The gate in virtual time: so many at once, in their order, and no place lost to a cancellation."""

import anyio
import pytest
from trio.testing import MockClock

from importer.concurrency import ConcurrencyPolicy
from importer.gate import Gate


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, MockClock]]:
    """Run the shell in virtual time."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}


async def crowd(gate: Gate, count: int, latency_s: float, *, overload: bool = False) -> list[int]:
    """Send `count` requests through the gate; return how many were inside as each of them began."""
    inside, seen = 0, []

    async def work() -> None:
        nonlocal inside
        await gate.enter()
        inside += 1
        seen.append(inside)
        await anyio.sleep(latency_s)
        gate.ended(latency_s, 1_000.0, on_way=inside, overload=overload)
        inside -= 1
        gate.leave()

    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(work)
    return seen


async def test_a_fixed_number_is_never_exceeded() -> None:
    """Three places, twenty requests: never a fourth inside."""
    assert max(await crowd(Gate(ConcurrencyPolicy(workers=3)), 20, 0.1)) == 3


async def test_good_answers_open_the_gate_and_overloads_close_it() -> None:
    """Under a queue the places double up to the most; failures bring them down to the least."""
    gate = Gate(ConcurrencyPolicy())
    seen = await crowd(gate, 1_000, 0.1)
    assert (seen[0], max(seen), gate.allowed) == (1, 64, 64)
    await crowd(gate, 1_000, 0.1, overload=True)
    assert gate.allowed == 2
    assert max(await crowd(gate, 10, 0.1)) == 2


async def test_a_cancelled_waiter_takes_no_place() -> None:
    """Whoever gives up waiting leaves the gate as it was."""
    gate = Gate(ConcurrencyPolicy(workers=1))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(crowd, gate, 1, 5.0)
        await anyio.sleep(1.0)
        with anyio.move_on_after(1.0):
            await gate.enter()
            raise AssertionError("unreachable")
    assert gate.enter_nowait()
    gate.leave()
