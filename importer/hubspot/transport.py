"""The way to HubSpot over aiohttp: one request in, one `Reply` or `NoReply` out. The only user of aiohttp here.

What it holds to:
- a request is sent once. aiohttp repeats a GET when the connection breaks; `_OnceConnector` forbids that.
- `NoReply.on_wire` is told by a trace hook which aiohttp calls before it writes the first byte, not by the exception.
- a request that is given up, by deadline or cancellation, is aborted: what has not left yet is thrown away.
- the token is in one header, built here for each request; no exception of aiohttp leaves this module (the repr of
  some shows that header).
- no redirects, no cookies, no proxy, netrc or other settings from the environment, no way to turn TLS checks off.
"""

import socket
import ssl
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from io import BytesIO
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
import anyio
from yarl import URL

from importer.errors import AccessError, UsageError
from importer.hubspot.bodies import decompressed, read_capped
from importer.hubspot.endpoint import TransportPolicy, base_url
from importer.hubspot.exchange import KEPT_HEADERS, Exchange, NoReply, NoReplyKind, Reply
from importer.hubspot.wire import encode_ids, paths

_SENTENCES: Final = {
    NoReplyKind.DNS: "the host name has no address",
    NoReplyKind.REFUSED_CONNECTION: "no connection",
    NoReplyKind.CONNECT_TIMEOUT: "no connection in time",
    NoReplyKind.TLS_CERTIFICATE: "the server's certificate is not to be trusted",
    NoReplyKind.TLS: "the TLS handshake failed",
    NoReplyKind.DISCONNECTED: "the connection ended before the answer",
    NoReplyKind.TIMEOUT: "no complete answer in time",
    NoReplyKind.CUT: "the answer was cut off",
    NoReplyKind.TOO_LARGE: "the answer is larger than permitted",
    NoReplyKind.OTHER: "the answer is not HTTP",
}

#: aiohttp's errors, the special before the general: the first that fits names the kind.
_KINDS: Final[tuple[tuple[type[Exception], NoReplyKind], ...]] = (
    (aiohttp.ClientConnectorDNSError, NoReplyKind.DNS),
    (aiohttp.ClientConnectorCertificateError, NoReplyKind.TLS_CERTIFICATE),
    (aiohttp.ClientSSLError, NoReplyKind.TLS),
    (aiohttp.ConnectionTimeoutError, NoReplyKind.CONNECT_TIMEOUT),
    (aiohttp.ClientConnectorError, NoReplyKind.REFUSED_CONNECTION),
    (aiohttp.ClientHttpProxyError, NoReplyKind.REFUSED_CONNECTION),
    (aiohttp.ClientPayloadError, NoReplyKind.CUT),
    (aiohttp.ClientConnectionError, NoReplyKind.DISCONNECTED),
    (OSError, NoReplyKind.DISCONNECTED),
)

_WARNED_BYTES: Final = 1 << 20  #: aiohttp warns of plain bytes from here on
_DISCARD_UNSENT: Final = struct.pack("ii", 1, 0)  # SO_LINGER: close at once, throw away what has not left


