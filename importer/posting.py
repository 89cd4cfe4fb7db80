"""One small POST with the standard library, from a thread: for tokens and webhooks, which are few and no campaigns.

It goes over https (plain http on this machine only), checks certificates, follows no redirect, knows no proxy, and
reads little of the answer. What is sent stands in no message.
"""

import http.client
import ipaddress
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from importer.errors import UsageError

_ANSWER_BYTES_MAX: Final = 65_536
_BLOCK: Final = 4_096


class PostError(Exception):
    """There was no answer; the message says why, in words of the system."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes  #: the first 64 KiB


def check_address(url: str, what: str, *, plain: bool = False) -> None:
    """Raise `UsageError` unless something secret may be sent to `url`; `what` names it in the message.

    `plain` says that what is sent is no secret, so that http will do anywhere.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise UsageError(f"{what} is not a URL") from None
    if parts.username or parts.password or parts.fragment or not host or not url.isprintable() or " " in url:
        raise UsageError(f"{what} must be a scheme, a host and a path, without a user or a fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and (plain or _is_loopback(host))):
        raise UsageError(f"{what} must begin with https://", hint="http:// is for this machine only.")


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> Answer:
    """Send `body` once and return the answer, whatever its status. Blocks, for `timeout_s` seconds and little more.

    Raises:
        PostError: there is no whole answer in time.
    """
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    ends = time.monotonic() + timeout_s
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        tls = ssl.create_default_context()
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout_s, context=tls)
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request("POST", target, body=body, headers={"User-Agent": "campaign-importer", **headers})
        response = connection.getresponse()
        held = b""
        while len(held) < _ANSWER_BYTES_MAX and (block := response.read1(_BLOCK)):
            held += block
            if time.monotonic() > ends:
                raise PostError("no whole answer in time")
        return Answer(response.status, held[:_ANSWER_BYTES_MAX])
    except TimeoutError:
        raise PostError("no answer in time") from None
    except ssl.SSLCertVerificationError as error:
        raise PostError(f"the server's certificate is not to be trusted: {error.verify_message}") from None
    except OSError as error:
        raise PostError(error.strerror or "no connection") from None
    except http.client.HTTPException as error:
        raise PostError(f"the answer is not HTTP ({type(error).__name__})") from None
    finally:
        connection.close()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
