"""What the simulator answers: status, body and how the body travels; HubSpot's bodies as functions. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

JSON: Final = "application/json;charset=utf-8"
HTML: Final = "text/html; charset=utf-8"

#: Versions whose ordinary batch reply carries the errors, so that they have no 207 (OpenAPI file of 2026-09).
WITHOUT_207: Final = frozenset({"2026-09"})

#: HubSpot's `category` for each status that the simulator uses; the rest is `UNKNOWN`.
CATEGORIES: Final[Mapping[int, str]] = {
    400: "VALIDATION_ERROR",
    401: "INVALID_AUTHENTICATION",
    403: "MISSING_SCOPES",
    404: "OBJECT_NOT_FOUND",
    409: "CONFLICT",
    413: "VALIDATION_ERROR",
    422: "VALIDATION_ERROR",
    423: "LOCKED",
    429: "RATE_LIMITS",
    477: "MIGRATION_IN_PROGRESS",
}


class Sending(Enum):
    """How a reply travels."""

    WHOLE = "whole"
    CLOSE = "close"  #: whole, then the connection is closed without having said so
    CUT = "cut"  #: half of the body, then the connection is closed
    SLOW = "slow"  #: in small pieces over `seconds`
    RESET = "reset"  #: not at all: the connection is reset
    HELD = "held"  #: not at all: the connection stays open for `seconds`, then it is reset


class Reply(NamedTuple):
    """One answer."""

    status: int  #: 0 where nothing is answered
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    sending: Sending = Sending.WHOLE
    seconds: float = 0.0  #: for SLOW and HELD


class Detail(NamedTuple):
    """What is wrong with one request or one record, in HubSpot's terms."""

    message: str
    sub_category: str | None = None
    code: str | None = None
    context: Mapping[str, Sequence[str]] = {}
    category: str = "VALIDATION_ERROR"
    status: int = 400


class RefusedError(Exception):
    """The request is answered with an error."""

    def __init__(self, detail: Detail) -> None:
        """Take what is wrong."""
        super().__init__(detail.message)
        self.detail = detail


@lru_cache(maxsize=1024)
def iso(epoch_ms: int) -> str:
    """Return a time as HubSpot writes it: ISO 8601, milliseconds, Z."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{epoch_ms % 1000:03d}Z"


def dumped(status: int, value: Any, *, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """Return a JSON reply; `value` may hold `orjson.Fragment`s."""
    return Reply(status, orjson.dumps(value), headers=headers)


def _error_detail(detail: Detail) -> dict[str, Any]:
    made: dict[str, Any] = {"message": detail.message}
    if detail.code:
        made["code"] = detail.code
    if detail.sub_category:
        made["subCategory"] = detail.sub_category
    if detail.context:
        made["context"] = detail.context
    return made


def error(
    detail: Detail,
    correlation_id: str,
    *,
    extra: Mapping[str, Any] | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> Reply:
    """Return an error reply (schema `Error`); `extra` adds top-level fields."""
    body: dict[str, Any] = {
        "status": "error",
        "message": detail.message,
        "correlationId": correlation_id,
        "category": detail.category,
        "errors": [_error_detail(detail)],
        "context": detail.context,
    }
    if detail.sub_category:
        body["subCategory"] = detail.sub_category
    return dumped(detail.status, body | dict(extra or {}), headers=headers)


def plain(status: int, message: str, **rest: Any) -> Detail:
    """Return a detail with the category that belongs to `status`."""
    return Detail(message, category=CATEGORIES.get(status, "UNKNOWN"), status=status, **rest)


def throttled(policy_name: str, correlation_id: str, retry_after: str | None) -> Reply:
    """Return HubSpot's 429; `policy_name` is TEN_SECONDLY_ROLLING or DAILY."""
    detail = plain(429, f"You have reached your {policy_name.lower()} limit.")
    return error(
        detail,
        correlation_id,
        extra={"errorType": "RATE_LIMIT", "policyName": policy_name, "requestId": correlation_id},
        headers=(("Retry-After", retry_after),) if retry_after else (),
    )


def standard_error(detail: Detail) -> dict[str, Any]:
    """Return one item of a batch reply's `errors` (schema `StandardError`)."""
    return {
        "status": "error",
        "category": detail.category,
        "message": detail.message,
        "context": detail.context,
        "errors": [_error_detail(detail)],
        "links": {},
    }


def batch(
    results: Sequence[Any],
    errors: Sequence[Detail],
    *,
    version: str,
    full_status: int,
    times: tuple[int, int],
    state: str = "COMPLETE",
    errors_told: int | None = None,
) -> Reply:
    """Return a batch reply in the shape of `version`.

    `full_status` is the status without errors (201 or 200); with errors it is 207 where the version has one.
    `times` are the start and the completion in epoch milliseconds. `errors_told` overrides `numErrors`.
    """
    body: dict[str, Any] = {
        "status": state,
        "results": results,
        "requestedAt": iso(times[0]),
        "startedAt": iso(times[0]),
        "completedAt": iso(times[1]),
    }
    if errors or errors_told is not None:
        body["numErrors"] = len(errors) if errors_told is None else errors_told
        body["errors"] = [standard_error(detail) for detail in errors]
    partial = "numErrors" in body and version not in WITHOUT_207
    return dumped(207 if partial else full_status, body)
