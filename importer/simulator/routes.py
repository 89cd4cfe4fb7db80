"""The paths of the simulated API, in all three versions. Pure."""

import re
from typing import Final, NamedTuple

_CAMPAIGNS: Final = r"/marketing/(?:(?P<v3>v3)/campaigns|campaigns/(?P<dated>2026-03|2026-09))"
_PROPERTIES: Final = r"/crm/(?:(?P<v3>v3)/properties|properties/(?P<dated>2026-03|2026-09))/campaigns"
_ACCOUNT: Final = r"/account-info/(?:(?P<v3>v3)|(?P<dated>2026-03|2026-09))"
_TARGET: Final = r"/(?P<target>[^/]+)"
_ITEM: Final = r"/(?P<item>[^/]+)"


class Route(NamedTuple):
    """Where a request leads."""

    operation: str  #: one of `faults.OPERATIONS`
    action: str  #: one of `operations.ACTIONS`
    version: str = "v3"
    target: str = ""  #: the part of the path that names something
    item: str = ""  #: the id of a budget or spend item


#: method, path, operation, action
_ROUTES: Final = tuple(
    (method, re.compile(path), operation, action)
    for method, path, operation, action in (
        ("POST", _CAMPAIGNS + "/batch/create", "create", "create"),
        ("GET", _CAMPAIGNS, "list", "list"),
        ("POST", _CAMPAIGNS + "/batch/read", "read", "read"),
        ("POST", _CAMPAIGNS + "/batch/update", "update", "update"),
        ("POST", _CAMPAIGNS + "/batch/archive", "archive", "archive"),
        ("POST", _CAMPAIGNS, "create_one", "create_one"),
        ("GET", _CAMPAIGNS + _TARGET, "read", "read_one"),
        ("PATCH", _CAMPAIGNS + _TARGET, "update", "update_one"),
        ("DELETE", _CAMPAIGNS + _TARGET, "archive", "archive_one"),
        ("GET", _CAMPAIGNS + _TARGET + "/budget/totals", "totals", "totals"),
        *(
            (method, _CAMPAIGNS + _TARGET + f"/{kind}" + item, operation, f"{act}_{kind}")
            for kind in ("budget", "spend")
            for method, item, operation, act in (
                ("POST", "", "item", "add"),
                ("GET", _ITEM, "totals", "show"),
                ("PUT", _ITEM, "item_change", "change"),
                ("DELETE", _ITEM, "item_change", "remove"),
            )
        ),
        ("GET", _ACCOUNT + "/details", "account", "account"),
        ("GET", _ACCOUNT + "/api-usage/daily/private-apps", "account", "daily_usage"),
        ("POST", r"/oauth/v2/private-apps/get/access-token-info", "account", "token"),
        ("GET", _PROPERTIES, "properties", "properties"),
        ("POST", _PROPERTIES, "properties", "make_property"),
        ("GET", _PROPERTIES + _TARGET, "properties", "property"),
    )
)


def route(method: str, path: str) -> Route | int:
    """Return where a request leads, or the status of its error: 404 for unknown paths, 405 for a wrong method."""
    status = 404
    for permitted, pattern, operation, action in _ROUTES:
        found = pattern.fullmatch(path)
        if found and method == permitted:
            part = found.groupdict()
            return Route(operation, action, part.get("dated") or "v3", part.get("target") or "", part.get("item") or "")
        if found:
            status = 405
    return status
