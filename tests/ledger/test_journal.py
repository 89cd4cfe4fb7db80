"""The journal's owner: the order of write, sync, rows and waking."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from importer.ledger.journal import in_thread
from importer.ledger.projecting import LATEST_S
from tests.ledger.conftest import end, intent, made, outcome, reject
from tests.ledger.journal_bench import Bench, bench_of


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
        assert bench.log == ["write", "sync"]
        await anyio.sleep(LATEST_S)
        assert bench.log == ["write", "sync", "rows"]


async def test_a_stream_of_puts_is_synced_each_second(bench: Bench) -> None:
    """W2: entries that keep coming, none of them waited for, do not put the sync off."""
    async with bench.working() as journal:
        for ordinal in range(100):
            journal.put(reject(ordinal))
            await anyio.sleep(0.1)
            assert len(bench.rows) >= ordinal - 10 * (1 + LATEST_S)
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


async def test_an_outcome_shares_a_sync_with_the_next_intent(bench: Bench) -> None:
    """Group commit: a worker that closes one batch and announces the next costs one write, not two."""
    async with bench.working() as journal:
        of = await journal.append(intent(0))
        bench.log.clear()
        journal.put(outcome(of, created=made(0)))
        await anyio.lowlevel.checkpoint()  # as a worker takes its next batch from the stream
        await journal.append(intent(1))
        assert bench.log == ["write", "sync", "rows"]


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


async def test_flush_does_not_wait_for_the_second(bench: Bench) -> None:
    """A flush of entries that are written and not yet synced syncs them at once, though nothing new is in the queue."""
    async with bench.working() as journal:
        assert not journal.unfinished
        journal.put(reject(0))
        assert journal.unfinished
        await anyio.wait_all_tasks_blocked()
        assert (bench.log, journal.unfinished) == (["write"], True)
        with anyio.fail_after(0.5):
            await journal.flush()
        assert bench.log == ["write", "sync", "rows"]
        assert not journal.unfinished


async def test_an_entry_behind_a_flush_is_written(bench: Bench) -> None:
    """What is handed over after a flush began shares its group, and is written with it."""
    async with bench.working() as journal, anyio.create_task_group() as group:
        journal.put(reject(0))
        group.start_soon(journal.flush)
        await anyio.lowlevel.checkpoint()
        journal.put(reject(1))
        assert journal.unfinished
    assert bench.entries() == ["header", "run", "reject", "reject"]


async def test_an_idle_journal_closes(bench: Bench) -> None:
    """A journal that nothing was handed to waits, has nothing to flush, and ends when it is closed."""
    async with anyio.create_task_group() as group:
        group.start_soon(bench.journal.run)
        await anyio.wait_all_tasks_blocked()
        await bench.journal.flush()
        assert not bench.journal.unfinished
        bench.journal.close()
    assert bench.log == []


@pytest.mark.parametrize("durable", [False, True])
async def test_closed_while_it_writes(bench: Bench, durable: bool) -> None:
    """W6: a closing during a write leaves nothing unsynced, nor unwritten what was handed over during it."""
    begun, go_on = anyio.Event(), anyio.Event()

    async def slowly(work: Callable[[], None]) -> None:
        begun.set()
        await go_on.wait()
        work()

    with anyio.fail_after(0.5):
        async with bench.working() as journal, anyio.create_task_group() as group:
            journal._run_blocking = slowly
            if durable:
                group.start_soon(journal.append, reject(0))
            else:
                journal.put(reject(0))
            await begun.wait()
            if durable:
                journal.put(reject(1))
            journal.close()
            go_on.set()
    expected = ["reject"] * (1 + durable)
    assert bench.entries() == ["header", "run", *expected]
    assert len(bench.rows) == len(expected)


async def test_a_closing_does_not_wait_for_the_second(bench: Bench) -> None:
    """Entries that are written and not yet synced are synced at once when the journal is closed."""
    with anyio.fail_after(0.5):
        async with bench.working() as journal:
            journal.put(reject(0))
            await anyio.wait_all_tasks_blocked()
            assert bench.log == ["write"]
    assert bench.log == ["write", "sync", "rows"]


async def test_a_write_in_its_thread_is_finished() -> None:
    """W6: a cancellation does not cut a write that is under way; it takes effect when the write is done."""
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()
    ended: list[bool] = []

    def work() -> None:
        begun.set()
        go_on.wait(5)
        done.set()

    async def one() -> None:
        try:
            await in_thread(work)
        finally:
            ended.append(done.is_set())

    async with anyio.create_task_group() as group:
        group.start_soon(one)
        assert await anyio.to_thread.run_sync(begun.wait, 5)
        group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.wait_all_tasks_blocked()
            go_on.set()
    assert ended == [True]


async def test_closing_writes_and_syncs_what_waits(bench: Bench) -> None:
    """The journal's task ends by itself, when everything is written, synced and projected."""
    async with bench.working() as journal:
        journal.put(reject(0))
        journal.put(end())
    assert bench.log[-2:] == ["sync", "rows"]
    assert bench.entries() == ["header", "run", "reject", "end"]
    assert journal.poison is None
