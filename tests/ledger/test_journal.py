"""The journal's owner: the order of write, sync, rows and waking, and what it does when the disk fails."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from trio.testing import MockClock

from importer.errors import LedgerError
from importer.ledger.fold import Change, Fold
from importer.ledger.journal import Journal
from importer.ledger.position import Tail
from importer.ledger.replay import Replay
from tests.ledger.conftest import TestDisk, end, header, inline, intent, made, outcome, reject, run

ENOSPC, EIO = 28, 5


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run in virtual time."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}


@dataclass
class Bench:
    """A journal with a disk, ledgers and an index which write down what was asked of them."""

    path: Path
    log: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    noted: list[Change] = field(default_factory=list)
    full_rows: bool = False

    def __post_init__(self) -> None:
        """Open the files."""
        self.disk = TestDisk(self.log)
        self.reserve = self.path.with_name("reserve")
        self.reserve.write_bytes(b"\0" * 4096)
        self.fd = self.disk.open_append(self.path)
        self.journal = Journal(
            self.fd, Tail(), Fold(), disk=self.disk, rows=self, index=self,
            sizes=lambda: [0, 0], reserve=self.reserve, run_blocking=inline,
        )  # fmt: skip

    def write(self, results: Sequence[dict[str, Any]], failures: Sequence[dict[str, Any]]) -> None:
        """Take rows."""
        if results or failures:
            self.log.append("rows")
        if self.full_rows:
            raise OSError(ENOSPC, "No space left on device")
        self.rows += [*results, *failures]

    def note(self, changes: list[Change], position: Callable[[], dict[str, Any]]) -> None:
        """Take changes."""
        assert position()["n"] == self.journal.tail.n
        self.noted += changes

    @asynccontextmanager
    async def working(self) -> Any:
        """Run the journal's task, begin a ledger in it, and let it end by itself."""
        async with anyio.create_task_group() as group:
            group.start_soon(self.journal.run)
            try:
                self.journal.put(header())
                await self.journal.append(run())
                self.log.clear()
                yield self.journal
            finally:
                self.journal.close()

    def entries(self) -> list[str]:
        """Return the types of the entries in the file, which must be a sound journal."""
        replay = Replay(self.path)
        kinds = [step.entry["t"] for step in replay.steps()]
        assert replay.torn == b""
        return kinds


@contextmanager
def bench_of(path: Path) -> Iterator[Bench]:
    """Make a bench, and close its file."""
    made_one = Bench(path)
    try:
        yield made_one
    finally:
        os.close(made_one.fd)


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


async def test_closing_writes_and_syncs_what_waits(bench: Bench) -> None:
    """The journal's task ends by itself, when everything is written, synced and projected."""
    async with bench.working() as journal:
        journal.put(reject(0))
        journal.put(end())
    assert bench.log[-2:] == ["sync", "rows"]
    assert bench.entries() == ["header", "run", "reject", "end"]
    assert journal.poison is None


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
