"""The transport against raw servers: what leaves, what comes back, and that each request leaves once."""

import gzip
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint

from importer.errors import AccessError
from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.exchange import NoReply, NoReplyKind, Reply
from importer.hubspot.transport import HubSpotTransport

CANARY = "canary-7f3e-token"
BODY = b'{"inputs":[{"properties":{"hs_name":"One"}}]}'


@asynccontextmanager
async def transport_to(url: str, token: Callable[[], str] = lambda: CANARY, **policy: Any) -> AsyncIterator[Any]:
    """Open a transport to `url` and close it."""
    transport = HubSpotTransport(token, TransportPolicy(base_url=url, **policy))
    try:
        yield transport
    finally:
        await transport.aclose()


def unused_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def hang(stream: ByteStream) -> None:
    """Never answer."""
    await anyio.sleep_forever()


async def test_a_reply_comes_with_its_useful_headers(raw: Any) -> None:
    """A create is posted whole to the version's path, and only the useful headers of its answer are kept."""
    answer = raw.http(b'{"a":1}', "201 Created", "Date: Mon, 23 Nov 2026 10:00:00 GMT", "Set-Cookie: a=b", "X-Odd: 1")
    async with (
        raw.serve(raw.answering(answer)) as server,
        transport_to(server.url, api_version="2026-09") as transport,
    ):
        reply = await transport.create(BODY)
        assert isinstance(reply, Reply)
        assert (reply.status, reply.body) == (201, b'{"a":1}')
        assert reply.headers == {"date": "Mon, 23 Nov 2026 10:00:00 GMT"}
        assert reply.sent_at <= reply.answered_at
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /marketing/campaigns/2026-09/batch/create HTTP/1.1\r\n")
        assert body == BODY
        for line in (f"Authorization: Bearer {CANARY}", "Accept-Encoding: identity", "Content-Type: application/json"):
            assert line.encode() in head
        await transport.create(BODY)
        assert b"cookie" not in server.requests[1].lower()
        assert server.connections == 1


async def test_hanging_up_closes_the_connection_of_the_answer(raw: Any) -> None:
    """After it, the next request has a connection of its own; without it, connections are used again."""
    async with (
        raw.serve(raw.answering(raw.http(b"{}", "201 Created"))) as server,
        transport_to(server.url) as transport,
    ):
        await transport.create(BODY)
        answer = await transport.create(BODY)
        assert server.connections == 1
        answer.hang_up()
        await checkpoint()
        assert isinstance(await transport.create(BODY), Reply)
        assert server.connections == 2


async def test_the_other_requests_are_what_the_api_documents(raw: Any) -> None:
    """Listing, reading and account details have the documented paths, parameters and bodies."""
    async with (
        raw.serve(raw.answering(raw.http(b"{}", "200 OK"))) as server,
        transport_to(server.url + "/prefix", api_version="v3") as transport,
    ):
        await transport.list_page(properties=["hs_name", "k"], after="c=1&2", name="A b", limit=10)
        await transport.list_page(properties=[])
        await transport.read(["x"], ["hs_name"])
        await transport.account()
        lines = [request.partition(b"\r\n")[0].decode() for request in server.requests]
        base = "/prefix/marketing/v3/campaigns"
        assert lines == [
            f"GET {base}?limit=10&sort=-createdAt&properties=hs_name,k&after=c%3D1%262&name=A+b HTTP/1.1",
            f"GET {base}?limit=100&sort=-createdAt HTTP/1.1",
            f"POST {base}/batch/read?properties=hs_name HTTP/1.1",
            "GET /prefix/account-info/v3/details HTTP/1.1",
        ]
        assert server.requests[2].endswith(b'{"inputs":[{"id":"x"}]}')


async def test_a_refused_connection_is_proved_not_sent() -> None:
    """Nobody listens: nothing was on the wire."""
    async with transport_to(f"http://127.0.0.1:{unused_port()}") as transport:
        answer = await transport.create(BODY)
    assert isinstance(answer, NoReply)
    assert (answer.kind, answer.on_wire, answer.sent_at) == (NoReplyKind.REFUSED_CONNECTION, False, None)


