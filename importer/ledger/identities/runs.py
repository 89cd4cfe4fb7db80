"""A run: entries of one width, sorted, in a file that never changes once it is written.

After the entries stands a directory: the first bits of a key name a bucket of some 16 to 32 entries, the directory says
where each bucket begins and its CRC-32. So a look-up is one small read, and damage is noticed before it is believed. At
the end stands a trailer with the CRC-32 of the directory, which thereby vouches for the whole run.
"""

import struct
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Final

from importer.ledger.identities.storage import RUN, Storage, Stored

_BUCKET_ENTRIES_MAX: Final = 32  #: on average
_TRAILER: Final = struct.Struct("<4sIIII")  # magic, width, bits, entries, CRC-32 of the directory
_MAGIC: Final = b"run2"
_PREFIX_BITS: Final = 64
_PREFIX: Final = struct.Struct(">Q8x")  # of a key
_PIECE_NUMBERS: Final = 1 << 16
_TOP: Final = b"\xff" * 64  # greater than every entry


class DamagedError(Exception):
    """A file of the index is not what was written."""


def bits_for(entries: int) -> int:
    """Return how many bits of a key choose its bucket in a run of so many entries."""
    return max(0, (entries - 1) // _BUCKET_ENTRIES_MAX).bit_length()


def _bound(bucket: int, bits: int) -> bytes:
    """Return the least key of a bucket; for the one after the last, what is greater than all keys."""
    if bucket >> bits:
        return _TOP
    return (bucket << (_PREFIX_BITS - bits)).to_bytes(_PREFIX_BITS // 8)


def _on_disk(numbers: "array[int]") -> Iterator[bytes]:
    """Yield numbers as they are written, in pieces, since a large directory has some MiB."""
    for at in range(0, len(numbers), _PIECE_NUMBERS):
        piece = numbers[at : at + _PIECE_NUMBERS]
        if sys.byteorder == "big":
            piece.byteswap()
        yield piece.tobytes()


def _in_memory(data: bytes) -> "array[int]":
    numbers = array("I", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


class Run:
    """A run that is open for reading; may be used by one thread at a time."""

    def __init__(self, file: Stored, width: int, starts: "array[int]", crcs: "array[int]", crc: int) -> None:
        """Take the file and its directory."""
        self.file, self.width, self.crc = file, width, crc
        self._starts, self._crcs = starts, crcs
        self.bits = len(crcs).bit_length() - 1
        self.level = 0  #: how often its entries were merged
        self.updates = 0  #: how many of its entries replace one of an older run
        self.hits = 0  #: keys that the latest look-up found here
        self.newest = 0  #: number of the newest run that was merged into it, its own if none was

    def __len__(self) -> int:
        """Return the number of entries."""
        return self._starts[-1]

    @classmethod
    def open(cls, file: Stored, width: int) -> "Run":
        """Open a run that was written before.

        Raises:
            DamagedError: it is not what was written, as far as its directory tells.
        """
        size = file.size
        try:
            magic, had, bits, entries, crc = _TRAILER.unpack(file.read(_TRAILER.size, max(0, size - _TRAILER.size)))
        except struct.error as error:
            raise DamagedError(f"{file.name} is cut short") from error
        buckets = 1 << bits if bits <= bits_for(entries) else 0
        directory = file.read(4 * (2 * buckets + 1), entries * width)
        whole = size == entries * width + len(directory) + _TRAILER.size
        if (magic, had) != (_MAGIC, width) or not whole or zlib.crc32(directory) != crc:
            raise DamagedError(f"{file.name} is not what was written")
        starts = _in_memory(directory[: 4 * (buckets + 1)])
        return cls(file, width, starts, _in_memory(directory[4 * (buckets + 1) :]), crc)

    def find(self, keys: Sequence[bytes], found: dict[bytes, bytes]) -> list[bytes]:
        """Add the entries of the keys that have one to `found`; return the keys that have none.

        Raises:
            DamagedError: a bucket is not what was written.
        """
        starts, crcs, width, read, crc32 = self._starts, self._crcs, self.width, self.file.read, zlib.crc32
        shift = _PREFIX_BITS - self.bits
        missing: list[bytes] = []
        for key, (prefix,) in zip(keys, _PREFIX.iter_unpack(b"".join(keys)), strict=True):
            bucket = prefix >> shift
            start = starts[bucket] * width
            data = read(starts[bucket + 1] * width - start, start)
            if crc32(data) != crcs[bucket]:
                raise self._damaged(bucket)
            at = data.find(key)
            while at % width and at >= 0:  # inside of an entry, by chance
                at = data.find(key, at + 1)
            if at < 0:
                missing.append(key)
            else:
                found[key] = data[at : at + width]
        return missing

    def part(self, number: int, bits: int) -> list[bytes]:
        """Return the entries whose keys begin with the `bits` bits of `number`, sorted."""
        if bits > self.bits:
            entries = self._buckets(number >> (bits - self.bits), 1)
            low = bisect_left(entries, _bound(number, bits))
            return entries[low : bisect_left(entries, _bound(number + 1, bits), low)]
        deeper = self.bits - bits
        return self._buckets(number << deeper, 1 << deeper)

    def _buckets(self, first: int, count: int) -> list[bytes]:
        starts, crcs, width = self._starts, self._crcs, self.width
        data = self.file.read((starts[first + count] - starts[first]) * width, starts[first] * width)
        view, base = memoryview(data), starts[first]
        bounds = pairwise(starts[first : first + count + 1])
        for bucket, (start, end) in enumerate(bounds, first):
            if zlib.crc32(view[(start - base) * width : (end - base) * width]) != crcs[bucket]:
                raise self._damaged(bucket)
        return [entry for (entry,) in struct.Struct(f"{width}s").iter_unpack(data)]

    def _damaged(self, bucket: int) -> DamagedError:
        return DamagedError(f"{self.file.name} is damaged in bucket {bucket}")


class RunWriter:
    """Writes a run, part after part of the key space."""

    def __init__(self, storage: Storage, width: int, entries: int) -> None:
        """Begin a run of at most so many entries."""
        self._storage, self._width = storage, width
        self.bits = bits_for(entries)
        # As large as they will be: what grows by itself is copied, and leaves holes in memory.
        self._starts, self._crcs = array("I", [0]) * ((1 << self.bits) + 1), array("I", [0]) * (1 << self.bits)
        self._written = 0
        self._file = storage.create(RUN)

    def add(self, entries: Sequence[bytes], number: int = 0, bits: int = 0) -> None:
        """Append the part of the key space that begins with the `bits` bits of `number`; parts come in order."""
        data = b"".join(entries)
        view, base, end = memoryview(data), self._written, 0
        deeper = self.bits - bits
        for bucket in range(number << deeper, (number + 1) << deeper):
            start, end = end, bisect_left(entries, _bound(bucket + 1, self.bits), end)
            self._starts[bucket + 1] = base + end
            self._crcs[bucket] = zlib.crc32(view[start * self._width : end * self._width])
        self._written = base + end
        self._storage.write(self._file, data)

    def finish(self) -> Run:
        """Write the directory and return the run, as durable as its storage makes it."""
        crc = 0
        for piece in chain(_on_disk(self._starts), _on_disk(self._crcs)):
            self._storage.write(self._file, piece)
            crc = zlib.crc32(piece, crc)
        self._storage.write(self._file, _TRAILER.pack(_MAGIC, self._width, self.bits, self._written, crc))
        self._storage.finish(self._file)
        return Run(self._file, self._width, self._starts, self._crcs, crc)

    def abandon(self) -> None:
        """Remove what was written."""
        self._file.remove()


def bits_of_parts(runs: Sequence[Run], entries_max: int) -> int:
    """Return how many bits choose among parts of the key space that have about so many entries of these runs."""
    return max(0, sum(len(run) for run in runs) // entries_max).bit_length()


def parts(runs: Sequence[Run], entries_max: int) -> Iterator[tuple[int, int, list[list[bytes]]]]:
    """Yield the runs' entries in parts of the key space of about so many: number, bits, and a list for each run."""
    bits = bits_of_parts(runs, entries_max)
    for number in range(1 << bits):
        yield number, bits, [run.part(number, bits) for run in runs]
