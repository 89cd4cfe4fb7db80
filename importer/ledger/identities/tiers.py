"""Many runs as one table of entries by key, the newest of each key counting (a log-structured merge tree).

A new run is added at the end. When eight of one level stand there, they are merged into one of the next level, a part
of the key space at a time, so that memory and the time of a step stay small. A filter says which
keys were never added. Nearly all keys stand in one run only, so a look-up may begin with the run that answered last:
rows come in the order in which they came before. Keys that were added again are known too, by a second filter, and are
looked for in the newest run first.
"""

import zlib
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import chain
from typing import Final

from importer.ledger.identities.bloom import Filter, keys_of
from importer.ledger.identities.layout import KEY_BYTES
from importer.ledger.identities.runs import Run, RunWriter, parts
from importer.ledger.identities.storage import FILTER, Storage, Stored

_FILTER_BITS: Final = 18  #: to begin with: 2 MiB, for a million keys
_REPEATED_BITS: Final = 17
FAN_IN: Final = 8  #: runs of one level that are merged into one
PART_ENTRIES: Final = 8_192  #: merged in one step, which takes some 5 ms


class Tiers:
    """A table; one thread at a time uses it."""

    def __init__(self, width: int, storage: Storage, commit: Callable[[], None]) -> None:
        """Begin empty; `commit` makes what is merged count (durably) before what it was merged from goes."""
        self._width, self._storage, self._commit = width, storage, commit
        self.runs: list[Run] = []  #: oldest first
        self._filter = Filter(_FILTER_BITS)
        self._repeated = Filter(_REPEATED_BITS)
        self._favourites: list[Run] = []  # the one that answered most comes first
        self._merge: Generator[None] | None = None

    def begin(self, runs: Sequence[Run]) -> None:
        """Take over runs that were written before, oldest first; the filters are to follow."""
        self.runs, self._favourites = list(runs), list(runs)

    def save_filters(self, storage: Storage) -> tuple[Stored, int]:
        """Write the filters into a new file; return it, and the CRC-32 of what it holds."""
        file, crc = storage.create(FILTER), 0
        try:
            for piece in chain(self._filter.pieces(), self._repeated.pieces()):
                storage.write(file, piece)
                crc = zlib.crc32(piece, crc)
            storage.finish(file)
        except BaseException:
            file.remove()
            raise
        return file, crc

    def load_filters(self, file: Stored, crc: int) -> bool:
        """Take over filters that were written before; return whether they are what was written."""
        data = memoryview(file.read(file.size, 0))
        if zlib.crc32(data) != crc:
            return False
        size = len(data) - len(self._repeated)  # which never grows
        self._filter.load(data[:size])
        self._repeated.load(data[size:])
        return True

    def refill(self, runs: Sequence[Run]) -> None:
        """Add the keys of these runs, the oldest first, to the filters."""
        self._filter.fit(sum(map(len, self.runs)))
        for run in runs:
            for _number, _bits, (entries,) in parts([run], PART_ENTRIES):
                keys = keys_of(entries)
                self._repeated.add(b"".join(_picked(keys, self._filter.add(keys))))

    def find(self, keys: bytes) -> dict[bytes, bytes]:
        """Return the newest entries of the keys (16 bytes each, one after the other) that have any.

        Raises:
            DamagedError: a run is not what was written.
        """
        found: dict[bytes, bytes] = {}
        if not self.runs:
            return found
        wanted = _picked(keys, self._filter.perhaps(keys))
        repeated = self._repeated.perhaps(b"".join(wanted)) if not self._repeated.empty else ()
        again = dict.fromkeys(_picked(wanted, repeated))
        once = [key for key in wanted if key not in again] if again else wanted
        for run in self._favourites:
            before = len(found)
            once = run.find(once, found)
            run.hits = len(found) - before
        twice = list(again)
        for run in reversed(self.runs):
            twice = run.find(twice, found)
        self._favourites.sort(key=_hits, reverse=True)
        return found

    def remember(self, entries: Sequence[bytes]) -> dict[bytes, bytes]:
        """Get ready to append these entries, of different keys; return the older entries that they will replace."""
        keys = keys_of(entries)
        self._filter.fit(sum(map(len, self.runs)) + len(entries))
        older = self.find(b"".join(_picked(keys, self._filter.add(keys))))
        self._repeated.add(b"".join(older))
        return older

    def append(self, entries: Sequence[bytes], updates: int) -> Run:
        """Append a run of these entries, sorted and remembered, which replace so many older ones.

        An error leaves the table as it was, but for its filters, which then remember too much.
        """
        writer = RunWriter(self._storage, self._width, len(entries))
        try:
            writer.add(entries)
            run = writer.finish()
        except BaseException:
            writer.abandon()
            raise
        run.updates = updates
        self.runs.append(run)
        self._favourites.append(run)
        return run

    def step(self) -> bool:
        """Merge one part more, if there is anything to merge; return whether there was."""
        if self._merge is None:
            level = next((run.level for run in self.runs if self._mergeable(run.level)), None)
            if level is None:
                return False
            self._merge = self._merged([run for run in self.runs if run.level == level][:FAN_IN])
        if next(self._merge, self) is self:
            self._merge = None
        return True

    def _mergeable(self, level: int) -> bool:
        return sum(run.level == level for run in self.runs) >= FAN_IN

    def _merged(self, runs: Sequence[Run]) -> Generator[None]:
        """Merge neighbours into one run which takes their place; yields after each part."""
        writer = RunWriter(self._storage, self._width, sum(len(run) for run in runs))
        done = False
        try:
            for number, bits, lists in parts(runs, PART_ENTRIES):
                writer.add(merge_of(runs, lists), number, bits)
                yield
            merged = writer.finish()
            done = True
        finally:
            if not done:
                writer.abandon()
        merged.level = runs[0].level + 1
        merged.newest = runs[-1].newest
        place = self.runs.index(runs[0])
        merged.updates = sum(run.updates for run in runs) if place else 0  # nothing older is left to be replaced
        before, favourites = self.runs, self._favourites
        self.runs = [*before[:place], merged, *before[place + len(runs) :]]
        self._favourites = [merged, *(run for run in favourites if run not in runs)]
        try:
            self._commit()
        except BaseException:
            self.runs, self._favourites = before, favourites
            raise
        for run in runs:
            run.file.remove()

    def drop_merge(self) -> None:
        """Drop a merge that is not done."""
        if self._merge is not None:
            self._merge.close()
            self._merge = None

    def close(self) -> None:
        """Close all files; a merge that is not done is dropped."""
        self.drop_merge()
        for run in self.runs:
            run.file.close()
        self.begin([])


def merge_of(runs: Sequence[Run], lists: Sequence[list[bytes]]) -> list[bytes]:
    """Return the newest entry of each key, sorted, of a part of each of these runs, which are given oldest first."""
    if not any(run.updates for run in runs):
        return sorted([entry for entries in lists for entry in entries])
    newest: dict[bytes, bytes] = {}
    for entries in lists:
        newest.update({entry[:KEY_BYTES]: entry for entry in entries})
    return sorted(newest.values())


def _picked(keys: bytes | Sequence[bytes], places: Iterable[int]) -> list[bytes]:
    """Return the keys at some places."""
    if isinstance(keys, bytes):
        return [keys[place * KEY_BYTES : (place + 1) * KEY_BYTES] for place in places]
    return [keys[place] for place in places]


def _hits(run: Run) -> int:
    return run.hits
