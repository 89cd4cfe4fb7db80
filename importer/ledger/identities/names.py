"""Who bears a name: identities in the order of their names, made when a pass first asks.

Hardly a pass asks: only one without a key, over a ledger that held something, with a new row. So names are not kept in
order all the time; what runs say of those that guard their names is sorted into a nameless file when it is needed.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from importer.ledger.identities.layout import CODE_AT, GUARDING_CODES, KEY_BYTES, NAME_AT, NAME_BYTES, SOURCE_AT
from importer.ledger.identities.runs import Run, RunWriter, parts
from importer.ledger.identities.storage import Storage

_WIDTH: Final = NAME_BYTES + KEY_BYTES
_NAME_BITS: Final = 8 * NAME_BYTES
_SORTED_AT_ONCE: Final = 65_536
_PART_ENTRIES: Final = 16_384


class Names:
    """Names of the records that some runs hold, as they were when it was made."""

    def __init__(self, runs: Sequence[Run], storage: Storage) -> None:
        """Sort the names of the records in `runs` that guard theirs. Blocks: about a second for a million."""
        pieces: list[Run] = []
        try:
            for bearers in _bearers(runs):
                writer = RunWriter(storage, _WIDTH, len(bearers))
                writer.add(bearers)
                pieces.append(writer.finish())
            writer = RunWriter(storage, _WIDTH, sum(len(piece) for piece in pieces))
            for number, bits, lists in parts(pieces, _PART_ENTRIES):
                writer.add(sorted([bearer for bearers in lists for bearer in bearers]), number, bits)
            self._run = writer.finish()
        finally:
            for piece in pieces:
                piece.file.close()

    def bearers(self, name: bytes) -> Iterator[bytes]:
        """Yield the identities that bear the name of this digest, older states among them."""
        for entry in self._run.part(int.from_bytes(name) >> (_NAME_BITS - self._run.bits), self._run.bits):
            if entry.startswith(name):
                yield entry[NAME_BYTES:]

    def close(self) -> None:
        """Close the file, which is gone then."""
        self._run.file.close()


def _bearers(runs: Sequence[Run]) -> Iterator[list[bytes]]:
    """Yield sorted lists of name and identity."""
    gathered: list[bytes] = []
    for run in runs:
        for _number, _bits, (entries,) in parts([run], _PART_ENTRIES):
            gathered += [one[NAME_AT:SOURCE_AT] + one[:KEY_BYTES] for one in entries if one[CODE_AT] in GUARDING_CODES]
            if len(gathered) >= _SORTED_AT_ONCE:
                yield sorted(gathered)
                gathered = []
    yield sorted(gathered)
