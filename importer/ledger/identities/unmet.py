"""At the end of a pass: which campaigns it has not met, and which it met in another source than before."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from importer.ledger.identities.layout import (
    CODE_AT,
    CODES,
    KEY_BYTES,
    MARK_SOURCE_AT,
    RUN_AT,
    RUN_END,
    SOURCE_AT,
    SOURCE_BYTES,
    Mark,
)  # fmt: skip
from importer.ledger.identities.runs import Run, parts
from importer.ledger.identities.tiers import PART_ENTRIES, merge_of
from importer.model import State

_CREATED = CODES[State.CREATED]


def unmet(
    states: Sequence[Run], met: Sequence[Run], marks: Mapping[str, Mark], run: int, sources: Sequence[int]
) -> Iterator[tuple[int, list[bytes]]]:
    """Yield, for each part of the key space, how many campaigns last met in `sources` were not met in run `run`.

    And the entries, sorted, of those met in another source, which they name from now on. `met` and `marks` hold
    the marks of the run, on disk and in memory.
    """
    numbers = {number.to_bytes(SOURCE_BYTES) for number in sources}
    fresh = {bytes.fromhex(identity): mark[1].to_bytes(SOURCE_BYTES) for identity, mark in marks.items()}
    this = run.to_bytes(RUN_END - RUN_AT)
    for _number, _bits, lists in parts([*states, *met], PART_ENTRIES):
        stored = {entry[:KEY_BYTES]: entry[MARK_SOURCE_AT : MARK_SOURCE_AT + SOURCE_BYTES]
                  for entry in chain.from_iterable(lists[len(states) :])}  # fmt: skip
        count, moved = 0, []
        for entry in merge_of(states, lists[: len(states)]):
            if entry[CODE_AT] == _CREATED and entry[RUN_AT:RUN_END] != this:
                source = fresh.get(entry[:KEY_BYTES]) or stored.get(entry[:KEY_BYTES])
                if source is None:
                    count += entry[SOURCE_AT:RUN_AT] in numbers
                elif source != entry[SOURCE_AT:RUN_AT]:
                    moved.append(entry[:SOURCE_AT] + source + entry[RUN_AT:])
        yield count, moved
