"""A Bloom filter over identities: "never seen" is certain, "perhaps" is looked up. Pure.

One 64-bit word for each key (a blocked filter): the key's first bits choose the word, others one of 1,024 masks of five
bits. It keeps its size. With four keys a word it errs with one new key in a hundred, with ten in 14; it only gets
slower, never wrong.
"""

from collections.abc import Iterator, Sequence
from itertools import compress, count
from mmap import mmap
from struct import Struct
from typing import Final

from importer.ledger.identities.layout import KEY_BYTES

_PARTS: Final = Struct(">IxxH8x")  # the first 32 bits of a key, and 16 that come after them
_WORD: Final = 2**64 - 1
_MASK_BITS: Final = 5
_PIECE_WORDS: Final = 1 << 17  #: a mebibyte is copied at once


def _masks() -> list[int]:
    """Return masks of five bits which lie an odd number of places apart, turned to each place of the word."""
    bases = [sum(1 << (bit * stride & 63) for bit in range(_MASK_BITS)) for stride in range(1, 32, 2)]
    return [(base << turn | base >> (64 - turn)) & _WORD for base in bases for turn in range(64)]


_MASK: Final = _masks()


class Filter:
    """A set of keys that forgets nothing and sometimes remembers too much."""

    def __init__(self, bits: int) -> None:
        """Begin empty, with 2 to the power of `bits` words of 8 bytes."""
        self.bits = bits
        self.empty = True  #: whether nothing was ever added
        self._shift = 32 - bits
        self._bytes = mmap(-1, 8 << bits)  # what is not used takes no memory, and all of it goes back at once
        self._words = memoryview(self._bytes).cast("Q")

    def perhaps(self, keys: bytes) -> Iterator[int]:
        """Yield the places of the keys (16 bytes each, one after the other) that may have been added."""
        words, shift, masks = self._words, self._shift, _MASK
        found = [words[a >> shift] & (mask := masks[b & 1023]) == mask for a, b in _PARTS.iter_unpack(keys)]
        return compress(count(), found)

    def add(self, keys: bytes) -> list[int]:
        """Add keys; return the places of those that may have been there before."""
        words, shift, masks = self._words, self._shift, _MASK
        self.empty = self.empty and not keys
        there = []
        for place, (a, b) in enumerate(_PARTS.iter_unpack(keys)):
            word, mask = words[a >> shift], masks[b & 1023]
            if word & mask == mask:
                there.append(place)
            else:
                words[a >> shift] = word | mask
        return there

    def pieces(self) -> Iterator[bytes]:
        """Yield the filter as bytes for `loaded`, in this machine's order of bytes, in pieces: it may be large."""
        return (bytes(self._words[at : at + _PIECE_WORDS]) for at in range(0, len(self._words), _PIECE_WORDS))

    @classmethod
    def loaded(cls, data: bytes | memoryview) -> "Filter":
        """Return the filter that `pieces` gave; raises `ValueError` for bytes that are no filter."""
        bits = (len(data) // 8).bit_length() - 1
        if bits < 0 or len(data) != 8 << bits:
            raise ValueError("not the size of a filter")
        made = cls(bits)
        made._bytes[:] = data
        made.empty = not any(made._words)
        return made

    def __len__(self) -> int:
        """Return its size in bytes."""
        return 8 << self.bits


def keys_of(entries: Sequence[bytes]) -> bytes:
    """Return the keys of entries, one after the other."""
    return b"".join([entry[:KEY_BYTES] for entry in entries])
