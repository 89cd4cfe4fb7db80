"""Where HubSpot is and how patiently to talk to it; apart from `transport`, so that settings need not load aiohttp."""

import ipaddress
from dataclasses import dataclass, field

from yarl import URL

from importer.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportPolicy:
    """Where to and how patiently."""

    base_url: str = "https://api.hubapi.com"  #: https; plain http for loopback only
    api_version: str = "v3"  #: a key of `wire.PATHS`
    timeout_s: float = 110.0  #: for a whole exchange; above the 100 s after which HubSpot's edge answers 524
    connect_timeout_s: float = 10.0  #: for name lookup, TCP and TLS together
    #: Bytes that nobody acknowledges for so long end the connection (TCP_USER_TIMEOUT, Linux). Without it the kernel
    #: of a killed process goes on sending for minutes. With it a request lands at most 30 s after it was sent, and
    #: HubSpot's edge drops it 100 s later: 130 s, inside the 170 s that reconciliation waits.
    unacknowledged_s: float = 30.0
    keepalive_s: float = 15.0  #: idle connections are closed after that, before the server does it in our face
    connections_max: int = 256  #: at least as many as requests in flight, or waiting for one counts as connecting
    reply_bytes_max: int = 8 * 1024 * 1024  #: of one answer, as received and decompressed alike
    allow_insecure_loopback: bool = True  #: whether http://127.0.0.1 and its like are taken (the simulator)
    proxy: str | None = field(default=None, repr=False)  #: URL of a proxy; it may hold a password
    user_agent: str = "campaign-importer"


def base_url(policy: TransportPolicy) -> URL:
    """Return the base URL of `policy`; raise `UsageError` unless it is safe to send a token there."""
    try:
        url = URL(policy.base_url)
        host = url.host or ""
    except ValueError:
        raise UsageError("the base URL is not a URL") from None
    if url.user or url.password or url.query_string or url.fragment or not host:
        raise UsageError("the base URL must be a scheme and a host, without credentials, query or fragment")
    if url.scheme != "https" and not (url.scheme == "http" and policy.allow_insecure_loopback and _is_loopback(host)):
        raise UsageError("the base URL must begin with https://", hint="http:// is for the simulator on this machine.")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
