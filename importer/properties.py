"""What is known of HubSpot's campaign properties: which can be written, which cannot and why.

HubSpot publishes no such list. This one comes from the text of a refusal seen live ("Forbidden properties … Correct
ones are …"), from the notes in HubSpot's OpenAPI files and from public code. It will age, so every check here yields
to `--allow-property NAME`. This module is pure.
"""

import re
from collections.abc import Iterable
from typing import Final

from importer.errors import UsageError
from importer.near_miss import nearest

NAME: Final = "hs_name"
START_DATE: Final = "hs_start_date"
END_DATE: Final = "hs_end_date"
STATUS: Final = "hs_campaign_status"
CURRENCY: Final = "hs_currency_code"
BRANDS: Final = "hs_business_unit_ids"

#: HubSpot's own properties which the campaigns API takes.
WRITABLE: Final = (
    NAME,
    START_DATE,
    END_DATE,
    STATUS,
    CURRENCY,
    "hs_audience",
    "hs_notes",
    "hs_utm",
    BRANDS,
)

_READ_ONLY: Final = "HubSpot sets it itself"
_REFUSED: Final = "HubSpot refuses it when a campaign is made"
_BUDGET: Final = "HubSpot takes budgets and spend only through endpoints of their own"

#: HubSpot's own properties which are refused or ignored, and why.
UNWRITABLE: Final[dict[str, str]] = {
    "hs_goal": "HubSpot has given it up, and ignores or refuses it",
    "hs_owner": _REFUSED,
    "hs_color_hex": _REFUSED,
    "hs_revenue": _REFUSED,
    "hs_projected_budget": _BUDGET,
    "hs_budget_items_sum_amount": _BUDGET,
    "hs_spend_items_sum_amount": _BUDGET,
    "hs_influenced_revenue": _READ_ONLY,
    "hs_created_by_user_id": _READ_ONLY,
    "hs_object_id": _READ_ONLY,
    "hs_createdate": _READ_ONLY,
    "hs_lastmodifieddate": _READ_ONLY,
    "id": _READ_ONLY,
    "createdAt": _READ_ONLY,
    "updatedAt": _READ_ONLY,
    "businessUnits": "it is written as hs_business_unit_ids",
}

#: Values of `hs_campaign_status` seen in public code; an account may know others.
STATUSES: Final = ("planned", "in_progress", "active", "paused", "completed")

#: Characters. HubSpot documents no limit for campaigns; 65,536 is the limit of its text properties elsewhere.
TEXT_CHARACTERS_MAX: Final = 65_536
#: Characters of a name: our own generous limit, so that a column mapped by mistake is noticed before it is sent.
NAME_CHARACTERS_MAX: Final = 1_024

_OWN_PREFIX: Final = "hs_"
_PROPERTY_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")  # what HubSpot's property settings let one type
_NAMES_SHOWN_MAX: Final = 5
_TYPO_CUTOFF: Final = 0.85  #: stricter than usual: a custom property may well resemble one of HubSpot's


def complaint(name: str, *, allow: frozenset[str] = frozenset(), custom: bool = True) -> str | None:
    """Return why the property `name` should not be sent, or None when it may be.

    `allow` holds names that the user vouches for. `custom` says whether the account's own properties are welcome:
    a mapping names them on purpose, a column heading may be anything.
    """
    if name in WRITABLE or name in allow:
        return None
    if name in UNWRITABLE:
        return f"{name} cannot be imported: {UNWRITABLE[name]}"
    near = _meant(name)
    if near is not None:
        return f"{name} is not a property that is known here; did you mean {near}?"
    if name.startswith(_OWN_PREFIX):
        return f"{name} is not among the properties of HubSpot's own that are known to be writable"
    if custom and not _PROPERTY_NAME.fullmatch(name):
        return f'"{name}" cannot be the name of a property: lower-case letters, digits and underscores only'
    return None if custom else f'"{name}" is not a property of HubSpot\'s own'


def check_names(names: Iterable[str], *, allow: frozenset[str] = frozenset(), place: str = "properties") -> None:
    """Raise `UsageError` if one of the properties `names` should not be sent; `place` opens the message."""
    found = [text for name in names if (text := complaint(name, allow=allow)) is not None]
    if found:
        raise UsageError(
            f"{place}: {listed(found)}",
            hint="Mend the name, or vouch for a property that your account does take with --allow-property NAME.",
        )


def listed(complaints: list[str]) -> str:
    """Return the first few complaints as one sentence, and how many more there are."""
    more = len(complaints) - _NAMES_SHOWN_MAX
    return "; ".join(complaints[:_NAMES_SHOWN_MAX]) + (f"; and {more} more" if more > 0 else "")


def _meant(name: str) -> str | None:
    """Return the writable property that `name` is a slip of: without its prefix, or misspelt."""
    bare = name.strip().casefold()
    for form in (bare, _OWN_PREFIX + bare):
        near = nearest(form, WRITABLE, cutoff=_TYPO_CUTOFF)
        if near is not None:
            return near
    return None
