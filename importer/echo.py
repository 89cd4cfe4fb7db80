"""A reply which repeats every input to the letter, as nearly all do: told by the bytes of its JSON.

Equal values have equal canonical forms, and properties that no input sent say nothing, so the second step of `pairing`
would find the same; this only finds it sooner, without a mapping for each input. This module is pure.
"""

from collections.abc import Callable, Mapping, Sequence

import orjson

from importer import canonical
from importer.model import Result
from importer.pairing import never
from importer.properties import NAME


def verbatim(
    names: Sequence[str],
    payloads: Sequence[bytes],
    results: Sequence[Result],
    *,
    known: Callable[[str], bool] = never,
    ignored: frozenset[str] = canonical.NOT_ECHOED,
) -> list[Result] | None:
    """Return the campaign of each input of a reply which repeats them all to the letter, names being unique.

    None for every other reply. Each of these pairs is exact (`Pairing.EXACT`), and nothing of it normalised.

    Takes the name of each input and all its properties as `canonical.framed` writes them; the rest is as for
    `pairing.pair`.
    """
    if len(names) != len(results):
        return None
    ids, shown, *_ = zip(*results, strict=True)  # by the column, which is much quicker
    places = dict(zip([one.get(NAME) for one in shown], range(len(shown)), strict=True))
    if not len(places) == len(names) == len({*ids}) or places.keys() != {*names}:
        return None
    order = [places[name] for name in names]
    repeated = b"[%b]" % b",".join(payloads)
    told: Sequence[Mapping[str, str]] = [shown[place] for place in order]
    if canonical.framed(told) != repeated:
        told = _without_more(told, payloads[0])
        if canonical.framed(told) != repeated:
            return None
    if "" in ids or any(map(known, ids)) or not all(map(ignored.isdisjoint, told)):
        return None
    return [results[place] for place in order]


def _without_more(told: Sequence[Mapping[str, str]], payload: bytes) -> Sequence[Mapping[str, str]]:
    """Return campaigns without the properties that the first shows and its input did not send, as ids and dates."""
    more = told[0].keys() - orjson.loads(payload).keys()
    return [{name: value for name, value in one.items() if name not in more} for one in told] if more else told
