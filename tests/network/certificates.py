"""Handshakes that go wrong: bad certificates, and connections that end before there is one."""

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

import anyio
import trustme
from anyio.abc import ByteStream, SocketStream

from tests.network.tcp_proxy import End, Handshake, end, greeting

HOST: Final = "127.0.0.1"
_NOW: Final = datetime.now(UTC)
_DAY: Final = timedelta(days=1)


@cache
def authority() -> trustme.CA:
    """Return the authority that the client trusts."""
    return trustme.CA()


def trust() -> ssl.SSLContext:
    """Return a client's context that trusts it, and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(context)
    return context


def server(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return a server's context with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def good() -> Handshake:
    """Greet with the certificate that the client expects."""
    return greeting(server(authority().issue_cert(HOST)))


def _stranger() -> Handshake:
    return greeting(server(trustme.CA().issue_cert(HOST)))


def _self_signed() -> Handshake:
    own = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with own.cert_pem.tempfile() as certificate, own.private_key_pem.tempfile() as key:
        context.load_cert_chain(certificate, key)
    return greeting(context)


def _other_host() -> Handshake:
    return greeting(server(authority().issue_cert("hubspot.example", "127.0.0.2")))


def _expired() -> Handshake:
    return greeting(server(authority().issue_cert(HOST, not_before=_NOW - 2 * _DAY, not_after=_NOW - _DAY)))


def _not_yet() -> Handshake:
    return greeting(server(authority().issue_cert(HOST, not_before=_NOW + _DAY, not_after=_NOW + 2 * _DAY)))


def _asks_for_ours() -> Handshake:
    context = server(authority().issue_cert(HOST))
    context.verify_mode = ssl.CERT_REQUIRED
    authority().configure_trust(context)
    return greeting(context)


def _no_common_cipher() -> Handshake:
    context = server(authority().issue_cert(HOST))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("PSK")
    return greeting(context)


def _ended(how: End, said: bytes = b"") -> Handshake:
    async def greet(raw: SocketStream) -> ByteStream:
        await raw.receive()
        if said:
            await raw.send(said)
        await end(raw, raw, how)
        raise anyio.ClosedResourceError

    return greet


@cache
def handshakes() -> Mapping[str, Handshake]:
    """Return name → handshake; all but `good` fail."""
    return {
        "good": good(),
        "self_signed": _self_signed(),
        "stranger": _stranger(),
        "other_host": _other_host(),
        "expired": _expired(),
        "not_yet": _not_yet(),
        "asks_for_ours": _asks_for_ours(),
        "no_common_cipher": _no_common_cipher(),
        "reset": _ended(End.RESET),
        "closed": _ended(End.CLOSE),
        "stalled": _ended(End.STALL),
        "plain_text": _ended(End.CLOSE, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    }
