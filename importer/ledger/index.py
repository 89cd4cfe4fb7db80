"""identity → state, derived from the journal: rebuildable, in bounded memory, allowed to lag.

A small SQLite file, written in sorted chunks, with what is newer in memory (the overlay). Two sides use it: the
event loop notes what journal entries changed (`note`), the worker thread that admits records looks up and marks
what it has seen (`known`, `mark`, …) and, now and then, writes a sealed chunk out. A chunk is sealed at a known
position of the journal and committed together with it, after the ledgers were synced: whatever the file says is covered
by durable journal lines up to its position, and replay goes on from there.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from importer import canonical
from importer.errors import AGAIN, LedgerError
from importer.ledger.fold import Change
from importer.ledger.tables import CODES, GUARDING, PUT_BOTH, PUT_MARK, PUT_STATE, SCHEMA, STATES, VERSION
from importer.model import State

_DAMAGED: Final = "Delete the ledger's index.sqlite: the next run makes it again from the journal."
CHUNK_RECORDS: Final = 20_000  #: written per batch, the index alone would cost 10 to 20 µs a record
_LOOKUP_MAX: Final = 500  #: bound variables in one query


class Known(NamedTuple):
    """What earlier entries say of an identity."""

    state: State
    content: int | None  #: digest of what was sent


class Mark(NamedTuple):
    """An identity was met in this pass."""

    content: int  #: digest of the row's content
    source: int  #: number of the source, as `source_number` gives it
    line: int | None  #: line number, or ordinal where the format has no lines
    times: int  #: how often it was met


@dataclass(frozen=True, slots=True)
class Sealed:
    """Changes up to a position of the journal, ready to be written."""

    states: dict[bytes, tuple[int, int, int]]
    position: dict[str, Any]


@dataclass(slots=True)
class _Overlay:
    states: dict[bytes, tuple[int, int, int]] = field(default_factory=dict)
    marks: dict[bytes, Mark] = field(default_factory=dict)


def signed(digest: str) -> int:
    """Return 16 hex digits as the signed integer that SQLite stores in 8 bytes."""
    return int.from_bytes(bytes.fromhex(digest), "big", signed=True)


def _name_number(name: str) -> int:
    digest = blake2b(canonical.name_key(name).encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big", signed=True)


class Index:
    """What is known of every identity. One thread at a time looks up and flushes; the event loop only notes."""

    def __init__(self, path: Path | str, *, before_commit: Callable[[], None]) -> None:
        """Open or make the index at `path` ("" for one in memory); `before_commit` syncs the ledgers."""
        self._before_commit = before_commit
        self._lock = threading.Lock()  # guards the overlay and what is sealed, never held during a query
        self._using = threading.RLock()  # guards the file: who stops need not wait for a thread that reads a source
        self._overlay = _Overlay()
        self._sealed: list[Sealed] = []
        self._pass = 0
        self.broken: LedgerError | None = None  #: the error of a write, which is not tried again
        if path:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # SQLite would let others read it
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # A rollback journal with full syncs stays consistent over a power loss and leaves one plain file when closed.
        settings = "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;"
        try:
            self._db.executescript(settings + SCHEMA)
            self._sources: list[str] = self.meta("sources") or []
        except (sqlite3.Error, ValueError):
            self._db.close()
            raise

    def meta(self, key: str) -> Any:
        """Return a stored value, None if there is none."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else orjson.loads(row[0])

    @property
    def position(self) -> dict[str, Any] | None:
        """The position of the journal up to which the file is complete; None for an empty or older file."""
        position = self.meta("position")
        return position if isinstance(position, dict) and position.get("version") == VERSION else None

    def copy_from(self, source: sqlite3.Connection) -> None:
        """Take over everything that another index file holds."""
        source.backup(self._db)
        self._sources = self.meta("sources") or []

    def note(self, changes: Sequence[Change], position: Callable[[], dict[str, Any]]) -> None:
        """Take what durable, projected entries changed; `position` says up to where, when a chunk is sealed."""
        taken = {
            bytes.fromhex(change.identity): (CODES[change.state], signed(change.content), _name_number(change.name))
            for change in changes
        }
        with self._lock:
            self._overlay.states.update(taken)
            if len(self._overlay.states) >= CHUNK_RECORDS:
                self._seal(position())

    def _seal(self, position: dict[str, Any]) -> None:
        self._sealed.append(Sealed(self._overlay.states, position | {"version": VERSION}))
        self._overlay.states = {}

    def seal(self, position: dict[str, Any]) -> None:
        """Make everything noted so far ready to be written, at `position`."""
        with self._lock:
            self._seal(position)

    def flush(self) -> None:
        """Write what is sealed (and, when they are many, the marks). Blocks; for the worker thread.

        Raises:
            LedgerError: the ledgers cannot be synced or the file cannot be written, now or at an earlier flush.
        """
        if self.broken is not None:  # a failed sync is never tried again
            raise self.broken
        try:
            with self._using:
                self._flush()
        except (OSError, sqlite3.Error) as error:
            self.broken = LedgerError(f"the ledger's index cannot be written: {error}", hint=AGAIN)
            raise self.broken from error

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Have the file for oneself; its errors are the ledger's."""
        try:
            with self._using:
                yield
        except sqlite3.Error as error:
            hint = AGAIN if isinstance(error, sqlite3.OperationalError) else _DAMAGED
            raise LedgerError(f"the ledger's index cannot be used: {error}", hint=hint) from error

    def _flush(self) -> None:
        with self._lock:
            sealed = list(self._sealed)
            due = bool(sealed) or len(self._overlay.marks) >= CHUNK_RECORDS
            marks = self._overlay.marks.copy() if due else {}
        if not due:
            return
        states: dict[bytes, tuple[int, int, int]] = {}
        for chunk in sealed:
            states |= chunk.states
        self._write(states, marks, sealed[-1].position if sealed else None)
        with self._lock:
            del self._sealed[: len(sealed)]
            for identity, mark in marks.items():
                if self._overlay.marks.get(identity) is mark:
                    del self._overlay.marks[identity]

    def _write(
        self, states: dict[bytes, tuple[int, int, int]], marks: dict[bytes, Mark], position: dict[str, Any] | None
    ) -> None:
        both = sorted(states.keys() & marks.keys())
        self._before_commit()
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(PUT_BOTH, ((key, *states[key], self._pass, *marks[key]) for key in both))
            self._db.executemany(PUT_STATE, ((key, *states[key]) for key in sorted(states.keys() - marks.keys())))
            self._db.executemany(
                PUT_MARK, ((key, self._pass, *marks[key]) for key in sorted(marks.keys() - states.keys()))
            )
            if position is not None:
                self._put_meta("position", position)
            self._put_meta("sources", self._sources)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk has ended it already
                self._db.execute("ROLLBACK")
            raise

    def _put_meta(self, key: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, orjson.dumps(value)))

    def begin_pass(self, number: int, *, names: bool) -> bool:
        """Begin pass `number`; with `names`, get ready to look up names. Return whether any record guards its name."""
        self._pass = number
        with self._in_use():
            holders = self._db.execute(f"SELECT 1 FROM records WHERE state IN {GUARDING} LIMIT 1").fetchone()  # noqa: S608 - constants and ? alone # nosec B608
            if holders is not None and names:
                self._db.execute("CREATE INDEX IF NOT EXISTS by_name ON records (name)")
        return holders is not None

    def source_number(self, name: str) -> int:
        """Return the number by which marks name a source."""
        if name not in self._sources:
            self._sources.append(name)
        return self._sources.index(name)

    def source_name(self, number: int) -> str:
        """Return the name of a source by its number."""
        return self._sources[number]

    def known(self, identities: Iterable[str]) -> dict[str, tuple[Known | None, Mark | None]]:
        """Return what is known of each identity, and its mark of this pass; what is not known is left out."""
        wanted = {bytes.fromhex(identity): identity for identity in identities}
        found: dict[str, tuple[Known | None, Mark | None]] = {}
        with self._in_use():
            rows = self._rows(sorted(wanted))
        for row in rows:
            mark = Mark(row[4], row[5], row[6], row[7]) if row[3] == self._pass else None
            found[wanted[row[0]]] = (Known(STATES[row[1]], row[2]), mark)
        with self._lock:
            layers = [chunk.states for chunk in self._sealed] + [self._overlay.states]
            for key, identity in wanted.items():
                known, mark = found.get(identity, (None, None))
                for layer in layers:
                    newer = layer.get(key)
                    known = known if newer is None else Known(STATES[newer[0]], newer[1])
                mark = self._overlay.marks.get(key, mark)
                if known is not None or mark is not None:
                    found[identity] = (known, mark)
        return found

    def _rows(self, keys: list[bytes]) -> list[Any]:
        rows: list[Any] = []
        for start in range(0, len(keys), _LOOKUP_MAX):
            part = keys[start : start + _LOOKUP_MAX]
            holes = ",".join("?" * len(part))
            rows += self._db.execute(
                "SELECT identity, state, content, seen, seen_content, seen_source, seen_line, seen_times"  # noqa: S608 - constants and ? alone # nosec B608
                f" FROM records WHERE identity IN ({holes})",
                part,
            )
        return rows

    def mark(self, identity: str, mark: Mark) -> None:
        """Remember that `identity` was met in this pass."""
        with self._lock:
            self._overlay.marks[bytes.fromhex(identity)] = mark

    def unseen_holder(self, name: str) -> bool:
        """Return whether a record that guards `name` has not been met in this pass."""
        query = f"SELECT identity, seen FROM records WHERE name = ? AND state IN {GUARDING}"  # noqa: S608 - constants and ? alone # nosec B608
        with self._in_use():
            rows = self._db.execute(query, (_name_number(name),)).fetchall()
        with self._lock:
            return any(
                seen != self._pass and key not in self._overlay.marks and self._still_guards(key) for key, seen in rows
            )

    def _still_guards(self, key: bytes) -> bool:
        """Return whether a record that guards its name in the file does so still: what was in doubt may be absent."""
        layers = (self._overlay.states, *(chunk.states for chunk in reversed(self._sealed)))
        newest = next((layer[key] for layer in layers if key in layer), None)
        return newest is None or newest[0] in GUARDING

    def gone(self, sources: Sequence[str]) -> int:
        """Return how many campaigns were made from rows of `sources` that this pass has not met."""
        self.flush()
        numbers = tuple(self._sources.index(name) for name in sources if name in self._sources)
        holes = ",".join("?" * len(numbers))
        query = f"SELECT identity FROM records WHERE state = 2 AND seen <> ? AND seen_source IN ({holes})"  # noqa: S608 - constants and ? alone # nosec B608
        with self._in_use(), self._lock:
            marks = self._overlay.marks
            return sum(1 for (key,) in self._db.execute(query, (self._pass, *numbers)) if key not in marks)

    def count(self, state: State) -> int:
        """Return how many identities the file (without the overlay) holds in `state`."""
        with self._in_use():
            row = self._db.execute("SELECT count(*) FROM records WHERE state = ?", (CODES[state],)).fetchone()
        return int(row[0])

    def states(self) -> Iterable[tuple[str, State, int | None]]:
        """Yield identity, state and content of everything in the file that the journal knows (for `verify`)."""
        query = "SELECT identity, state, content FROM records WHERE state <> 0"
        with self._in_use():
            for key, state, content in self._db.execute(query):
                yield key.hex(), STATES[state], content

    def close(self) -> None:
        """Close the file; what is not sealed and flushed is left to the next opening's replay."""
        with self._using:
            self._db.close()
