"""What the API accepts in `properties`, and how the simulated HubSpot may change the values it stores. Pure."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from importer.simulator.replies import Detail, RefusedError

BATCH_INPUTS_MAX: Final = 50

#: In the order in which HubSpot's own message lists them.
WRITABLE: Final = (
    "hs_start_date",
    "hs_end_date",
    "hs_notes",
    "hs_audience",
    "hs_currency_code",
    "hs_campaign_status",
    "hs_name",
    "hs_utm",
    "hs_business_unit_ids",
)
READABLE: Final = frozenset(WRITABLE) | {
    "hs_color_hex",
    "hs_goal",
    "hs_owner",
    "hs_created_by_user_id",
    "hs_object_id",
    "hs_budget_items_sum_amount",
    "hs_spend_items_sum_amount",
}
DATES: Final = ("hs_start_date", "hs_end_date")
STATUSES: Final = ("planned", "in_progress", "active", "paused", "completed")
FORBIDDEN_FOR_WRITE: Final = "CampaignApiError.PROPERTY_SET_CONTAINS_VALUES_FORBIDDEN_FOR_WRITE"
INVALID_DATE: Final = "CampaignValidationError.INVALID_DATE_PROPERTY"

_KNOWN: Final = frozenset(WRITABLE)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def forbidden(names: Sequence[str], *, writing: bool) -> Detail:
    """Return HubSpot's refusal of property names."""
    correct = ", ".join(WRITABLE if writing else sorted(READABLE))
    return Detail(
        f"Forbidden properties: [{', '.join(names)}] are not allowed for this request. Correct ones are [{correct}]",
        sub_category=FORBIDDEN_FOR_WRITE if writing else "CampaignApiError.FORBIDDEN_PROPERTIES",
        context={"propertyName": names},
    )


def is_day(value: str) -> bool:
    """Tell whether `value` is a day of the calendar, written YYYY-MM-DD."""
    if not _DAY.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def unpack(body: Any, *, most: int = BATCH_INPUTS_MAX) -> list[dict[str, Any]]:
    """Return the `inputs` of a batch request; raise `RefusedError` when they are no list of 1 to `most` objects."""
    inputs = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(inputs, list) or not all(isinstance(item, dict) for item in inputs):
        raise RefusedError(
            Detail("Invalid input JSON: the field inputs must be a list of objects", code="INVALID_JSON")
        )
    if not 1 <= len(inputs) <= most:
        raise RefusedError(
            Detail(f"The number of inputs must be between 1 and {most}, not {len(inputs)}", code="INVALID_BATCH_SIZE")
        )
    return inputs


def properties_of(item: Mapping[str, Any]) -> dict[str, str]:
    """Return the properties of one input; raise `RefusedError` when they are no map of strings."""
    properties = item.get("properties")
    if not isinstance(properties, dict) or not all(type(value) is str for value in properties.values()):
        raise RefusedError(
            Detail("Invalid input JSON: properties must be an object with string values", code="INVALID_JSON")
        )
    return properties


def problem_of(
    properties: Mapping[str, str],
    *,
    goal: str = "ignore",
    custom: Sequence[str] | None = None,
    choices: bool = False,
    poison: str | None = None,
    partial: bool = False,
) -> Detail | None:
    """Return the first thing wrong with `properties`, or None.

    `goal` says what becomes of hs_goal (ignore, refuse, accept); `custom` are the custom properties which exist
    (None: all); `choices` checks status and currency; `poison` refuses names which contain it; `partial` is for
    updates, where a name may be missing.
    """
    if properties.keys() <= _KNOWN:
        unknown: list[str] = []
    else:
        allowed = _KNOWN if goal == "refuse" else _KNOWN | {"hs_goal"}
        unknown = [
            name
            for name in properties
            if name not in allowed and (name.startswith("hs_") or (custom is not None and name not in custom))
        ]
    if unknown:
        return forbidden(unknown, writing=True)
    name = properties.get("hs_name")
    if (not name or name.isspace()) and not (partial and name is None):
        return Detail("Property hs_name is required", code="REQUIRED_FIELD", context={"propertyName": ["hs_name"]})
    for date_name in DATES:
        value = properties.get(date_name)
        if value and not is_day(value):
            return _invalid(date_name, value, "is not a date in the format YYYY-MM-DD", INVALID_DATE)
    if poison is not None and name and poison in name:
        return _invalid("hs_name", name, "is not accepted", "CampaignValidationError.INVALID_PROPERTY")
    return _choice_problem(properties) if choices else None


def brand_problem(properties: Mapping[str, str], brands: Sequence[str] | None) -> Detail | None:
    """Return what is wrong with the brands of a campaign; `brands` are those of the account, None takes any."""
    value = properties.get("hs_business_unit_ids")
    if not value or brands is None:
        return None
    if not brands:
        return _invalid("hs_business_unit_ids", value, "needs the Brands add-on", "CampaignValidationError.NO_BRANDS")
    unknown = [unit for unit in value.replace(",", ";").split(";") if unit.strip() not in brands]
    why = f"names no brand of the account: {', '.join(unknown)}"
    return _invalid("hs_business_unit_ids", value, why, "INVALID_OPTION") if unknown else None


def _choice_problem(properties: Mapping[str, str]) -> Detail | None:
    status = properties.get("hs_campaign_status")
    if status and status not in STATUSES:
        return _invalid("hs_campaign_status", status, f"is not one of {', '.join(STATUSES)}", "INVALID_OPTION")
    currency = properties.get("hs_currency_code")
    if currency and not _CURRENCY.fullmatch(currency):
        return _invalid("hs_currency_code", currency, "is not a currency of the account", "INVALID_OPTION")
    return None


def _invalid(name: str, value: str, why: str, sub_category: str) -> Detail:
    return Detail(
        f"Property {name}: the value {value!r} {why}",
        sub_category=sub_category,
        code="INVALID_PROPERTY_VALUE",
        context={"propertyName": [name], "propertyValue": [value]},
    )


def _iso_date(name: str, value: str) -> str:
    return f"{value}T00:00:00Z" if name in DATES and is_day(value) else value


def _epoch_date(name: str, value: str) -> str:
    if name not in DATES or not is_day(value):
        return value
    midnight = datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC)
    return str(int(midnight.timestamp() * 1000))


#: Ways in which a server may change what it stores: name → (property, value) → value.
NORMALISERS: Final[Mapping[str, Callable[[str, str], str]]] = {
    "trim": lambda _name, value: value.strip(),
    "collapse": lambda _name, value: " ".join(value.split()),
    "nfc": lambda _name, value: unicodedata.normalize("NFC", value),
    "upper_status": lambda name, value: value.upper() if name == "hs_campaign_status" else value,
    "lower_status": lambda name, value: value.lower() if name == "hs_campaign_status" else value,
    "iso_dates": _iso_date,
    "epoch_dates": _epoch_date,
}


def stored(
    properties: Mapping[str, str], *, normalise: Sequence[str] = (), keep_goal: bool = False, drop_empty: bool = True
) -> dict[str, str]:
    """Return what the simulated HubSpot stores of `properties`."""
    made = {name: value for name, value in properties.items() if keep_goal or name != "hs_goal"}
    for normaliser in normalise:
        change = NORMALISERS[normaliser]
        made = {name: change(name, value) for name, value in made.items()}
    return {name: value for name, value in made.items() if value} if drop_empty else made
