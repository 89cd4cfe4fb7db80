"""What HubSpot tells of a token: its scopes, and how much of the day's quota is used. Pure."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from importer.hubspot.wire import UnreadableReplyError


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class _Token(_Wire):
    scopes: tuple[str, ...]


class _Usage(_Wire):
    used: int = Field(alias="currentUsage")
    limit: int = Field(alias="usageLimit")


class _Usages(_Wire):
    results: tuple[_Usage, ...] = Field(min_length=1)


def parse_scopes(body: bytes) -> tuple[str, ...]:
    """Return the scopes that a token holds; raise `UnreadableReplyError`."""
    try:
        return _Token.model_validate_json(body).scopes
    except ValidationError:
        raise UnreadableReplyError("the answer does not list scopes") from None


def parse_usage(body: bytes) -> tuple[int, int]:
    """Return requests used today and the day's limit; raise `UnreadableReplyError`."""
    try:
        first = _Usages.model_validate_json(body).results[0]
    except ValidationError:
        raise UnreadableReplyError("the answer does not tell the day's usage") from None
    return first.used, first.limit
