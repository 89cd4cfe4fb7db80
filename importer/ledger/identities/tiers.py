"""Many runs as one table of entries by key, the newest of each key counting (a log-structured merge tree).

A new run is added at the end. When eight of one level stand there, they are merged into one of the next level, a part
of the key space at a time, so that memory and the time of a step stay small; small merges go before a large one that is
under way, so there are never many runs. A filter says which keys were never added; when it is full, a larger one is
filled beside it, part by part too. Nearly all keys stand in one run only, so a look-up may begin with the run that
answered last: rows come in the order in which they came before. Keys that were added again are known too, by a second
filter, and are looked for in the newest run first.
"""

import zlib
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import chain
from typing import Final

from importer.ledger.identities.bloom import Filter, keys_of
from importer.ledger.identities.layout import KEY_BYTES
from importer.ledger.identities.runs import Run, RunWriter, bits_of_parts, parts
from importer.ledger.identities.storage import FILTER, Storage, Stored

_FILTER_BITS: Final = 18  #: 2 MiB, for a million keys
_LARGE_FILTER_BITS: Final = 20  #: 8 MiB for more, however many
_KEYS_A_WORD: Final = 4
_REPEATED_BITS: Final = 17
FAN_IN: Final = 8  #: runs of one level that are merged into one
_ABSENT_MAX: Final = 1 << 12  #: keys remembered to be in no run: more than are on their way
_RUNS_A_STEP: Final = 16
PART_ENTRIES: Final = 8_192  #: merged in one step, which takes some 5 ms


class Tiers:
    """A table; one thread at a time uses it."""

    def __init__(self, width: int, storage: Storage, commit: Callable[[], None]) -> None:
        """Begin empty; `commit` makes what is merged count (durably) before what it was merged from goes."""
        self._width, self._storage, self._commit = width, storage, commit
        self.runs: list[Run] = []  #: oldest first
        self._filter = Filter(_FILTER_BITS)
        self._repeated = Filter(_REPEATED_BITS)
        self._absent: set[bytes] = set()  # what the filter was wrong about, so that it is not looked for a second time
        self._favourites: list[Run] = []  # the one that answered most comes first
        self._merges: list[tuple[int, Generator[None]]] = []  # with their levels, the lowest last
        self._larger: Generator[None] | None = None  # fills a larger filter
        self._filling: Filter | None = None  # which takes new keys already

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
        size = len(data) - len(self._repeated)
        self._filter, self._repeated = Filter.loaded(data[:size]), Filter.loaded(data[size:])
        return True

    def refill(self, runs: Sequence[Run]) -> None:
        """Add the keys of these runs, the oldest first, to the filters; they are empty when these are all."""
        if self._filter.empty and self._is_full(0):
            self._filter = Filter(_LARGE_FILTER_BITS)
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
        if len(self._absent) > _ABSENT_MAX:
            self._absent.clear()
        self._absent.update(once, twice)
        self._favourites.sort(key=_hits, reverse=True)
        return found

    def remember(self, entries: Sequence[bytes]) -> dict[bytes, bytes]:
        """Get ready to append these entries, of different keys; return the older entries that they will replace.

        Until `append` they are not found.
        """
        new = [entry[:KEY_BYTES] for entry in entries]
        keys = b"".join(new)
        if self._filling is None and self._is_full(len(entries)):
            self._filling = Filter(_LARGE_FILTER_BITS)
            self._larger = self._refilled(self._filling)
        if self._filling is not None:
            self._filling.add(keys)
        there = [new[place] for place in self._filter.add(keys)]
        older = self.find(b"".join([key for key in there if key not in self._absent]))
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
        self._absent.difference_update([entry[:KEY_BYTES] for entry in entries])
        self.runs.append(run)
        self._favourites.append(run)
        return run

    def merge_some(self) -> None:
        """Do a step, and more of them the more runs there are."""
        for _ in range(1 + len(self.runs) // _RUNS_A_STEP):
            self.step()

    def step(self) -> bool:
        """Merge one part more, and fill a larger filter by one; return whether there was anything to do."""
        levels = [run.level for run in self.runs]
        under_way = self._merges[-1][0] if self._merges else max(levels, default=0) + 1
        level = next((one for one in range(under_way) if levels.count(one) >= FAN_IN), None)
        if level is not None:
            self._merges.append((level, self._merged([run for run in self.runs if run.level == level][:FAN_IN])))
        busy = bool(self._merges) or self._larger is not None
        if self._merges and next(self._merges[-1][1], self) is self:
            self._merges.pop()
        if self._larger is not None and next(self._larger, self) is self:
            self._larger = None
        return busy

    def _is_full(self, more: int) -> bool:
        """Return whether the filter is to be exchanged for a larger one before so many more keys come."""
        keys = sum(map(len, self.runs)) + more
        return self._filter.bits < _LARGE_FILTER_BITS and keys > _KEYS_A_WORD << self._filter.bits

    def _refilled(self, filling: Filter) -> Generator[None]:
        """Fill a larger filter with the keys of all runs, while it takes new ones too, and use it; yields each part."""
        bits = bits_of_parts(self.runs, PART_ENTRIES)
        try:
            for number in range(1 << bits):
                for run in self.runs:  # which may be others by then, with the same keys
                    filling.add(keys_of(run.part(number, bits)))
                yield
            self._filter = filling
        finally:
            self._filling = None

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

    def drop_unfinished(self) -> None:
        """Drop merges that are not done, and a larger filter that is not full yet."""
        for _level, merge in self._merges:
            merge.close()
        self._merges, self._larger, self._filling = [], None, None

    def close(self) -> None:
        """Close all files; merges that are not done are dropped."""
        self.drop_unfinished()
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