async def test_an_unknown_host_is_proved_not_sent() -> None:
    """A name without an address: nothing was on the wire."""
    async with transport_to("https://no-such-host.invalid") as transport:
        answer = await transport.create(BODY)
    assert isinstance(answer, NoReply)
    assert (answer.kind, answer.on_wire) == (NoReplyKind.DNS, False)


async def test_a_connection_that_never_stands_is_proved_not_sent() -> None:
    """A server whose queue of connections is full does not complete the handshake: connect timeout."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        async with transport_to(f"http://127.0.0.1:{full.getsockname()[1]}", connect_timeout_s=0.2) as transport:
            answer = await transport.create(BODY)
        for filler in fillers:
            filler.close()
    assert isinstance(answer, NoReply)
    assert (answer.kind, answer.on_wire) == (NoReplyKind.CONNECT_TIMEOUT, False)


@pytest.mark.parametrize("method", ["create", "list"])
@pytest.mark.parametrize("ending", ["reset", "close"])
@pytest.mark.parametrize("warm", [False, True])
async def test_a_broken_connection_is_never_replayed(raw: Any, method: str, ending: str, warm: bool) -> None:
    """The server reads the request and ends the connection: it sees the request once, GET or POST, fresh or reused."""
    served = 0

    async def answer(stream: ByteStream) -> None:
        nonlocal served
        served += 1
        if warm and served == 1:
            await stream.send(raw.http(b"{}", "200 OK"))
        else:
            await (raw.reset(stream) if ending == "reset" else stream.aclose())

    async with raw.serve(answer) as server, transport_to(server.url) as transport:
        if warm:
            assert isinstance(await transport.account(), Reply)
        ask = transport.create(BODY) if method == "create" else transport.list_page(properties=["hs_name"])
        outcome = await ask
        assert isinstance(outcome, NoReply)
        assert (outcome.kind, outcome.on_wire) == (NoReplyKind.DISCONNECTED, True)
        assert len(server.requests) == (2 if warm else 1)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
async def test_a_cut_answer_is_no_reply(raw: Any, data: bytes) -> None:
    """An answer that ends before its announced end is not used."""
    async with (
        raw.serve(raw.answering(data, close=True)) as server,
        transport_to(server.url) as transport,
    ):
        answer = await transport.create(BODY)
    assert isinstance(answer, NoReply)
    assert (answer.kind, answer.on_wire) == (NoReplyKind.CUT, True)


async def test_something_else_than_http_is_no_reply(raw: Any) -> None:
    """An answer in another protocol is not a refusal."""
    async with (
        raw.serve(raw.answering(b"SSH-2.0-odd\r\n\r\n", close=True)) as server,
        transport_to(server.url) as transport,
    ):
        answer = await transport.create(BODY)
    assert isinstance(answer, NoReply)
    assert (answer.kind, answer.on_wire) == (NoReplyKind.OTHER, True)


async def test_a_trickling_answer_meets_the_deadline(raw: Any) -> None:
    """Bytes that keep coming do not keep the exchange alive, and the server sees its connection end."""
    ended = anyio.Event()

    async def trickle(stream: ByteStream) -> None:
        await stream.send(b"HTTP/1.1 201 Created\r\nContent-Length: 100000\r\n\r\n")
        try:
            while True:
                await stream.send(b" ")
                await anyio.sleep(0.01)
        except anyio.BrokenResourceError:
            ended.set()

    async with raw.serve(trickle) as server, transport_to(server.url, timeout_s=0.2) as transport:
        answer = await transport.create(BODY)
        assert isinstance(answer, NoReply)
        assert (answer.kind, answer.on_wire) == (NoReplyKind.TIMEOUT, True)
        await ended.wait()


def drain(listener: socket.socket) -> int:
    """Accept the connection that waits, read it to its end and return the number of bytes."""
    connection, _ = listener.accept()
    received = 0
    with connection, suppress(ConnectionResetError):
        while chunk := connection.recv(1 << 20):
            received += len(chunk)
    return received


async def test_a_request_given_up_leaves_nothing_to_send() -> None:
    """What waits in this process and its kernel is thrown away at the deadline: a server that wakes does not get it."""
    body = b"x" * 100_000
    with socket.create_server(("127.0.0.1", 0)) as asleep:
        asleep.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        async with transport_to(f"http://127.0.0.1:{asleep.getsockname()[1]}", timeout_s=0.3) as transport:
            answer = await transport.create(body)
            assert isinstance(answer, NoReply)
            assert (answer.kind, answer.on_wire) == (NoReplyKind.TIMEOUT, True)
            assert await anyio.to_thread.run_sync(drain, asleep) < len(body)


async def test_a_cancelled_request_passes_the_cancellation_on(raw: Any) -> None:
    """A cancellation is not made into a value, and the connection ends."""
    async with raw.serve(hang) as server, transport_to(server.url) as transport, anyio.create_task_group() as tasks:
        seen: list[Any] = []

        async def ask() -> None:
            seen.append(await transport.create(BODY))

        tasks.start_soon(ask)
        while not server.requests:
            await checkpoint()
        tasks.cancel_scope.cancel()
    assert seen == []


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_huge_answer_is_not_read_to_its_end(raw: Any, encoding: str) -> None:
    """More bytes than permitted, as sent or as a compressed bomb, are given up."""
    body = b" " * 3_000_000
    sent = gzip.compress(body) if encoding == "gzip" else body
    answer = raw.http(sent, "201 Created", f"Content-Encoding: {encoding}")
    async with (
        raw.serve(raw.answering(answer)) as server,
        transport_to(server.url, reply_bytes_max=1_000_000) as transport,
    ):
        outcome = await transport.create(BODY)
    assert isinstance(outcome, NoReply)
    assert (outcome.kind, outcome.on_wire) == (NoReplyKind.TOO_LARGE, True)


@pytest.mark.parametrize(("encoding", "seen"), [("gzip", b"{}"), ("br", None)])
async def test_an_answer_compressed_unasked(raw: Any, encoding: str, seen: bytes | None) -> None:
    """Compression with gzip is undone; what cannot be undone comes as it is, which is no JSON."""
    sent = gzip.compress(b"{}")
    answer = raw.http(sent, "201 Created", f"Content-Encoding: {encoding}")
    async with raw.serve(raw.answering(answer)) as server, transport_to(server.url) as transport:
        reply = await transport.create(BODY)
    assert isinstance(reply, Reply)
    assert reply.body == (seen or sent)


async def test_a_redirect_is_not_followed(raw: Any) -> None:
    """A 307 comes back as it is; the other place never hears of the request."""
    async with raw.serve(raw.answering(raw.http(b"{}"))) as other:
        answer = raw.http(b"", "307 Temporary Redirect", f"Location: {other.url}/")
        async with raw.serve(raw.answering(answer)) as server, transport_to(server.url) as transport:
            reply = await transport.create(BODY)
        assert isinstance(reply, Reply)
        assert reply.status == 307
        assert other.requests == []


async def test_the_environment_has_no_say(raw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the environment are ignored."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port()}")
    async with raw.serve(raw.answering(raw.http(b"{}"))) as server, transport_to(server.url) as transport:
        assert isinstance(await transport.create(BODY), Reply)


@pytest.mark.parametrize("token", ["", "two words", "line\r\nbreak", "ünicode"])
async def test_a_token_that_cannot_be_one_is_refused_unquoted(raw: Any, token: str) -> None:
    """A broken token ends the run before anything leaves, and is not repeated."""
    async with raw.serve(hang) as server, transport_to(server.url, lambda: token) as transport:
        with pytest.raises(AccessError) as caught:
            await transport.create(BODY)
        assert not token or token not in str(caught.value)
        assert server.requests == []
