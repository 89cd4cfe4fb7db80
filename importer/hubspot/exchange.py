"""What goes to HubSpot and what comes back, as values; and the interface of whoever carries it.

An exchange ends in a `Reply` (a complete answer, whatever its status) or in a `NoReply`, which says whether a byte
of the request can have reached the wire. Nothing here is an exception: `verdicts` reads both. This module is pure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

#: Headers of an answer that are kept; all others are dropped where they are read.
KEPT_HEADERS: Final = frozenset(
    {
        "content-type",
        "date",
        "location",
        "retry-after",
        "x-hubspot-correlation-id",
        "x-hubspot-ratelimit-daily",
        "x-hubspot-ratelimit-daily-remaining",
        "x-hubspot-ratelimit-interval-milliseconds",
        "x-hubspot-ratelimit-max",
        "x-hubspot-ratelimit-remaining",
    }
)


class NoReplyKind(StrEnum):
    """Why there is no answer."""

    DNS = "dns"  #: the host has no address
    REFUSED_CONNECTION = "refused_connection"  #: refused, no route, or reset before it stood
    CONNECT_TIMEOUT = "connect_timeout"  #: no connection in time (name lookup, TCP and TLS together)
    TLS_CERTIFICATE = "tls_certificate"  #: the certificate is not to be trusted, or is another host's
    TLS = "tls"  #: the handshake failed for another reason
    DISCONNECTED = "disconnected"  #: the connection ended before the answer began
    TIMEOUT = "timeout"  #: the deadline of the whole exchange passed
    CUT = "cut"  #: the answer began and did not reach its end
    TOO_LARGE = "too_large"  #: the answer is longer than permitted
    OTHER = "other"  #: anything else, such as an answer that is not HTTP


def no_connection() -> None:
    """Close nothing: the answer came on no connection that could be used again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A complete answer."""

    status: int  #: HTTP status
    headers: Mapping[str, str] = field(default_factory=dict)  #: those of `KEPT_HEADERS`, names in lower case
    body: bytes = field(default=b"", repr=False)  #: as received, decompressed; not in the repr: it holds data
    sent_at: float  #: just before the request's first byte, monotonic seconds
    answered_at: float  #: when the body's last byte was read, monotonic seconds
    hang_up: Callable[[], None] = field(default=no_connection, repr=False, compare=False)  #: closes its connection


@dataclass(frozen=True, slots=True, kw_only=True)
class NoReply:
    """No complete answer."""

    kind: NoReplyKind
    detail: str  #: one clause for people and logs; free of secrets and of data
    on_wire: bool  #: False proves that no byte of the request was written; True proves nothing
    sent_at: float | None  #: just before the request's first byte, monotonic seconds; None when it never came to that
    ended_at: float  #: when the exchange was given up, monotonic seconds
    hang_up: Callable[[], None] = field(default=no_connection, repr=False, compare=False)  #: it is closed already


Exchange = Reply | NoReply


class Transport(Protocol):
    """One request at a time to one account; safe to use from many tasks.

    Each method sends exactly one request, or none, and never repeats it. A cancellation passes through; the
    connection is then aborted, and whether HubSpot acted on the request is not known.
    """

    async def create(self, body: bytes) -> Exchange:
        """POST a body of `wire.encode_records` to batch/create."""
        ...

    async def list_page(
        self,
        *,
        properties: Sequence[str],
        after: str | None = None,
        name: str | None = None,
        sort: str = "-createdAt",
        limit: int = 100,
    ) -> Exchange:
        """GET one page of campaigns (`limit` 1 to 100); `name` is a substring filter, `after` a page's cursor."""
        ...

    async def read(self, ids: Sequence[str], properties: Sequence[str]) -> Exchange:
        """POST at most 50 ids to batch/read."""
        ...

    async def account(self) -> Exchange:
        """GET the account's details."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


class Updating(Transport, Protocol):
    """A transport that changes campaigns, too."""

    async def update(self, body: bytes) -> Exchange:
        """POST a body of `wire.encode_updates` to batch/update; it may be repeated."""
        ...
