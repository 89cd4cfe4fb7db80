"""What the index costs a record, beside other ways to keep as much: a first pass, and a second over the same rows.

    python -m benchmarks.index [--records 1000000] [--only runs sqlite lmdb rocksdict]

A pass looks up chunks of 1,000 rows and marks them; what is new is noted as created, 50 at a time, a while later. Each
way runs in a process of its own; figures are CPU time of all its threads, peak memory as the system counts it (for lmdb
with the pages of its file), and bytes on disk. `lmdb` and `rocksdict` are measured where they are installed.
"""

import argparse
import importlib
import multiprocessing
import resource
import sqlite3
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from importer.ledger.effects import Change
from importer.ledger.index import Index
from importer.model import State

CHUNK: Final = 1_000
BATCH: Final = 50
ON_THE_WAY: Final = 2_000  #: records between admission and outcome
_WRITTEN_AT_ONCE: Final = 20_000
_VALUE: Final = bytes(33)  #: state, content, name, source, run and line, as the runs hold them


class Way(Protocol):
    """A way to keep identities."""

    def meet(self, changes: Sequence[Change]) -> list[Change]:
        """Look up a chunk, mark it, and return what was not known."""
        ...

    def note(self, changes: Sequence[Change]) -> None:
        """Take what was created."""
        ...

    def close(self) -> None:
        """Write all and close."""
        ...


class Runs:
    """The importer's index."""

    def __init__(self, folder: Path, number: int) -> None:
        self._index = Index(folder, before_commit=lambda: None)
        self._index.begin_pass(number)

    def meet(self, changes: Sequence[Change]) -> list[Change]:
        """Look up, mark, return what is new."""
        known = self._index.known([change.identity for change in changes])
        self._index.mark({change.identity: (change.content, 0, 1, 1) for change in changes})
        self._index.flush()
        return [change for change in changes if change.identity not in known]

    def note(self, changes: Sequence[Change]) -> None:
        """Note."""
        self._index.note(changes, dict)

    def close(self) -> None:
        """Seal, write, close."""
        self._index.seal({})
        self._index.flush()
        self._index.save()
        self._index.close()


