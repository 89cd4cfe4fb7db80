"""Records → batches of at most 50, and batches → halves. Pure.

No two records of one name in a batch, where that can be had: then the name alone tells results apart. It is best
effort: when too many batches would stand open, a record joins the fullest one and pairing works harder.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from importer import canonical
from importer.model import BATCH_RECORDS_MAX, Batch, Record

Encode = Callable[[Sequence[Record]], bytes]

OPEN_BATCHES_MAX: Final = 8
BODY_BYTES_MAX: Final = 1 << 20  #: HubSpot documents no limit; a megabyte keeps a request far from a 413


@dataclass(slots=True)
class _Open:
    records: list[Record] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    size_bytes: int = 0  #: of the records as they are written, or of their values, a lower bound


class Batcher:
    """Collects records and gives out full batches, in the order in which they fill."""

    def __init__(self, encode: Encode, *, records_max: int = BATCH_RECORDS_MAX) -> None:
        """Take the serialiser of a request body (`wire.encode_records`)."""
        assert 1 <= records_max <= BATCH_RECORDS_MAX
        self._encode, self._records_max = encode, records_max
        self._open: list[_Open] = []

    def add(self, records: Iterable[Record]) -> list[Batch]:
        """Take records; return the batches which are full with them."""
        full: list[Batch] = []
        waiting = list(records)
        at = 0
        while at < len(waiting):
            taken = self._fill(waiting, at)
            if not taken:
                full += self._add_one(waiting[at])
            elif len(self._open[0].records) == self._records_max:
                full.append(self._close(self._open[0]))
            at += taken or 1
        return full

    def _fill(self, waiting: Sequence[Record], at: int) -> int:
        """Put as many records into the only open batch as it has room for; return how many, 0 if they do not fit."""
        if len(self._open) > 1:
            return 0
        chosen = self._open[0] if self._open else _Open()
        records = waiting[at : at + self._records_max - len(chosen.records)]
        names = canonical.texts([record.name for record in records])
        size = chosen.size_bytes + sum([len(record.payload) or _size(record) for record in records])
        if size > BODY_BYTES_MAX or len({*names}) < len(names) or not chosen.names.isdisjoint(names):
            return 0
        chosen.records += records
        chosen.names.update(names)
        chosen.size_bytes = size
        self._open = [chosen]
        return len(records)

    def _add_one(self, record: Record) -> list[Batch]:
        """Take a record into an open batch that has none of its name; return the batches which are full with it."""
        full: list[Batch] = []
        name = canonical.text(record.name)
        size = len(record.payload) or _size(record)
        chosen = self._choose(name)
        if chosen.records and chosen.size_bytes + size > BODY_BYTES_MAX:
            full.append(self._close(chosen))
            chosen = self._choose(name)
        chosen.records.append(record)
        chosen.names.add(name)
        chosen.size_bytes += size
        if len(chosen.records) == self._records_max:
            full.append(self._close(chosen))
        return full

    def _choose(self, name: str) -> _Open:
        for candidate in self._open:
            if name not in candidate.names:
                return candidate
        if len(self._open) == OPEN_BATCHES_MAX:
            return max(self._open, key=lambda candidate: len(candidate.records))
        self._open.append(_Open())
        return self._open[-1]

    def _close(self, full: _Open) -> Batch:
        self._open.remove(full)
        return make_batch(full.records, self._encode)

    def drain(self) -> Iterator[Batch]:
        """Yield what is left, oldest first."""
        for left in list(self._open):
            yield self._close(left)


def _size(record: Record) -> int:
    return sum(map(len, record.properties.values()))


def make_batch(records: Sequence[Record], encode: Encode) -> Batch:
    """Return a batch of `records`, serialised."""
    return Batch(records=tuple(records), body=encode(records))


def bisect(batch: Batch, encode: Encode) -> tuple[Batch, ...]:
    """Return the two halves of a batch of more than one record; together they hold its records in order."""
    middle = len(batch.records) // 2
    assert middle
    return make_batch(batch.records[:middle], encode), make_batch(batch.records[middle:], encode)


def subset(batch: Batch, indices: Sequence[int], encode: Encode) -> Batch:
    """Return the batch of the records at `indices` (at least one)."""
    if len(indices) == len(batch.records):
        return batch
    return make_batch([batch.records[index] for index in indices], encode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A batch on its way through the run."""

    batch: Batch
    attempt: int = 1  #: 1 + how often its records were sent before


def halves(work: Work, encode: Encode) -> tuple[Work, ...]:
    """Return the work of a batch's two halves."""
    return tuple(Work(batch=half, attempt=work.attempt) for half in bisect(work.batch, encode))


def send_again(work: Work, indices: Sequence[int], encode: Encode, *, alone: bool) -> tuple[Work, ...]:
    """Return the work of the records at `indices`, which were not made: in one batch, or each alone to learn why."""
    if not indices:
        return ()
    groups = [[index] for index in indices] if alone else [list(indices)]
    return tuple(Work(batch=subset(work.batch, group, encode), attempt=work.attempt + 1) for group in groups)
