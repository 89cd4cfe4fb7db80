"""What only `probe`, `doctor` and `init` ask: to archive, what properties take, whose token this is, what is left."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import orjson

from importer.hubspot.exchange import Exchange
from importer.hubspot.wire import encode_ids, paths

_TOKEN_INFO: Final = "/oauth/v2/private-apps/get/access-token-info"  # noqa: S105 - a path, no secret


class _Paths(NamedTuple):
    archive: str
    property_of: str  #: the property's name follows
    usage: str


class Sends(Protocol):
    """The transport, as far as it is needed here."""

    async def exchange(
        self, method: str, path: str, *, query: dict[str, str | None] | None = None, body: bytes | None = None
    ) -> Exchange:
        """Send one request and read its answer to the end."""
        ...


class Inquiries:
    """Asks through a transport; each method sends one request, and a cancellation passes through."""

    def __init__(self, transport: Sends, api_version: str) -> None:
        self._transport = transport
        crm = "/crm/v3/properties" if api_version == "v3" else f"/crm/properties/{api_version}"
        self._paths = _Paths(
            f"{paths(api_version).campaigns}/batch/archive",
            f"{crm}/campaigns/",
            f"/account-info/{api_version}/api-usage/daily/private-apps",
        )

    async def archive(self, ids: Sequence[str]) -> Exchange:
        """POST at most 50 ids to batch/archive; HubSpot says 204 whatever became of it."""
        return await self._transport.exchange("POST", self._paths.archive, body=encode_ids(ids))

    async def property_of(self, name: str) -> Exchange:
        """GET the definition of a property of campaigns."""
        return await self._transport.exchange("GET", self._paths.property_of + name)

    async def properties(self) -> Exchange:
        """GET the definitions of all properties of campaigns."""
        return await self._transport.exchange("GET", self._paths.property_of.rstrip("/"))

    async def make_property(self, definition: Mapping[str, str]) -> Exchange:
        """POST the definition of a new property of campaigns."""
        return await self._transport.exchange(
            "POST", self._paths.property_of.rstrip("/"), body=orjson.dumps(definition)
        )

    async def daily_usage(self) -> Exchange:
        """GET how much of the day's quota has been used."""
        return await self._transport.exchange("GET", self._paths.usage)

    async def token_info(self, token: str) -> Exchange:
        """POST the token to the endpoint that says what it may do; the token stands in the body."""
        return await self._transport.exchange("POST", _TOKEN_INFO, body=orjson.dumps({"tokenKey": token}))
