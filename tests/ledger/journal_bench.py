"""A journal on a bench: its disk, ledgers and index write down what was asked of them."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from importer.ledger.effects import Change
from importer.ledger.fold import Fold
from importer.ledger.journal import Journal
from importer.ledger.position import Tail
from importer.ledger.replay import Replay
from tests.ledger.conftest import TestDisk, header, inline, run

ENOSPC = 28


@dataclass
class Bench:
    """A journal with a disk, ledgers and an index which write down what was asked of them."""

    path: Path
    log: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    noted: list[Change] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)  # up to which the index was told
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
        assert position()["n"] <= self.journal.tail.n
        self.positions.append(position()["n"])
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
