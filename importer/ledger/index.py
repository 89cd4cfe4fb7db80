"""identity → state, derived from the journal: rebuildable, in bounded memory, allowed to lag.

What is newest is in memory: the states of changes (the overlay), the marks of what the pass has met. Two sides use it:
the event loop notes what journal entries changed (`note`), the worker thread that admits records looks up and marks
what it has seen (`known`, `mark`, …) and, now and then, writes a sealed chunk out. A chunk is sealed at a known
position of the journal, written as one sorted run and vouched for by the manifest together with the position, after the
ledgers were synced: whatever the manifest names is covered by durable journal lines up to its position, and replay goes
on from there.

A record that a pass sends is marked when it is admitted and noted when it is settled; its entry then holds the mark
too. Marks of records that are not noted go to runs of their own, which end with the process.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, Final

from importer.errors import AGAIN, LedgerError
from importer.ledger.disk import Disk, OsDisk
from importer.ledger.effects import Change
from importer.ledger.identities import layout
from importer.ledger.identities.layout import CODES, GUARDING, Known, Mark
from importer.ledger.identities.names import Names
from importer.ledger.identities.newest import Newest
from importer.ledger.identities.runs import DamagedError, parts
from importer.ledger.identities.states import States, carried, entries_of
from importer.ledger.identities.storage import Scratch
from importer.ledger.identities.tiers import PART_ENTRIES, Tiers, merge_of
from importer.ledger.identities.unmet import unmet
from importer.model import State

_DAMAGED: Final = "Delete the ledger's folder `index`: the next run makes it again from the journal."
CHUNK_RECORDS: Final = 8_192  #: written at once: a sync for less would cost more than all the rest
_ASKED_AT_ONCE: Final = 256
_NOTHING: Final = (None, None)


class Index:
    """What is known of every identity. One thread at a time looks up and flushes; the event loop only notes."""

    def __init__(
        self, folder: Path | None, *, before_commit: Callable[[], None], disk: Disk | None = None,
        read_only: bool = False,
    ) -> None:  # fmt: skip
        """Open or make the index in `folder`; `before_commit` syncs the ledgers.

        With None, or with `read_only`, nothing is written but nameless temporary files.

        Raises:
            OSError, LedgerError: it cannot be read or made.
            DamagedError: it is not what was written.
        """
        self._before_commit = before_commit
        self._lock = threading.Lock()  # guards what is in memory, never held during a read or write
        self._using = threading.RLock()  # guards the files: who stops need not wait for a thread that reads a source
        self._newest = Newest()
        self._marks: dict[str, Mark] = {}
        self._first_marks: dict[str, Mark] = {}  # which entries held that were replaced; any other mark is newer
        self._pass = 0
        self._scratch = Scratch()
        self._names: Names | None = None
        self._begun_with = 0  # records which guarded their names as the pass began
        self.broken: LedgerError | None = None  #: the error of a write, which is not tried again
        self._states = States(folder, disk or OsDisk(), read_only=read_only)
        self._met = self._no_marks()

    def _no_marks(self) -> Tiers:
        return Tiers(layout.MARK_ENTRY.size, self._scratch, lambda: None)

    @property
    def position(self) -> dict[str, Any] | None:
        """The position of the journal up to which the files are complete; None for an empty or older index."""
        return self._states.position

    def note(self, changes: Sequence[Change], position: Callable[[], dict[str, Any]]) -> None:
        """Take what durable, projected entries changed; `position` says up to where, when a chunk is sealed."""
        latest = {change.identity: change for change in changes}
        with self._lock:
            entries, told = entries_of(list(latest.values()), self._marks, self._pass, self._states.source_number)
            for identity in told:
                self._marks.pop(identity, None)
            if older := self._newest.find(latest).values():
                entries, back = carried(entries, {entry[: layout.KEY_BYTES]: entry for entry in older}, self._pass)
                self._first_marks |= back
            self._newest.add(zip(latest, entries, strict=True))
            if len(self._newest) >= CHUNK_RECORDS:
                self._newest.seal(position())

    def seal(self, position: dict[str, Any]) -> None:
        """Make everything noted so far ready to be written, at `position`."""
        with self._lock:
            self._newest.seal(position)

    def flush(self) -> None:
        """Write what is sealed and, when they are many, the marks; merge a little. Blocks; for the worker thread.

        Raises:
            LedgerError: the ledgers cannot be synced or the files cannot be written, now or at an earlier flush.
        """
        with self._writing():
            self._flush()
            self._states.tiers.merge_some()
            self._met.merge_some()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Have the files for oneself, to write; the first error is the last, since a failed sync is not tried again."""
        if self.broken is not None:
            raise self.broken
        try:
            with self._reading():
                yield
        except LedgerError as error:
            self.broken = error
            raise

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Have the files for oneself; what is wrong with them is the ledger's error."""
        try:
            with self._using:
                yield
        except DamagedError as error:
            raise LedgerError(f"the ledger's index is damaged: {error}", hint=_DAMAGED) from error
        except OSError as error:
            raise LedgerError(f"the ledger's index cannot be used: {error}", hint=AGAIN) from error

    def _flush(self) -> None:
        with self._lock:
            sealed = list(self._newest.sealed)
        if sealed:
            entries = sorted(reduce(or_, [layer for layer, _position in sealed]).values())
            older = self._states.tiers.remember(entries)
            entries, back = carried(entries, older, self._pass) if older else (entries, {})
            self._before_commit()
            self._states.write(entries, older, sealed[-1][1])
            with self._lock:
                back = self._first_marks | back
                self._first_marks = {}
            newer = self._met.find(b"".join(map(bytes.fromhex, back)))
            back = {identity: mark for identity, mark in back.items() if bytes.fromhex(identity) not in newer}
            with self._lock:
                if back:
                    self._marks = back | self._marks
                del self._newest.sealed[: len(sealed)]
        if len(self._marks) >= CHUNK_RECORDS:
            with self._lock:
                marks = self._marks.copy()
            entries = sorted(layout.mark_entries(marks.items()))
            self._met.append(entries, len(self._met.remember(entries)))
            with self._lock:
                for identity, mark in marks.items():
                    if self._marks.get(identity) is mark:  # else it is newer by now
                        del self._marks[identity]

    def begin_pass(self, number: int) -> bool:
        """Begin pass `number`. Return whether any record guards its name."""
        with self._reading():
            self._pass = number
            self._marks.clear()
            self._first_marks.clear()
            self._met.close()
            self._met = self._no_marks()
            self._close_names()
            self._begun_with = sum(self.count(state) for state in GUARDING)
        return self._begun_with > 0

    def source_number(self, name: str) -> int:
        """Return the number by which marks name a source."""
        with self._lock:
            return self._states.source_number(name)

    def source_name(self, number: int) -> str:
        """Return the name of a source by its number."""
        return self._states.sources[number]

    def filed(self, identities: Iterable[str]) -> dict[bytes, bytes]:
        """Return the entries that the files hold of identities, by key."""
        with self._reading():
            return self._states.tiers.find(bytes.fromhex("".join(identities)))

    def known(
        self, identities: Iterable[str], filed: Mapping[bytes, bytes] | None = None
    ) -> dict[str, tuple[Known | None, Mark | None]]:
        """Return what is known of each identity, and its mark of this pass; of what is neither, nothing.

        `filed` is what the files hold of them, where that was looked up just before.
        """
        wanted, this = dict.fromkeys(identities), self._this()
        keys = bytes.fromhex("".join(wanted))
        found: dict[str, tuple[Known | None, Mark | None]] = {}
        with self._reading():
            for key, entry in (self._states.tiers.find(keys) if filed is None else filed).items():
                found[key.hex()] = (layout.known_of(entry), layout.mark_in(entry, this))
            for key, entry in self._met.find(keys).items():
                identity = key.hex()
                found[identity] = (found.get(identity, _NOTHING)[0], layout.mark_of(entry))
        with self._lock:
            for identity, entry in self._newest.find(wanted).items():
                mark = found.get(identity, _NOTHING)[1]  # an entry holds the first mark, and this may be newer
                found[identity] = (layout.known_of(entry), mark or layout.mark_in(entry, this))
            for identity in self._first_marks.keys() & wanted.keys():
                known, mark = found.get(identity, _NOTHING)
                found[identity] = (known, mark or self._first_marks[identity])
            for identity in self._marks.keys() & wanted.keys():
                found[identity] = (found.get(identity, _NOTHING)[0], self._marks[identity])
        return found

    def all_created(self, identities: Sequence[str], contents: Iterable[str], filed: Mapping[bytes, bytes]) -> bool:
        """Return whether all of these are created, with this content, and none was met in this pass; see `known`."""
        if len(filed) < len(identities):
            return False
        keys = bytes.fromhex("".join(identities))
        with self._lock:
            if self._newest.holds(identities) or not self._marks.keys().isdisjoint(identities):
                return False
        with self._reading():
            if self._met.find(keys):
                return False
        entries = [filed[keys[at : at + layout.KEY_BYTES]] for at in range(0, len(keys), layout.KEY_BYTES)]
        return layout.are_created(entries, contents, self._this())

    def _this(self) -> bytes:
        """Return the number of the pass as entries hold it; empty when there is none, so that none holds it."""
        return self._pass.to_bytes(layout.RUN_END - layout.RUN_AT) if self._pass else b""

    def mark(self, marks: Mapping[str, Mark]) -> None:
        """Remember that these identities were met in this pass."""
        with self._lock:
            self._marks.update(marks)

    def unseen_holder(self, name: str) -> bool:
        """Return whether a record that guards `name` has not been met in this pass."""
        with self._reading():
            if self._names is None:
                self._names = Names(self._states.tiers.runs, self._scratch)
            bearers = (key.hex() for key in self._names.bearers(layout.name_digest(name)))
            while asked := [identity for identity, _ in zip(bearers, range(_ASKED_AT_ONCE), strict=False)]:
                for known, mark in self.known(asked).values():
                    if mark is None and known is not None and known.state in GUARDING:
                        return True
        return False

    def gone(self, sources: Sequence[str]) -> int:
        """Return how many campaigns were last met in `sources` and not in this pass, which is over.

        Blocks: reads all entries, and writes those anew that were met in another source than before.
        """
        self.flush()
        if not self._begun_with:
            return 0
        numbers, this = [self.source_number(name) for name in sources], self._this()
        with self._lock:
            told = [(identity, layout.mark_in(entry, this)) for identity, entry in self._newest]
            marks = {identity: mark for identity, mark in told if mark is not None}
            marks |= self._first_marks | self._marks
        count, moved = 0, list[bytes]()
        with self._writing():
            for more, entries in unmet(self._states.tiers.runs[:], self._met.runs, marks, self._pass, numbers):
                count += more
                moved += entries
                if len(moved) >= 8 * CHUNK_RECORDS:  # runs are not merged meanwhile, and each keeps a file open
                    self._states.write(moved, self._states.tiers.remember(moved), self.position)
                    moved = []
            if moved:
                self._states.write(moved, self._states.tiers.remember(moved), self.position)
        return count

    def count(self, state: State) -> int:
        """Return how many identities the files (without what is in memory) hold in `state`."""
        return self._states.counts[CODES[state]]

    def states(self) -> Iterator[tuple[str, State, str]]:
        """Yield identity, state and content of everything in the files (for `verify`)."""
        with self._reading():
            for _number, _bits, lists in parts(self._states.tiers.runs, PART_ENTRIES):
                for entry in merge_of(self._states.tiers.runs, lists):
                    known = layout.known_of(entry)
                    yield entry[: layout.KEY_BYTES].hex(), known.state, known.content

    def _close_names(self) -> None:
        if self._names is not None:
            self._names.close()
            self._names = None

    def save(self) -> None:
        """Save what makes the next opening quick. Blocks; raises `LedgerError` when it cannot be written."""
        with self._writing():
            self._states.save()

    def close(self) -> None:
        """Close the files; what is not sealed and flushed is left to the next opening's replay."""
        with self._using:
            self._close_names()
            self._met.close()
            self._states.close()
