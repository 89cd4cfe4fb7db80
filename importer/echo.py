"""A reply which repeats every input to the letter, as nearly all do: paired by the bytes of its JSON.

Equal values have equal canonical forms, so the second step of `pairing` would find the same; this only finds it sooner,
without a mapping for each input. This module is pure.
"""

from collections.abc import Callable, Sequence
from itertools import repeat

from importer import canonical
from importer.model import Pairing, Result
from importer.pairing import Pair, Pairs, never
from importer.properties import NAME


def verbatim(
    names: Sequence[str],
    payloads: Sequence[bytes],
    results: Sequence[Result],
    *,
    known: Callable[[str], bool] = never,
    ignored: frozenset[str] = canonical.NOT_ECHOED,
) -> Pairs | None:
    """Pair a reply which repeats every input to the letter, names being unique; None for every other reply.

    Takes the name of each input and all its properties as `canonical.framed` writes them; the rest is as for
    `pairing.pair`.
    """
    ids = [result.id for result in results]
    named = {result.properties.get(NAME): result for result in results}
    if not len(names) == len(results) == len(named) == len({*ids}) or named.keys() != {*names}:
        return None
    found = [named[name] for name in names]
    written = b",".join(payloads)
    if canonical.framed([result.properties for result in found]) != b"[" + written + b"]" or "" in ids:
        return None
    if any(map(known, ids)) or any(canonical.framed(name) + b":" in written for name in ignored):
        return None
    # Straight to the tuples: the named constructor costs as much again.
    parts = zip(range(len(found)), found, repeat(Pairing.EXACT), repeat(None))
    return Pairs(pairs=tuple(map(tuple.__new__, repeat(Pair), parts)), left=(), unexpected=(), near={})
