"""Request and reply bodies: what HubSpot's JSON holds, as the model's values.

One reader serves both shapes of a batch reply: v3 and 2026-03 answer a partial success with 207 and `errors`;
2026-09 has the same fields as options of its ordinary 201. So `errors` is read whatever the status. What pairing needs
(each result's id and properties) must be there, or the reply is unreadable; error objects are read softly, since
HubSpot says that each of their fields may be missing. A batch reply and a listing both hold `results`: each is refused
in the other's place, since a connection that is out of step gives answers to earlier requests. Facts: HubSpot's OpenAPI
files of the campaigns API (v3, 2026-03, 2026-09) and its page on error handling. This module is pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Final, NamedTuple, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from importer.errors import UsageError
from importer.hubspot.error_body import ErrorModel, SoftCount, SoftErrors, flatten
from importer.model import Record, RemoteError, Result


class UnreadableReplyError(ValueError):
    """The body is not what the API promises; the message names the place and never the value."""


class Paths(NamedTuple):
    """Where the endpoints of one API version are, below the base URL."""

    campaigns: str  #: list (GET); `/batch/create` and `/batch/read` below it (POST)
    account: str  #: account details (GET)


#: In the order of the marks in the path: v3 ends in September 2027, a dated version 18 months after its month.
PATHS: Final[Mapping[str, Paths]] = {
    "v3": Paths("/marketing/v3/campaigns", "/account-info/v3/details"),
    "2026-03": Paths("/marketing/campaigns/2026-03", "/account-info/2026-03/details"),
    "2026-09": Paths("/marketing/campaigns/2026-09", "/account-info/2026-09/details"),
}


def paths(api_version: str) -> Paths:
    """Return the paths of `api_version`; raise `UsageError` for a version that is not known."""
    known = PATHS.get(api_version)
    if known is None:
        raise UsageError(f"the API version {api_version!r} is not known", hint=f"Use one of {', '.join(PATHS)}.")
    return known


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReply:
    """The body of a batch reply."""

    status: str | None  #: COMPLETE, PENDING, PROCESSING or CANCELED; None when HubSpot does not say
    results: tuple[Result, ...]  #: in any order
    errors: tuple[RemoteError, ...] = ()  #: flattened: an error, then its details
    num_errors: int | None = None  #: HubSpot's own count; it may disagree with `errors`

    @property
    def complete(self) -> bool:
        """Whether HubSpot says that it is done with the batch."""
        return self.status == "COMPLETE"


class Page(NamedTuple):
    """One page of a listing."""

    total: int | None  #: campaigns of the whole listing
    results: tuple[Result, ...]
    after: str | None  #: cursor of the next page; None on the last one


class _Wire(BaseModel):
    """What all models of answers share: unknown fields are ignored, errors do not repeat values."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, coerce_numbers_to_str=True)


class Account(_Wire):
    """The account that the token belongs to."""

    id: str = Field(alias="portalId", min_length=1)
    kind: str | None = Field(default=None, alias="accountType")  #: STANDARD, SANDBOX, DEVELOPER_TEST, APP_DEVELOPER
    time_zone: str | None = Field(default=None, alias="timeZone")  #: IANA name; the daily quota ends at its midnight
    currency: str | None = Field(default=None, alias="companyCurrency")  #: ISO 4217
    more_currencies: tuple[str, ...] = Field(default=(), alias="additionalCurrencies")
    ui_domain: str | None = Field(default=None, alias="uiDomain")


class _Campaign(_Wire):
    id: str = Field(min_length=1)
    properties: dict[str, str | None]
    created_at: str | None = Field(default=None, alias="createdAt")
    updated_at: str | None = Field(default=None, alias="updatedAt")

    def result(self) -> Result:
        """Return the campaign as the model's value; a null property says nothing and is left out."""
        shown = {name: value for name, value in self.properties.items() if value is not None}
        return Result(self.id, shown, self.created_at, self.updated_at)


