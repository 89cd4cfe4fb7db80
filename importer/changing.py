"""A record that was made earlier and differs now, against what its campaign shows and what was written there. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from importer import canonical

#: Properties for which HubSpot makes a value itself where none is given.
_MADE_BY_HUBSPOT: Final = frozenset({"hs_utm"})


class Comparison(NamedTuple):
    """What is to be written, and what somebody else wrote meanwhile."""

    changes: dict[str, str]  #: properties to write, an empty value resets one
    conflicts: tuple[str, ...]  #: those of them whose value in HubSpot is not one that was written from here


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
        if name in canonical.NOT_ECHOED:  # cannot be read: written when it is not what was written last
            if canonical.value_of(name, value) != canonical.value_of(name, ours[-1]):
                changes[name] = value
            continue
        there = canonical.value_of(name, shown.get(name, ""))
        if there == canonical.value_of(name, value):
            continue
        changes[name] = value
        foreign = there not in {canonical.value_of(name, one) for one in ours}
        if foreign and not (name in _MADE_BY_HUBSPOT and name not in written):
            conflicts.append(name)
    return Comparison(changes, tuple(conflicts))