class _Buffered(ABC):
    """States and marks in dictionaries, written sorted when they are many."""

    def __init__(self) -> None:
        self.states: dict[bytes, bytes] = {}
        self.marks: dict[bytes, bytes] = {}

    def meet(self, changes: Sequence[Change]) -> list[Change]:
        """Look up, mark, return what is new."""
        keys = [bytes.fromhex(change.identity) for change in changes]
        known = self.stored([key for key in keys if key not in self.states])
        self.marks.update(dict.fromkeys(keys, _VALUE))
        if len(self.states) >= _WRITTEN_AT_ONCE or len(self.marks) >= 2 * _WRITTEN_AT_ONCE:
            self.flush()
        return [one for one, key in zip(changes, keys, strict=True) if key not in known and key not in self.states]

    def note(self, changes: Sequence[Change]) -> None:
        """Note."""
        self.states.update({bytes.fromhex(change.identity): _VALUE for change in changes})

    def flush(self) -> None:
        """Write states with their marks, and marks alone where the state is written already."""
        self.write(sorted(self.states.items()), sorted(self.marks.items()))
        self.states, self.marks = {}, {}

    @abstractmethod
    def stored(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return those of the keys that were written."""

    @abstractmethod
    def write(self, states: Sequence[tuple[bytes, bytes]], marks: Sequence[tuple[bytes, bytes]]) -> None:
        """Write, durably."""


class Sqlite(_Buffered):
    """A table without row ids, a state and a mark to a row."""

    def __init__(self, folder: Path, _number: int) -> None:
        super().__init__()
        folder.mkdir(exist_ok=True)
        self._db = sqlite3.connect(folder / "db", isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;"
            "CREATE TABLE IF NOT EXISTS records (key BLOB PRIMARY KEY, state BLOB, mark BLOB) WITHOUT ROWID;"
        )

    def stored(self, keys: Sequence[bytes]) -> set[bytes]:
        """Look up 500 at a time."""
        found: set[bytes] = set()
        for start in range(0, len(keys), 500):
            part = sorted(keys[start : start + 500])
            holes = ",".join("?" * len(part))
            query = f"SELECT key, state, mark FROM records WHERE key IN ({holes})"  # noqa: S608 - holes alone
            found |= {row[0] for row in self._db.execute(query, part)}
        return found

    def write(self, states: Sequence[tuple[bytes, bytes]], marks: Sequence[tuple[bytes, bytes]]) -> None:
        """Write in one transaction."""
        put = "INSERT INTO records VALUES (?1, {}) ON CONFLICT (key) DO UPDATE SET {} = ?2"
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(put.format("?2, NULL", "state"), states)
        self._db.executemany(put.format("NULL, ?2", "mark"), marks)
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Write all and close."""
        self.flush()
        self._db.close()


class Lmdb(_Buffered):
    """Two trees of LMDB."""

    def __init__(self, folder: Path, number: int) -> None:
        super().__init__()
        lmdb = importlib.import_module("lmdb")
        self._env: Any = lmdb.open(str(folder), map_size=1 << 35, max_dbs=2)
        self._states = self._env.open_db(b"states")
        self._marks = self._env.open_db(b"marks")
        with self._env.begin(write=True) as transaction:
            transaction.drop(self._marks, delete=False)
        self._number = number

    def stored(self, keys: Sequence[bytes]) -> set[bytes]:
        """Look up key by key, in order."""
        with self._env.begin(db=self._states) as states, self._env.begin(db=self._marks) as marks:
            return {key for key in sorted(keys) if states.get(key) is not None or marks.get(key) is not None}

    def write(self, states: Sequence[tuple[bytes, bytes]], marks: Sequence[tuple[bytes, bytes]]) -> None:
        """Write in one transaction."""
        with self._env.begin(write=True) as transaction:
            transaction.cursor(self._states).putmulti(states)
            transaction.cursor(self._marks).putmulti(marks)

    def close(self) -> None:
        """Write all and close."""
        self.flush()
        self._env.close()


class Rocks(_Buffered):
    """RocksDB, states and marks under different first bytes."""

    def __init__(self, folder: Path, number: int) -> None:
        super().__init__()
        self._rocks: Any = importlib.import_module("rocksdict")
        options = self._rocks.Options(raw_mode=True)
        options.create_if_missing(True)
        table = self._rocks.BlockBasedOptions()
        table.set_bloom_filter(10, False)
        options.set_block_based_table_factory(table)
        self._db = self._rocks.Rdict(str(folder), options)
        self._mark = bytes([number])

    def stored(self, keys: Sequence[bytes]) -> set[bytes]:
        """Look up all at once."""
        states = self._db.get([b"\0" + key for key in keys])
        marks = self._db.get([self._mark + key for key in keys])
        return {key for key, *told in zip(keys, states, marks, strict=True) if told != [None, None]}

    def write(self, states: Sequence[tuple[bytes, bytes]], marks: Sequence[tuple[bytes, bytes]]) -> None:
        """Write in one batch."""
        batch = self._rocks.WriteBatch(raw_mode=True)
        for first, items in ((b"\0", states), (self._mark, marks)):
            for key, value in items:
                batch.put(first + key, value)
        self._db.write(batch)
        self._db.flush_wal(True)

    def close(self) -> None:
        """Write all and close."""
        self.flush()
        self._db.close()


WAYS: Final[dict[str, type[Any]]] = {"runs": Runs, "sqlite": Sqlite, "lmdb": Lmdb, "rocksdict": Rocks}


class Figures(NamedTuple):
    """What a way costs."""

    first_us: float  #: CPU a record, all new
    second_us: float  #: CPU a record, all known
    open_s: float  #: between the passes
    peak_mib: int
    disk_mib: int


def changes(records: int) -> Iterator[Change]:
    """Yield as many records as were created."""
    for number in range(records):
        digest = blake2b(number.to_bytes(8, "big"), digest_size=24).hexdigest()
        yield Change(digest[:32], State.CREATED, digest[32:], f"Spring campaign {number} for Europe", "a.csv")


def one_pass(way: Way, records: Iterable[Change]) -> float:
    """Go over the records once; return the CPU seconds it took, without making the records."""
    waiting: list[Change] = []
    spent = 0.0
    records = iter(records)
    while chunk := list(islice(records, CHUNK)):
        began = time.process_time()
        waiting += way.meet(chunk)
        while len(waiting) >= ON_THE_WAY:
            way.note(waiting[:BATCH])
            del waiting[:BATCH]
        spent += time.process_time() - began
    began = time.process_time()
    if waiting:
        way.note(waiting)
    way.close()
    return spent + time.process_time() - began


def measure(name: str, records: int, send: Any) -> None:
    """Measure one way in this process; send the figures."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / name
        first = one_pass(WAYS[name](folder, 1), changes(records))
        began = time.perf_counter()
        way = WAYS[name](folder, 2)
        opened = time.perf_counter() - began
        disk = sum(path.stat().st_size for path in folder.rglob("*"))
        second = one_pass(way, changes(records))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    send.send(Figures(first / records * 1e6, second / records * 1e6, opened, peak, disk >> 20))


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="What the index costs a record.")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="+", choices=WAYS, default=list(WAYS))
    args = parser.parse_args(argv)
    print("way        first µs  second µs  open s  peak MiB  disk MiB")  # noqa: T201 - its output
    context = multiprocessing.get_context("spawn")
    for name in args.only:
        if name not in {"runs", "sqlite"} and find_spec(name) is None:
            print(f"{name:<10} is not installed")  # noqa: T201 - its output
            continue
        receive, send = context.Pipe(duplex=False)
        process = context.Process(target=measure, args=(name, args.records, send))
        process.start()
        told: Figures = receive.recv()
        process.join()
        first, second, opened, peak, disk = told
        print(f"{name:<10} {first:8.2f} {second:10.2f} {opened:7.2f} {peak:9} {disk:9}")  # noqa: T201 - its output
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
