"""Entries of a journal to build ledgers from, and a disk that remembers what was asked of it and fails on demand."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from trio.testing import MockClock

from importer.ledger import codec
from importer.ledger.disk import OsDisk
from importer.ledger.opening import Ledger, Owner, open_ledger
from tests.bodies import encode_batch

OWNER = Owner(base_url="https://api.hubapi.com", account="42", simulated=False, tool="0.0")
SCHEME = {"version": 1, "key_space": "", "key": []}

Entry = dict[str, Any]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run in virtual time."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}


def identity(n: int) -> str:
    """Return the identity of campaign `n`."""
    return f"{n:032x}"


def content(n: int) -> str:
    """Return the content digest of campaign `n`."""
    return f"{n:016x}"


def header() -> Entry:
    """Return a header."""
    return {"t": "header", "schema": 1, "journal": "ab", "tool": "0.0", "base_url": OWNER.base_url,
            "account": "42", "simulated": False}  # fmt: skip


def run(number: int = 1) -> Entry:
    """Return the beginning of a run."""
    return {"t": "run", "run": number, "tool": "0.0", "pid": 1, "host": "h", "at": 0.0, "sources": ["a.csv"],
            "scheme": SCHEME}  # fmt: skip


def intent(*numbers: int, run: int = 1, attempt: int = 1) -> Entry:
    """Return the intent to send these campaigns."""
    items = [(0, n, n + 2, identity(n), f"Name {n}", content(n)) for n in numbers]
    body = encode_batch([{"hs_name": f"Name {n}", "hs_notes": "ä"} for n in numbers])
    return {"t": "intent", "run": run, "a": attempt, "srv": [1000.0, 1001.0], "at": 1000.5, "src": ["a.csv"],
            "items": items, "body": body}  # fmt: skip


def outcome(of: int, **more: Any) -> Entry:
    """Return an outcome; what is not named is empty."""
    nothing: Entry = {"status": 201, "corr": "c-1", "note": None, "created": [], "failed": [], "returned": []}
    return {"t": "outcome", "of": of, "class": "answered"} | nothing | {"doubt": [], "extra": [], "s": 0.1} | more


def made(*indices: int, first_id: int = 500) -> list[Any]:
    """Return created items."""
    return [(n, str(first_id + n), "1970-01-01T00:16:41Z", "exact", None) for n in indices]


def refused(index: int, row: Any = None) -> Entry:
    """Return a failed item."""
    return {"i": index, "code": "refused", "message": "no", "column": None, "fix": None, "attribution": "record",
            "row": row}  # fmt: skip


def resolve(of: int, **more: Any) -> Entry:
    """Return a finding of reconciliation; what is not named is empty."""
    nothing: Entry = {"evidence": {"corr": "c-2"}, "created": [], "failed": [], "absent": [], "unresolved": []}
    return {"t": "resolve", "of": of, "run": 1} | nothing | more


def decision(of: int, index: int, number: int, said: str = "created") -> Entry:
    """Return what a person says."""
    return {"t": "decision", "of": of, "i": index, "identity": identity(number), "decision": said,
            "id": "900" if said == "created" else None, "reason": "seen", "user": "u", "at": 0.0}  # fmt: skip


def reject(*ordinals: int) -> Entry:
    """Return rows that are not sent."""
    problem = {"code": "name_missing", "message": "hs_name is blank", "column": "hs_name", "fix": None}
    items = [
        {"source": "a.csv", "ordinal": n, "line": n + 2, "identity": None, "name": None, "state": "failed",
         "problems": [problem], "row": {"hs_name": ""}}
        for n in ordinals
    ]  # fmt: skip
    return {"t": "reject", "run": 1, "items": items}


def end(run: int = 1) -> Entry:
    """Return the end of a run."""
    books = {"read": 1}
    return {"t": "end", "run": run, "reason": None, "at": 0.0, "books": books, "sources": [{"name": "a.csv"}]}


def life() -> list[Entry]:
    """Return the entries of a small ledger in which everything happens, without the header."""
    return [
        run(),  # 1
        intent(0, 1, 2),  # 2
        reject(3),
        outcome(2, created=made(0, 1), failed=[refused(2, {"hs_name": "Name 2"})]),
        intent(4, 5, 6, 7),  # 5
        outcome(5, doubt=[0, 1, 2], returned=[3]),
        resolve(5, created=made(0, first_id=600), absent=[1], unresolved=[(2, "it cannot be told")]),
        intent(5, 7, attempt=2),  # 8
        outcome(8, created=made(0, first_id=700), failed=[refused(1)]),
        decision(5, 2, 6),
        intent(9),  # 11
        end(),
    ]


def sealed(entries: Iterable[Entry]) -> list[bytes]:
    """Return the lines of a journal with these entries."""
    lines, crc = [], codec.SEED
    for n, entry in enumerate(entries):
        line, crc = codec.seal(codec.encode(entry), n, crc)
        lines.append(line)
    return lines


class TestDisk(OsDisk):
    """The real disk, which keeps a log of calls and fails when it is told to."""

    __test__ = False

    def __init__(self, log: list[str] | None = None) -> None:
        self.log: list[str] = [] if log is None else log
        self.failing: dict[tuple[str, int], OSError] = {}  #: method and how often it was called → what it raises
        self.room: int | None = None  #: bytes left
        self.torn = False  #: whether a write that has no room leaves half of itself
        self._calls: Counter[str] = Counter()

    def _called(self, method: str) -> None:
        self.log.append(method)
        self._calls[method] += 1
        error = self.failing.get((method, self._calls[method]))
        if error is not None:
            raise error

    def write(self, fd: int, data: bytes) -> int:
        """Write, as long as there is room."""
        self._called("write")
        if self.room is not None and len(data) > self.room:
            if self.torn:
                super().write(fd, data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        if self.room is not None:
            self.room -= len(data)
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        """Sync."""
        self._called("sync")
        super().sync(fd)

    def truncate(self, fd: int, size: int) -> None:
        """Cut."""
        self._called("truncate")
        super().truncate(fd, size)


async def inline(work: Callable[[], None]) -> None:
    """Run blocking work where it stands."""
    work()


RunBlocking = Callable[[Callable[[], None]], Awaitable[None]]


def write(folder: Path, entries: Iterable[Entry], *, owner: Owner = OWNER) -> None:
    """Open the ledger in `folder`, append entries and close it, as a run does."""

    async def work() -> None:
        ledger = open_ledger(folder, owner, run_blocking=inline)
        async with anyio.create_task_group() as group:
            group.start_soon(ledger.journal.run)
            for entry in entries:
                ledger.journal.put(entry)
            ledger.journal.close()
        ledger.close()

    anyio.run(work)


@contextmanager
def opened(folder: Path) -> Iterator[Ledger]:
    """Open a ledger and close its files again, without appending."""
    ledger = open_ledger(folder, OWNER)
    try:
        yield ledger
    finally:
        ledger.close()
