"""The journal when the disk fails: poison, a full disk, and what is tried again (nothing)."""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from importer.errors import LedgerError
from importer.ledger.journal import Journal
from importer.ledger.projecting import LATEST_S
from tests.ledger.conftest import decision, end, intent, made, outcome, reject, resolve
from tests.ledger.journal_bench import ENOSPC, Bench, bench_of

EIO = 5


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a bench in a folder of its own."""
    with bench_of(tmp_path / "journal.jsonl") as made_one:
        yield made_one


@pytest.mark.parametrize("method", ["write", "sync"])
async def test_the_first_error_poisons(bench: Bench, method: str) -> None:
    """W4: after the first failed write or sync nothing is taken any more, and neither is tried again."""
    async with bench.working() as journal:
        calls = bench.disk._calls
        bench.disk.failing = {(method, calls[method] + 1): OSError(EIO, "Input/output error")}
        async with anyio.create_task_group() as group:
            group.start_soon(_refused, journal, intent(0))
            group.start_soon(_refused, journal, outcome(2))
        bench.log.clear()
        for entry in (intent(1), outcome(2), end()):
            with pytest.raises(LedgerError, match="Input/output error"):
                journal.put(entry)
            with pytest.raises(LedgerError):
                await journal.append(entry)
        assert journal.poison is not None
    assert bench.log == []
    assert (bench.rows, bench.noted) == ([], [])


async def test_what_waited_behind_a_failed_sync_is_not_synced(bench: Bench) -> None:
    """W4: entries that came while the failing sync was under way get its error, and no second sync is tried."""
    async with bench.working() as journal:
        begun = anyio.Event()
        go_on = anyio.Event()

        async def slowly(work: Callable[[], None]) -> None:
            begun.set()
            await go_on.wait()
            work()

        journal._run_blocking = slowly
        bench.disk.failing = {("sync", bench.disk._calls["sync"] + 1): OSError(EIO, "Input/output error")}
        async with anyio.create_task_group() as group:
            group.start_soon(_refused, journal, intent(0))
            await begun.wait()
            group.start_soon(_refused, journal, intent(1))
            group.start_soon(_refused, journal, None)
            await anyio.wait_all_tasks_blocked()
            go_on.set()
    assert bench.log.count("sync") == 1
    assert bench.log.count("write") == 1


async def _refused(journal: Journal, entry: Any) -> None:
    with pytest.raises(LedgerError):
        await (journal.flush() if entry is None else journal.append(entry))


@pytest.mark.parametrize("torn", [False, True])
async def test_a_full_disk_refuses_intents_and_takes_outcomes(bench: Bench, torn: bool) -> None:
    """ENOSPC: the reserve is freed, what was torn is cut, intents are refused, what closes something is written."""
    async with bench.working() as journal:
        of = await journal.append(intent(0, 1))
        bench.disk.room, bench.disk.torn = 0, torn
        async with anyio.create_task_group() as group:
            group.start_soon(_refused, journal, intent(2))
            await anyio.wait_all_tasks_blocked()
        assert not bench.reserve.exists()
        assert bench.disk.log.count("truncate") == 1
        bench.disk.room = None  # the reserve's
        await journal.append(outcome(of, created=made(0), doubt=[1]))
        for entry in (intent(3), reject(0)):
            with pytest.raises(LedgerError, match="full") as caught:
                journal.put(entry)
            assert "Free some space" in str(caught.value.hint)
        journal.put(end())
    assert bench.entries() == ["header", "run", "intent", "outcome", "end"]
    assert bench.rows == []  # the next opening makes them: the room is kept for the journal
    assert bench.noted == []


async def test_an_outcome_that_meets_the_full_disk_is_written_into_the_reserve(bench: Bench) -> None:
    """ENOSPC met by an outcome and an intent together: the intent is refused, the outcome is written."""
    async with bench.working() as journal:
        of = await journal.append(intent(0))
        bench.disk.failing = {("write", bench.disk._calls["write"] + 1): OSError(ENOSPC, "No space left on device")}
        async with anyio.create_task_group() as group:
            group.start_soon(_refused, journal, intent(1))
            group.start_soon(journal.append, outcome(of, created=made(0)))
    assert bench.entries() == ["header", "run", "intent", "outcome"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
async def test_every_entry_that_closes_something_is_taken(bench: Bench, code: int) -> None:
    """A full disk, and a quota that is used up, with or without a reserve, still take all that closes what is open."""
    bench.reserve.unlink()
    async with bench.working() as journal:
        of = await journal.append(intent(0, 1, 2))
        bench.disk.failing = {("write", bench.disk._calls["write"] + 1): OSError(code, "no room")}
        await journal.append(outcome(of, doubt=[0, 1, 2]))
        assert "full" in str(journal.poison)
        journal.put(resolve(of, created=made(0), unresolved=[(1, "it cannot be told"), (2, "it cannot be told")]))
        journal.put(decision(of, 1, 1))
        journal.put({**end(), "t": "stop"})
        await journal.append(end())
    assert bench.entries() == ["header", "run", "intent", "outcome", "resolve", "decision", "stop", "end"]


async def test_the_disk_is_full_once(bench: Bench) -> None:
    """A second write without room is not tried again: what has a reserve has one."""
    async with bench.working() as journal:
        of = await journal.append(intent(0))
        calls, full = bench.disk._calls["write"], OSError(ENOSPC, "No space left on device")
        bench.disk.failing = {("write", calls + 1): full, ("write", calls + 3): full}
        await journal.append(outcome(of, doubt=[0]))
        await _refused(journal, resolve(of, absent=[0]))
        with pytest.raises(LedgerError):
            journal.put(end())
    assert bench.entries() == ["header", "run", "intent", "outcome"]


async def test_no_room_at_all_poisons(bench: Bench) -> None:
    """ENOSPC after the reserve was freed ends the journal's life, and what stands in the file is sound."""
    async with bench.working() as journal:
        of = await journal.append(intent(0))
        bench.disk.room = 0
        await _refused(journal, outcome(of, created=made(0)))
        with pytest.raises(LedgerError):
            journal.put(end())
    assert bench.entries() == ["header", "run", "intent"]


async def test_ledgers_without_room_cost_only_lateness(bench: Bench) -> None:
    """Rows that find no room do not undo the entry: it is durable, its waiter goes on, and no intent is taken."""
    async with bench.working() as journal:
        of = await journal.append(intent(0))
        bench.full_rows = True
        await journal.append(outcome(of, created=made(0)))
        with pytest.raises(LedgerError, match="ledgers"):
            journal.put(intent(1))
    assert bench.entries() == ["header", "run", "intent", "outcome"]
    assert bench.noted == []


async def test_an_entry_that_contradicts_poisons(bench: Bench) -> None:
    """An outcome of no intent is a bug of ours: nothing is sent after it."""
    async with bench.working() as journal:
        await _refused(journal, outcome(99, created=made(0)))
        with pytest.raises(LedgerError, match="contradicts"):
            journal.put(intent(0))


async def test_a_contradiction_that_is_found_late(bench: Bench) -> None:
    """What was written before a contradiction was found has no rows, and the journal can be closed."""
    with anyio.fail_after(5):
        async with bench.working() as journal:
            await journal.announce(outcome(99, created=made(0)))
            await anyio.sleep(LATEST_S / 2)
            journal.put(reject(0))
            await anyio.sleep(LATEST_S)
            with pytest.raises(LedgerError, match="contradicts"):
                await journal.flush()
    assert len(bench.path.read_bytes().splitlines()) == 4
    assert bench.rows == []