class HubSpotTransport:
    """A `Transport` to one account.

    `token` is called for each request, so that a renewed token is used at once (`SecretStr.get_secret_value` will
    do). `tls` replaces the system's trust store, for tests and for companies with their own authority.
    Raises `UsageError` for a base URL or a TLS context that would not be safe.
    """

    def __init__(
        self, token: Callable[[], str], policy: TransportPolicy | None = None, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._policy = policy or TransportPolicy()
        self._base = base_url(self._policy)
        self._paths = paths(self._policy.api_version)
        if tls is not None and not (tls.verify_mode is ssl.CERT_REQUIRED and tls.check_hostname):
            raise UsageError("a TLS context that does not check the server's certificate is not accepted")
        self._tls = tls
        self._token = token
        self._urls: dict[str, URL] = {}  # path → its URL, since making one costs as much as sending
        self._open_session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"HubSpotTransport({str(self._base)!r}, {self._policy.api_version!r})"

    async def create(self, body: bytes) -> Exchange:
        """POST `body` to batch/create. See `exchange` for what a cancellation leaves."""
        return await self.exchange("POST", f"{self._paths.campaigns}/batch/create", body=body)

    async def list_page(
        self,
        *,
        properties: Sequence[str],
        after: str | None = None,
        name: str | None = None,
        sort: str = "-createdAt",
        limit: int = 100,
    ) -> Exchange:
        """GET one page of campaigns; a cancellation leaves nothing."""
        query = {"limit": str(limit), "sort": sort, "properties": ",".join(properties), "after": after, "name": name}
        return await self.exchange("GET", self._paths.campaigns, query=query)

    async def read(self, ids: Sequence[str], properties: Sequence[str]) -> Exchange:
        """POST at most 50 ids to batch/read; a cancellation leaves nothing."""
        query: dict[str, str | None] = {"properties": ",".join(properties)}
        return await self.exchange("POST", f"{self._paths.campaigns}/batch/read", query=query, body=encode_ids(ids))

    async def update(self, body: bytes) -> Exchange:
        """POST `body` to batch/update; a cancellation leaves open whether it took effect, and it may be repeated."""
        return await self.exchange("POST", f"{self._paths.campaigns}/batch/update", body=body)

    async def account(self) -> Exchange:
        """GET the account's details; a cancellation leaves nothing."""
        return await self.exchange("GET", self._paths.account)

    async def aclose(self) -> None:
        """Close all connections; a cancellation leaves them to the end of the process."""
        session, self._open_session = self._open_session, None
        if session is not None:
            await session.close()

    async def exchange(
        self, method: str, path: str, *, query: dict[str, str | None] | None = None, body: bytes | None = None
    ) -> Exchange:
        """Send one request and read its answer to the end, within the deadline.

        Raises `AccessError` for a token that cannot stand in a header. A cancellation passes through: the connection
        is aborted, the request may have reached HubSpot, and the caller has to count it as in doubt.
        """
        wire = _Wire()
        _WIRE.set(wire)
        url = self._url(path, query)
        done = False
        try:
            with anyio.move_on_after(self._policy.timeout_s):
                reply = await self._ask(wire, method, url, body)
                done = isinstance(reply, Reply)
                return reply
            return wire.no_reply(NoReplyKind.TIMEOUT, f"{self._policy.timeout_s:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return wire.no_reply(_kind(error, wire), _cause(error))
        finally:
            if not done:
                wire.abort()

    def _url(self, path: str, query: dict[str, str | None] | None) -> URL:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = self._base.joinpath(path.lstrip("/"))
        return url.with_query({key: value for key, value in query.items() if value}) if query else url

    async def _ask(self, wire: "_Wire", method: str, url: URL, body: bytes | None) -> Exchange:
        async with self._session().request(
            method,
            url,
            data=body if body is None or len(body) < _WARNED_BYTES else BytesIO(body),
            headers=self._headers(),
            allow_redirects=False,
            proxy=self._policy.proxy,
            trace_request_ctx=wire,
        ) as response:
            wire.answering = True
            raw = await read_capped(response.content.iter_any(), self._policy.reply_bytes_max)
            plain = decompressed(raw, response.headers.get("Content-Encoding"), self._policy.reply_bytes_max)
            if plain is None:
                return wire.no_reply(NoReplyKind.TOO_LARGE, f"more than {self._policy.reply_bytes_max:,} bytes")
            there = response.headers
            kept = {name: there[name] for name in KEPT_HEADERS if name in there}
            answered_at = anyio.current_time()
            sent_at = answered_at if wire.sent_at is None else wire.sent_at
            return Reply(
                status=response.status, headers=kept, body=plain, sent_at=sent_at, answered_at=answered_at,
                hang_up=wire.abort,
            )  # fmt: skip

    def _headers(self) -> dict[str, str]:
        """Return the headers of one request: the only place where the token is uncovered."""
        token = self._token()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise AccessError(
                "the token is empty or holds characters that no token has",
                hint="Look for line breaks, spaces or quotes around the token.",
            )
        return {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": self._policy.user_agent,
        }

    def _session(self) -> aiohttp.ClientSession:
        """Return the session, made at the first request since aiohttp wants a running event loop for it."""
        if self._open_session is None:
            policy = self._policy
            hooks = aiohttp.TraceConfig()
            hooks.on_request_headers_sent.append(_note_sending)
            connector = _OnceConnector(
                ssl=True if self._tls is None else self._tls,
                limit=policy.connections_max,
                keepalive_timeout=policy.keepalive_s,
                socket_factory=lambda address: _socket(address, policy.unacknowledged_s),
            )
            self._open_session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=policy.connect_timeout_s),
                trace_configs=[hooks],
            )
        return self._open_session


class _Wire:
    """How far one request has come."""

    __slots__ = ("answering", "sent_at", "transport")

    def __init__(self) -> None:
        self.sent_at: float | None = None  # monotonic seconds, just before the first byte
        self.answering = False  # whether status and headers of the answer have come
        self.transport: Any = None  # the connection's asyncio transport, once there is one

    def no_reply(self, kind: NoReplyKind, cause: str) -> NoReply:
        detail = f"{_SENTENCES[kind]}: {cause}" if cause else _SENTENCES[kind]
        on_wire = self.sent_at is not None
        return NoReply(kind=kind, detail=detail, on_wire=on_wire, sent_at=self.sent_at, ended_at=anyio.current_time())

    def abort(self) -> None:
        """Throw the connection away, and with it what this process and its kernel have not sent yet."""
        if self.transport is None:
            return
        with suppress(OSError, AttributeError):  # it may be gone already
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DISCARD_UNSENT)
        self.transport.abort()


_WIRE: Final[ContextVar[_Wire]] = ContextVar("wire of the request that this task sends")


class _RepeatError(aiohttp.ClientConnectionError):
    """aiohttp wanted to send a request a second time after its connection had ended."""


class _OnceConnector(aiohttp.TCPConnector):
    """Gives each request one connection and no second one."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 -- aiohttp's name
    ) -> aiohttp.connector.Connection:
        wire = _WIRE.get()
        if wire.transport is not None:
            raise _RepeatError
        connection = await super().connect(req, traces, timeout)
        wire.transport = connection.transport
        return connection


async def _note_sending(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.sent_at = anyio.current_time()


def _socket(address: aiohttp.AddrInfoType, unacknowledged_s: float) -> socket.socket:
    made = socket.socket(*address[:3])
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux only
    if option is not None:
        made.setsockopt(socket.IPPROTO_TCP, option, int(unacknowledged_s * 1000))
    return made


def _kind(error: Exception, wire: _Wire) -> NoReplyKind:
    kind = next((kind for of, kind in _KINDS if isinstance(error, of)), NoReplyKind.OTHER)
    return NoReplyKind.CUT if kind is NoReplyKind.DISCONNECTED and wire.answering else kind


def _cause(error: Exception) -> str:
    """Return the system's own words for `error`, where it has some; never aiohttp's, which may quote the request."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(getattr(error.certificate_error, "verify_message", ""))
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status}"
    system = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return str(getattr(system, "strerror", None) or "")
