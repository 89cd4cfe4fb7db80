"""What a campaign shows, against what was written and what is wanted: by canonical value, property by property. Pure.

Only what was written counts. `updatedAt` may move by itself, HubSpot fills in properties of its own, and some that are
sent are never shown (`canonical.NOT_ECHOED`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from importer import canonical
from importer.properties import NAME

#: Properties for which HubSpot makes a value itself where none is given.
_MADE_BY_HUBSPOT: Final = frozenset({"hs_utm"})


class Comparison(NamedTuple):
    """What is to be written, and what somebody else wrote meanwhile."""

    changes: dict[str, str]  #: properties to write, an empty value resets one
    conflicts: tuple[str, ...]  #: those of them whose value in HubSpot is not one that was written from here


def _is_one_of(name: str, value: str, others: Iterable[str]) -> bool:
    """Return whether a property's `value` is the same as one of `others`."""
    this = canonical.value_of(name, value)
    return any(this == canonical.value_of(name, one) for one in others)


def compared(written: Mapping[str, str]) -> frozenset[str]:
    """Return the properties that have to be read to compare what was `written`; the name always, to show it."""
    return (frozenset(written) | {NAME}) - canonical.NOT_ECHOED


def differences(
    written: Mapping[str, str], normalised: Mapping[str, str], shown: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Return property → value as written, value as `shown` now, where these are not the same value.

    `normalised` holds values as HubSpot showed them right after they were written: what still is so was not changed.
    """
    found: dict[str, tuple[str, str]] = {}
    for name, value in written.items():
        now = shown.get(name, "")
        if name not in canonical.NOT_ECHOED and not _is_one_of(name, now, (value, normalised.get(name, value))):
            found[name] = (value, now)
    return found


def compare(
    wanted: Mapping[str, str], shown: Mapping[str, str], written: Mapping[str, Sequence[str]], fed: Collection[str]
) -> Comparison:
    """Return what makes `shown` be `wanted`.

    `written` holds the values that may stand there by our hand; `fed` names the properties which the source feeds, so
    that a cell which is blank now resets its property, and a column which is gone does not.
    """
    changes: dict[str, str] = {}
    conflicts: list[str] = []
    for name in {**wanted, **{name: "" for name in written if name in fed and name not in wanted}}:
        value = wanted.get(name, "")
        ours = written.get(name, [""])
        hidden = name in canonical.NOT_ECHOED  # cannot be read: written when it is not what was written last
        there = ours[-1] if hidden else shown.get(name, "")
        if _is_one_of(name, value, (there,)):
            continue
        changes[name] = value
        foreign = not hidden and not _is_one_of(name, there, ours)
        if foreign and not (name in _MADE_BY_HUBSPOT and name not in written):
            conflicts.append(name)
    return Comparison(changes, tuple(conflicts))
