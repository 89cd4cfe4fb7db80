"""The definitions of properties: listed, shown, and custom ones made as `POST /crm/v3/properties` takes them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from importer.simulator.properties import STATUSES, WRITABLE
from importer.simulator.replies import Detail, RefusedError, Reply, dumped, plain

if TYPE_CHECKING:
    from importer.simulator.exchange import Exchange

#: What `PropertyCreate` of the API needs.
REQUIRED: Final = ("name", "label", "type", "fieldType", "groupName")
TYPES: Final = ("string", "number", "date", "datetime", "enumeration", "bool")


def property_definitions(x: "Exchange") -> Reply:
    """List the property definitions, a few of them."""
    return dumped(200, {"results": _definitions(x)})


def property_definition(x: "Exchange") -> Reply:
    """Return one property definition."""
    wanted = [definition for definition in _definitions(x) if definition["name"] == x.call.target]
    if not wanted:
        raise RefusedError(plain(404, f"There is no property {x.call.target!r}"))
    return dumped(200, wanted[0])


def make_property(x: "Exchange") -> Reply:
    """Make a custom property: 201; 400 where a field is missing or the type is none, 409 for one that exists."""
    body = x.document()
    given = body if isinstance(body, dict) else {}
    missing = [name for name in REQUIRED if not isinstance(given.get(name), str) or not given[name]]
    if missing:
        raise RefusedError(Detail(f"Some required fields were not set: [{', '.join(missing)}]", code="REQUIRED_FIELD"))
    if given["type"] not in TYPES:
        message = f"Invalid input JSON: the type {given['type']!r} is none of {', '.join(TYPES)}"
        raise RefusedError(Detail(message, code="INVALID_JSON"))
    name = given["name"]
    if name.startswith("hs_") or any(one["name"] == name for one in _definitions(x)):
        raise RefusedError(plain(409, f"A property named {name!r} already exists, or is HubSpot's own"))
    x.account.make_property({key: given[key] for key in (*REQUIRED, "description") if key in given})
    return dumped(201, next(one for one in _definitions(x) if one["name"] == name))


def _definitions(x: "Exchange") -> list[dict[str, Any]]:
    custom, made = x.account.policy.custom_properties or (), x.account.made_properties
    return [
        *(_definition(name, ours=False) for name in WRITABLE),
        *(_definition(name, ours=True) for name in custom),
        *({**_definition(name, ours=True), **given} for name, given in made.items()),
    ]


def _definition(name: str, *, ours: bool) -> dict[str, Any]:
    kind = "date" if name.endswith("_date") else "enumeration" if name == "hs_campaign_status" else "string"
    options = STATUSES if name == "hs_campaign_status" else ()
    made = {
        "name": name,
        "label": name.removeprefix("hs_").replace("_", " ").capitalize(),
        "type": kind,
        "fieldType": {"date": "date", "enumeration": "select"}.get(kind, "text"),
        "groupName": "campaigninformation",
        "description": "",
        "options": [{"label": value, "value": value, "hidden": False} for value in options],
        "modificationMetadata": {"archivable": ours, "readOnlyDefinition": not ours, "readOnlyValue": False},
    }
    return made if ours else {**made, "hubspotDefined": True}


ACTIONS: Final[Mapping[str, Callable[["Exchange"], Reply]]] = {
    "properties": property_definitions,
    "property": property_definition,
    "make_property": make_property,
}
