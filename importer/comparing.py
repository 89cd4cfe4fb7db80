"""Whether a campaign still is what was written: compared by canonical value, property by property. Pure.

Only what was written counts. `updatedAt` may move by itself, HubSpot fills in properties of its own, and some that are
sent are never shown (`canonical.NOT_ECHOED`).
"""

from collections.abc import Mapping

from importer import canonical
from importer.properties import NAME


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
        same = {canonical.value_of(name, value), canonical.value_of(name, normalised.get(name, value))}
        if name not in canonical.NOT_ECHOED and canonical.value_of(name, now) not in same:
            found[name] = (value, now)
    return found
