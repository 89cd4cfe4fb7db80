"""The transport's TLS, and that its token shows nowhere."""

import ssl
import traceback
from typing import Any

import anyio
import pytest
import trustme
from anyio.abc import ByteStream

from importer.errors import UsageError
from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.exchange import NoReply, NoReplyKind, Reply
from importer.hubspot.transport import HubSpotTransport

CANARY = "canary-7f3e-token"


def server_tls(authority: trustme.CA, host: str) -> ssl.SSLContext:
    """Return a server's context with a certificate for `host`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context


def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    """Return a client's context that trusts `authority` alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


async def ask(url: str, tls: ssl.SSLContext | None = None) -> Reply | NoReply:
    """Send one create and return its outcome."""
    transport = HubSpotTransport(lambda: CANARY, TransportPolicy(base_url=url, timeout_s=10), tls=tls)
    try:
        return await transport.create(b"{}")
    finally:
        await transport.aclose()


async def test_a_trusted_certificate_is_taken(raw: Any) -> None:
    """TLS works with an authority of one's own."""
    authority = trustme.CA()
    tls = server_tls(authority, "127.0.0.1")
    async with raw.serve(raw.answering(raw.http(b"{}")), tls=tls) as server:
        assert isinstance(await ask(server.url, client_tls(authority)), Reply)


@pytest.mark.parametrize("fault", ["unknown authority", "other host"])
async def test_a_bad_certificate_is_fatal_and_proved_not_sent(raw: Any, fault: str) -> None:
    """Neither an unknown authority nor another host's certificate gets to see the request."""
    authority = trustme.CA()
    tls = server_tls(authority, "other.example" if fault == "other host" else "127.0.0.1")
    trust = client_tls(authority) if fault == "other host" else None
    async with raw.serve(raw.answering(raw.http(b"{}")), tls=tls) as server:
        answer = await ask(server.url, trust)
        assert isinstance(answer, NoReply)
        assert (answer.kind, answer.on_wire) == (NoReplyKind.TLS_CERTIFICATE, False)
        assert server.requests == []


async def test_a_server_without_tls_is_proved_not_sent(raw: Any) -> None:
    """A handshake answered by something else: nothing of the request was on the wire."""

    async def babble(stream: ByteStream) -> None:
        async with stream:
            await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await stream.receive()

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, babble)
        port = listener.extra_attributes[anyio.abc.SocketAttribute.local_port]()
        answer = await ask(f"https://127.0.0.1:{port}")
        tasks.cancel_scope.cancel()
    assert isinstance(answer, NoReply)
    assert (answer.kind, answer.on_wire) == (NoReplyKind.TLS, False)


def test_tls_checks_cannot_be_turned_off() -> None:
    """A context that trusts anybody is refused."""
    context = ssl.create_default_context()
    context.check_hostname = False
    with pytest.raises(UsageError):
        HubSpotTransport(lambda: CANARY, tls=context)


async def test_the_token_shows_nowhere(raw: Any) -> None:
    """Neither reprs nor values nor the traceback of a cancellation hold the token, whatever went wrong."""
    texts = []
    for data in (b"junk\r\n\r\n", b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{", raw.http(b"{}", "401 No")):
        async with raw.serve(raw.answering(data, close=True)) as server:
            texts.append(repr(await ask(server.url)))
    texts.append(repr(await ask("http://127.0.0.1:1")))
    transport = HubSpotTransport(lambda: CANARY, TransportPolicy(proxy="http://user:canary@127.0.0.1:1"))
    texts += [repr(transport), str(transport), repr(transport._policy), repr(vars(transport)["_policy"])]
    with anyio.CancelScope() as scope:
        scope.cancel()
        try:
            await transport.create(b"{}")
        except anyio.get_cancelled_exc_class() as error:
            texts.append("".join(traceback.format_exception(error)))
            raise
    await transport.aclose()

    assert len(texts) == 9
    assert not [text for text in texts if "canary" in text]
