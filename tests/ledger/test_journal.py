"""The journal's owner: the order of write, sync, rows and waking."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from trio.testing import MockClock

from tests.ledger.conftest import end, intent, made, outcome, reject
from tests.ledger.journal_bench import Bench, bench_of


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run in virtual time."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a bench in a folder of its own."""
    with bench_of(tmp_path / "journal.jsonl") as made_one:
        yield made_one


async def test_an_append_returns_after_the_sync(bench: Bench) -> None:
    """W1: whoever waits for an intent goes on only when it was written and synced."""
    async with bench.working() as journal:
        n = await journal.append(intent(0))
        bench.log.append("went on")
        assert bench.log == ["write", "sync", "went on"]
        assert n == 2
        assert journal.fold.open[2].offset == bench.path.read_bytes().index(b'{"n":2,')


async def test_rows_come_after_the_sync(bench: Bench) -> None:
    """W3: a row of the ledgers is written only after the sync that covers its entry."""
    async with bench.working() as journal:
        of = await journal.append(intent(0))
        bench.log.clear()
        journal.put(outcome(of, created=made(0)))
        await anyio.sleep(0.5)
        assert bench.log == ["write"]
        assert (bench.rows, bench.noted) == ([], [])
        await journal.append(intent(1))
        assert bench.log == ["write", "write", "sync", "rows"]
        assert [row["id"] for row in bench.rows] == ["500"]
        assert len(bench.noted) == 1


async def test_a_put_is_synced_within_a_second(bench: Bench) -> None:
    """W2: an entry nobody waits for is written at once and synced a second later, with nothing else going on."""
    async with bench.working() as journal:
        journal.put(reject(0))
        await anyio.sleep(0.9)
        assert bench.log == ["write"]
        await anyio.sleep(0.2)
        assert bench.log == ["write", "sync", "rows"]


async def test_a_stream_of_puts_is_synced_each_second(bench: Bench) -> None:
    """W2: entries that keep coming, none of them waited for, do not put the sync off."""
    async with bench.working() as journal:
        for ordinal in range(100):
            journal.put(reject(ordinal))
            await anyio.sleep(0.1)
            assert len(bench.rows) >= ordinal - 10
        assert 9 <= bench.log.count("sync") <= 11


async def test_appends_at_one_time_share_a_sync(bench: Bench) -> None:
    """Group commit: what waits together is written and synced together, in order."""
    async with bench.working() as journal:
        numbers: list[int] = []

        async def one(number: int) -> None:
            numbers.append(await journal.append(intent(number)))

        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(one, number)
        assert bench.log.count("sync") <= 2
        assert sorted(numbers) == list(range(2, 202))
    assert bench.entries() == ["header", "run", *["intent"] * 200]


async def test_flush_waits_for_everything(bench: Bench) -> None:
    """After a flush all that was put is durable and in the ledgers; with nothing waiting it does nothing."""
    async with bench.working() as journal:
        journal.put(reject(0))
        await journal.flush()
        assert len(bench.rows) == 1
        bench.log.clear()
        await journal.flush()
        assert bench.log == []


async def test_flush_waits_for_what_is_under_way(bench: Bench) -> None:
    """A flush while the writer is at work waits for the entries in its hands, though none is in the queue."""
    async with bench.working() as journal:
        begun, go_on = anyio.Event(), anyio.Event()

        async def slowly(work: Callable[[], None]) -> None:
            begun.set()
            await go_on.wait()
            work()

        journal._run_blocking = slowly
        journal.put(reject(0))
        await begun.wait()
        async with anyio.create_task_group() as group:
            group.start_soon(journal.flush)
            await anyio.wait_all_tasks_blocked()
            assert bench.rows == []
            go_on.set()
        assert len(bench.rows) == 1


async def test_closing_writes_and_syncs_what_waits(bench: Bench) -> None:
    """The journal's task ends by itself, when everything is written, synced and projected."""
    async with bench.working() as journal:
        journal.put(reject(0))
        journal.put(end())
    assert bench.log[-2:] == ["sync", "rows"]
    assert bench.entries() == ["header", "run", "reject", "end"]
    assert journal.poison is None