class _Batch(_Wire):
    results: list[_Campaign]
    status: str | None = None
    errors: SoftErrors = ()
    num_errors: SoftCount = Field(default=None, alias="numErrors")
    total: None = None  #: only a listing has one


class _Next(_Wire):
    after: str | None = None


class _Paging(_Wire):
    next: _Next | None = None


class _Listing(_Wire):
    results: list[_Campaign]
    total: SoftCount = None
    paging: _Paging | None = None
    status: None = None  #: only a batch reply has one


_Model = TypeVar("_Model", bound=BaseModel)
_USUAL_KEYS: Final = frozenset({"status", "results", "requestedAt", "startedAt", "completedAt", "links"})


def encode_records(records: Sequence[Record]) -> bytes:
    """Return the body of batch/create for `records`, in their order; what is JSON already is taken as it stands."""
    written = [record.payload or orjson.dumps(record.properties) for record in records]
    return b'{"inputs":[{"properties":' + b'},{"properties":'.join(written) + b"}]}"


def encode_ids(ids: Sequence[str]) -> bytes:
    """Return the body of batch/read for `ids`."""
    return orjson.dumps({"inputs": [{"id": of_one} for of_one in ids]})


def encode_updates(changes: Sequence[tuple[str, Mapping[str, str]]]) -> bytes:
    """Return the body of batch/update for campaigns, each an id and the properties to write."""
    return orjson.dumps({"inputs": [{"id": campaign, "properties": values} for campaign, values in changes]})


def parse_batch(body: bytes) -> BatchReply:
    """Return what a 2xx answer of batch/create or batch/read holds; raise `UnreadableReplyError`."""
    usual = _usual_batch(body)
    if usual is not None:
        return usual
    batch = _read(_Batch, body)
    return BatchReply(
        status=batch.status.upper() if batch.status else None,
        results=tuple(campaign.result() for campaign in batch.results),
        errors=flatten(batch.errors),
        num_errors=batch.num_errors,
    )


def parse_page(body: bytes) -> Page:
    """Return what a 2xx answer of the list holds; raise `UnreadableReplyError`."""
    listing = _read(_Listing, body)
    following = listing.paging.next if listing.paging else None
    after = following.after if following else None
    return Page(listing.total, tuple(campaign.result() for campaign in listing.results), after or None)


def parse_account(body: bytes) -> Account:
    """Return what a 2xx answer of the account's details holds; raise `UnreadableReplyError`."""
    return _read(Account, body)


def parse_error(body: bytes) -> tuple[RemoteError, ...]:
    """Return the error of a refusal, then its details; empty when the body is no JSON object (a proxy's page)."""
    try:
        error = ErrorModel.model_validate_json(body)
    except ValidationError:
        return ()
    return flatten((error,))


def _usual_batch(body: bytes) -> BatchReply | None:
    """Return what an answer without anything special holds; None leaves all others, and what is wrong, to the models.

    Nearly every answer is of this kind, and reading it so takes a third of the time.
    """
    try:
        batch = orjson.loads(body)
        if not _USUAL_KEYS.issuperset(batch) or type(batch["results"]) is not list:
            return None
        columns = [[one[name] for one in batch["results"]] for name in ("id", "properties", "createdAt", "updatedAt")]
        ids, properties, created, updated = columns
        values = chain(ids, created, updated, chain.from_iterable(map(dict.values, properties)))
        status = batch["status"]
        if {*map(type, values), type(status)} != {str} or not all(ids) or not status:
            return None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    # Straight to the tuples: the named constructor costs as much again.
    results = map(tuple.__new__, repeat(Result), zip(*columns, strict=True))
    return BatchReply(status=status.upper(), results=tuple(results))


def _read(model: type[_Model], body: bytes) -> _Model:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise UnreadableReplyError(f"the answer cannot be read: {place}: {first['type']}") from None
