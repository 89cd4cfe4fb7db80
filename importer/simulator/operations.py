"""The operations of the API as they should work: from an exchange to its ordinary reply."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from importer.simulator.properties import READABLE, forbidden, properties_of
from importer.simulator.replies import Detail, RefusedError, Reply, dumped, plain
from importer.simulator.store import OBJECT_ID_BASE, SORTS

if TYPE_CHECKING:
    from importer.simulator.exchange import Exchange

LIST_LIMIT: Final = 50  #: default of `limit`
LIST_LIMIT_MAX: Final = 100

Query = Mapping[str, Sequence[str]]


def create(x: "Exchange") -> Reply:
    """Batch create: 201, or in a tolerant account 207 with the errors."""
    return x.created(x.make())


def create_one(x: "Exchange") -> Reply:
    """Make a single campaign: 201."""
    properties = properties_of(_object(x.document()))
    problem = x.problem(properties)
    if problem:
        raise RefusedError(problem)
    position = x.account.make([properties], request=x.call.number)[0]
    return dumped(201, x.account.store.shown(position, _without_units(x.account.store.properties(position))))


def read(x: "Exchange") -> Reply:
    """Batch read: repeated ids collapse, unknown ones become errors."""
    names = _names(x.call.query, x.account.custom_properties)
    found, missing = _found(x, dict.fromkeys(_id(item) for item in x.inputs()))
    results = [{**_shown(x, position, names), "assets": {}} for position in found.values()]
    return x.batch(results, missing, 200)


def read_one(x: "Exchange") -> Reply:
    """Get one campaign."""
    names = _names(x.call.query, x.account.custom_properties)
    return dumped(200, {**_shown(x, _target(x), names), "assets": {}})


def update(x: "Exchange") -> Reply:
    """Batch update: unknown ids become errors; an empty value resets a property."""
    changes = {_id(item): properties_of(item) for item in x.inputs()}
    problems = [problem for change in changes.values() if (problem := x.problem(change, partial=True))]
    if problems:
        raise RefusedError(problems[0])
    found, missing = _found(x, changes)
    for campaign_id, position in found.items():
        x.account.update(position, changes[campaign_id])
    return x.batch(
        [_updated(x, position, changes[campaign_id]) for campaign_id, position in found.items()], missing, 200
    )


def update_one(x: "Exchange") -> Reply:
    """Update one campaign."""
    changes = properties_of(_object(x.document()))
    problem = x.problem(changes, partial=True)
    if problem:
        raise RefusedError(problem)
    position = _target(x)
    x.account.update(position, changes)
    return dumped(200, _updated(x, position, changes))


def archive(x: "Exchange") -> Reply:
    """Batch archive: 204, whatever became of it."""
    for position in _found(x, (_id(item) for item in x.inputs()))[0].values():
        x.account.archive(position)
    return Reply(204)


def archive_one(x: "Exchange") -> Reply:
    """Delete one campaign: 204, for unknown ids as well."""
    position = x.account.store.find(x.call.target)
    if position is not None:
        x.account.archive(position)
    return Reply(204)


def listing(x: "Exchange") -> Reply:
    """List campaigns, page by page; the cursor is an offset, so that new campaigns shift later pages."""
    query, policy = x.call.query, x.account.policy
    names = _names(query, x.account.custom_properties)
    limit = _number(query, "limit", LIST_LIMIT, 1, LIST_LIMIT_MAX)
    offset = _number(query, "after", 0, 0, None)
    sort = _last(query, "sort") or "hs_name"
    if sort.removeprefix("-") not in SORTS:
        raise RefusedError(Detail(f"sort must be one of {', '.join(SORTS)}, not {sort!r}", code="INVALID_PARAMETER"))
    page = x.account.store.page(
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        name=_last(query, "name"),
        until_ms=x.account.now_ms() - int(policy.list_lag_s * 1000) if policy.list_lag_s else None,
        offset=offset,
        limit=limit,
    )
    body: dict[str, Any] = {
        "total": page.total,
        "results": [_shown(x, position, names) for position in page.positions],
    }
    following = offset + len(page.positions)
    if page.positions and following < page.total:
        pairs = [(name, value) for name, values in query.items() for value in values if name != "after"]
        link = f"{x.call.base_url}{x.call.path}?{urlencode([*pairs, ('after', str(following))])}"
        body["paging"] = {"next": {"after": str(following), "link": link}}
    return dumped(200, body)


def account_details(x: "Exchange") -> Reply:
    """Say which account this is."""
    policy = x.account.policy
    offset = datetime.fromtimestamp(x.account.now_ms() / 1000, UTC).astimezone(ZoneInfo(policy.time_zone)).utcoffset()
    assert offset is not None
    minutes = int(offset.total_seconds() // 60)
    details = {
        "portalId": policy.portal_id,
        "accountType": policy.account_type,
        "timeZone": policy.time_zone,
        "companyCurrency": policy.currency,
        "additionalCurrencies": [],
        "utcOffset": f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}",
        "utcOffsetMilliseconds": minutes * 60_000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }
    return dumped(200, details)


def token_info(x: "Exchange") -> Reply:
    """Say whose token this is and what it may do."""
    policy = x.account.policy
    return dumped(200, {"hubId": policy.portal_id, "userId": 1, "appId": 1, "scopes": policy.scopes})


def daily_usage(x: "Exchange") -> Reply:
    """Say how much of the day's quota has been used; without a quota there is nothing to say."""
    policy = x.account.policy
    at = datetime.fromtimestamp(x.account.now_ms() / 1000, ZoneInfo(policy.time_zone))
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    usage = {
        "name": "private-apps-api-calls-daily",
        "currentUsage": x.account.used_today(),
        "usageLimit": policy.daily,
        "collectedAt": at.isoformat(),
        "resetsAt": midnight.isoformat(),
        "fetchStatus": "SUCCESS",
    }
    return dumped(200, {"results": [] if policy.daily is None else [usage]})


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise RefusedError(Detail("Invalid input JSON: an object is needed", code="INVALID_JSON"))
    return body


