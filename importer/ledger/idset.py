"""Ids of campaigns, each with one number, in bounded memory: sorted runs in nameless files. Everything here blocks."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final

from importer.ledger.identities.layout import KEY_BYTES
from importer.ledger.identities.storage import Scratch
from importer.ledger.identities.tiers import Tiers

_MARK_BYTES: Final = 4
_CHUNK_IDS: Final = 16_384  #: kept in memory before they are written
_STEPS: Final = 10  #: for each chunk: merging it takes two on each level, and ten million ids have four


class IdSet:
    """Ids and their marks, numbers below 2^32; the latest mark of an id counts. One thread at a time uses it."""

    def __init__(self) -> None:
        """Begin empty."""
        self._tiers = Tiers(KEY_BYTES + _MARK_BYTES, Scratch(), lambda: None)
        self._recent: dict[bytes, bytes] = {}

    def add(self, marks: Mapping[str, int]) -> None:
        """Take ids and their marks. Raises `OSError`."""
        self._recent.update({_key(one): mark.to_bytes(_MARK_BYTES, "big") for one, mark in marks.items()})
        if len(self._recent) >= _CHUNK_IDS:
            entries = sorted(key + mark for key, mark in self._recent.items())
            self._tiers.append(entries, len(self._tiers.remember(entries)))
            for _ in range(_STEPS):
                self._tiers.step()
            self._recent = {}

    def find(self, ids: Iterable[str]) -> dict[str, int]:
        """Return the marks of those of `ids` that were added. Raises `OSError`."""
        wanted = {_key(one): one for one in ids}
        found = self._tiers.find(b"".join(wanted)) if wanted else {}
        marks = {key: entry[KEY_BYTES:] for key, entry in found.items()}
        marks |= {key: self._recent[key] for key in wanted.keys() & self._recent.keys()}
        return {wanted[key]: int.from_bytes(mark, "big") for key, mark in marks.items()}

    def close(self) -> None:
        """Give the files back."""
        self._tiers.close()


def _key(of_one: str) -> bytes:
    return blake2b(of_one.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()
