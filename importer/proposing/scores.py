"""How well a column goes with a property, by heading and by values, and why. This module is pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from importer.hubspot.definitions import Definition
from importer.near_miss import nearest
from importer.properties import CURRENCY, NAME, STATUS, WRITABLE
from importer.proposing.columns import Column
from importer.proposing.words import HEADINGS, squeezed

SURE: Final = 50.0  #: score from which a heading speaks for the property
_NEAR: Final = 0.88
_NEAR_CHARACTERS_MIN: Final = 5

#: Squeezed heading → property, with its place in the list of headings.
_KNOWN: Final[Mapping[str, tuple[str, int]]] = {
    squeezed(heading): (prop, at) for prop, headings in HEADINGS.items() for at, heading in enumerate(headings)
}
_PHRASES: Final[Mapping[str, str]] = {
    squeezed(heading): prop for prop, headings in HEADINGS.items() for heading in headings if " " in heading
}


class Match(NamedTuple):
    """A column that may feed a property."""

    score: float  #: 100 is certain, 20 a guess
    prop: str
    column: Column
    reason: str  #: a clause


def matches(columns: Sequence[Column], definitions: Sequence[Definition]) -> list[Match]:
    """Return every match, the best first; equal ones in the order of the columns."""
    labels = {squeezed(one.label): one for one in definitions if one.custom or one.name in WRITABLE}
    names = {one.name: one for one in definitions if one.custom}
    found = [one for column in columns for one in _of(column, labels, names)]
    return sorted(found, key=lambda match: -match.score)


def _of(column: Column, labels: Mapping[str, Definition], names: Mapping[str, Definition]) -> Iterator[Match]:
    heading = squeezed(column.name)
    if column.name in WRITABLE or column.name in names:
        yield Match(100, column.name, column, "its heading is the property's name")
    elif heading in labels:
        yield Match(97, labels[heading].name, column, "its heading is the property's label in this account")
    elif heading in (bare := {squeezed(form): prop for prop in WRITABLE for form in (prop, prop[3:])}):
        yield Match(96, bare[heading], column, "its heading is the property's name")
    elif heading in _KNOWN:
        prop, at = _KNOWN[heading]
        yield Match(90 - at / 2, prop, column, f'"{HEADINGS[prop][at]}" is a usual heading for it')
    else:
        yield from _alike(column, heading)
    if column.all_statuses:
        yield Match(40, STATUS, column, "its values are statuses")
    if column.all_currencies and all(value.isupper() for value in column.distinct):  # Bob is a name, too
        yield Match(40, CURRENCY, column, "its values are codes of currencies")
    if column.namelike:
        yield Match(20, NAME, column, "its values look like names, and no heading says more")


def _alike(column: Column, heading: str) -> Iterator[Match]:
    """Yield what a heading resembles: a longer phrase with a usual one in it, or a slip."""
    phrase = max((phrase for phrase in _PHRASES if phrase in heading), key=len, default=None)
    near = nearest(heading, _KNOWN, cutoff=_NEAR) if len(heading) >= _NEAR_CHARACTERS_MIN else None
    if phrase is not None:
        yield Match(55, _PHRASES[phrase], column, "its heading holds a usual one")
    elif near is not None:
        prop, at = _KNOWN[near]
        yield Match(50, prop, column, f'its heading is nearly "{HEADINGS[prop][at]}"')
