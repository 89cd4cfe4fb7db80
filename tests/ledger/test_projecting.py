"""What follows from durable entries: when it is done, how far it goes, and who waits for it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from importer.ledger.projecting import LATEST_S, MANY
from tests.ledger.conftest import intent, made, outcome, reject
from tests.ledger.journal_bench import Bench, bench_of


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a bench in a folder of its own."""
    with bench_of(tmp_path / "journal.jsonl") as made_one:
        yield made_one


async def test_an_announcement_returns_before_it_is_folded(bench: Bench) -> None:
    """W1: whoever announces what he is about to send waits for the sync and for nothing that follows from it."""
    async with bench.working() as journal:
        n = await journal.announce(intent(0))
        assert (bench.log, n, journal.fold.open) == (["write", "sync"], 2, {})
        assert journal.unfinished
        assert journal.position()["n"] == 2
        journal.put(outcome(n, created=made(0)))
        await journal.announce(intent(1))
        assert bench.log == ["write", "sync"] * 2
        await anyio.sleep(LATEST_S * 1.5)
        assert bench.log == ["write", "sync"] * 2 + ["rows"]
        assert not journal.unfinished
        assert ([row["id"] for row in bench.rows], [*journal.fold.open]) == (["500"], [4])
        assert journal.position()["n"] == 5


async def test_a_projection_costs_no_write(bench: Bench) -> None:
    """When the time to fold comes before the time to sync, what is written waits for the latter by itself."""
    async with bench.working() as journal:
        calls: list[str] = []

        async def counted(work: Callable[[], None]) -> None:
            calls.append("call")
            work()

        await journal.announce(intent(0))
        await anyio.sleep(LATEST_S / 2)
        journal.put(reject(0))
        await anyio.wait_all_tasks_blocked()
        journal._run_blocking = counted
        await anyio.sleep(LATEST_S)
        assert (calls, len(journal.fold.open)) == (["call"], 1)
        await anyio.sleep(1 + LATEST_S)
        assert (len(calls), bench.log[-1]) == (3, "rows")


async def test_many_announcements_are_folded_at_once(bench: Bench) -> None:
    """What is durable and not folded stays little, however quickly it comes."""
    async with bench.working() as journal, anyio.create_task_group() as group:
        for ordinal in range(MANY):
            assert len(journal.fold.open) == 0
            await journal.announce(intent(ordinal))
        await anyio.wait_all_tasks_blocked()
        assert len(journal.fold.open) == MANY
        group.cancel_scope.cancel()


async def test_the_index_is_told_of_nothing_that_is_not_synced(bench: Bench) -> None:
    """W3: the position that the index keeps ends with what is folded, though more is written by then."""
    async with bench.working() as journal:
        await journal.announce(intent(0))
        await anyio.sleep(LATEST_S / 2)
        journal.put(reject(0))
        await anyio.sleep(LATEST_S)
        assert bench.log == ["write", "sync", "write"]
        assert (journal.tail.n, bench.positions[-1], journal.position()["n"]) == (4, 3, 3)
        await journal.flush()
        assert (bench.positions[-1], journal.position()["n"]) == (4, 4)