def _id(item: Mapping[str, Any]) -> str:
    campaign_id = item.get("id")
    if not isinstance(campaign_id, str):
        raise RefusedError(Detail("Some required fields were not set: [id]", code="REQUIRED_FIELD"))
    return campaign_id


def _found(x: "Exchange", ids: Iterable[str]) -> tuple[dict[str, int], list[Detail]]:
    """Return id → position for what exists, and an error for each of the rest."""
    found, missing = {}, []
    for campaign_id in ids:
        position = x.account.store.find(campaign_id)
        if position is None:
            missing.append(plain(404, "Could not get some campaigns", context={"ids": [campaign_id]}))
        else:
            found[campaign_id] = position
    return found, missing


def _target(x: "Exchange") -> int:
    position = x.account.store.find(x.call.target)
    if position is None:
        raise RefusedError(plain(404, f"Campaign {x.call.target} was not found", context={"id": [x.call.target]}))
    return position


def _names(query: Query, custom: Sequence[str] | None) -> list[str]:
    names = [name.strip() for value in query.get("properties", ()) for name in value.split(",") if name.strip()]
    unknown = [
        name
        for name in names
        if name not in READABLE and (name.startswith("hs_") or (custom is not None and name not in custom))
    ]
    if unknown:
        raise RefusedError(forbidden(unknown, writing=False))
    return names


def _last(query: Query, name: str) -> str | None:
    values = query.get(name)
    return values[-1] if values else None


def _number(query: Query, name: str, default: int, least: int, most: int | None) -> int:
    text = _last(query, name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or int(text) < least or (most is not None and int(text) > most):
        raise RefusedError(Detail(f"{name} {text!r} is out of range", code="INVALID_PARAMETER"))
    return int(text)


def _shown(x: "Exchange", position: int, names: Sequence[str]) -> dict[str, Any]:
    store = x.account.store
    if not names:
        return store.shown(position, {})
    properties = store.properties(position)
    object_id = str(OBJECT_ID_BASE + position)
    properties["hs_object_id"] = object_id
    properties.setdefault("hs_utm", f"{object_id}-{properties.get('hs_name', '')}")
    return store.shown(position, _without_units({name: properties[name] for name in names if properties.get(name)}))


def _updated(x: "Exchange", position: int, changes: Mapping[str, str]) -> dict[str, Any]:
    """Return the campaign with those of its properties that were changed and are not empty."""
    stored = x.account.store.properties(position)
    shown = {name: stored[name] for name in changes if name in stored}
    return x.account.store.shown(position, _without_units(shown))


def _without_units(properties: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in properties.items() if name != "hs_business_unit_ids"}


ACTIONS: Final[Mapping[str, Callable[["Exchange"], Reply]]] = {
    "create": create,
    "create_one": create_one,
    "read": read,
    "read_one": read_one,
    "update": update,
    "update_one": update_one,
    "archive": archive,
    "archive_one": archive_one,
    "list": listing,
    "account": account_details,
    "daily_usage": daily_usage,
    "token": token_info,
}
