"""A hostile wire: stands between a client and a server on 127.0.0.1 and harms the exchanges it is told to.

It goes by exchanges, since HTTP/1.1 has one request at a time on a connection: a request is read whole, a harm for
it is looked up, and carried out to the byte. What nobody harms goes through untouched. Everything that arrives is
counted, so that a test can say whether a byte of a request was ever written.
"""

import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

import anyio
from anyio.abc import ByteStream, Listener, SocketAttribute, SocketStream, TaskGroup
from anyio.streams.tls import TLSStream

GONE: Final = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, ssl.SSLError)
_LINGER_NOT: Final = struct.pack("ii", 1, 0)
_STANDING_MAX: Final = 4  # connections that fill a queue of length 0


class End(Enum):
    """How a connection ends."""

    RESET = "RST"
    CLOSE = "FIN"
    HALF = "FIN one way, and the other way stays open"
    STALL = "not at all: nothing more comes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """What becomes of one exchange."""

    forward: int | None = None  #: bytes of the request that reach the server; None: all, and its reply is awaited
    reply: Callable[[bytes], bytes] | None = None  #: the server's reply (empty if there is none) → what the client gets
    cut: int | None = None  #: bytes of the reply that reach the client
    end: End | None = None  #: what follows the reply; None: the connection lives on
    delay_s: float = 0.0  #: before the reply
    drip_s: float = 0.0  #: between the bytes of the reply
    first: bool = False  #: the client gets its reply before the server gets the request, and no other
    shift: bool = False  #: from now on, each request of the connection gets the real reply to the one before it


Handshake = Callable[[SocketStream], Awaitable[ByteStream]]  #: raises one of `GONE` when it fails


@dataclass(slots=True, kw_only=True)
class Proxy:
    """What is done to whom, and what was seen."""

    upstream: int  #: port of the server
    harms: Mapping[int, Harm] = field(default_factory=dict)  #: n-th request that is struck, from 1 → its harm
    struck: bytes = b"/batch/create"  #: requests that count have this in their first line
    handshake: Callable[[int], Handshake] | None = None  #: connection, from 1 → how it is greeted
    once: bool = False  #: each reply says that it ends the connection
    deaf_after: int | None = None  #: requests after which nobody listens any more
    crowded: bool = False  #: and instead the queue of connections is full
    port: int = 0  #: to listen on; 0 takes a free one
    connections: int = 0
    received: int = 0  #: bytes from clients
    requests: list[bytes] = field(default_factory=list)  #: from clients
    replies: list[bytes] = field(default_factory=list)  #: what was to reach them, before it was cut
    _count: int = 0
    _hearing: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _deaf: anyio.Event = field(default_factory=anyio.Event)
    _held: dict[SocketStream, bytes] = field(default_factory=dict)  #: connection → the reply it owes
    _standing: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"{'https' if self.handshake else 'http'}://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Proxy"]:
        """Serve until the block ends."""
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=self.port)
        self.port = listener.extra(SocketAttribute.local_port)  # noqa: S610 -- not Django's
        async with self._standing, anyio.create_task_group() as tasks:
            tasks.start_soon(self._serve, listener, tasks)
            yield self
            tasks.cancel_scope.cancel()

    async def _serve(self, listener: Listener[SocketStream], tasks: TaskGroup) -> None:
        async with listener:
            with anyio.CancelScope() as self._hearing:
                await listener.serve(self._connection, tasks)
        self._deaf.set()

    async def _connection(self, raw: SocketStream) -> None:
        self.connections += 1
        with suppress(*GONE):
            async with raw:
                client = await self.handshake(self.connections)(raw) if self.handshake else raw
                async with await anyio.connect_tcp("127.0.0.1", self.upstream) as server:
                    while await self._exchange(client, raw, server):
                        pass

    async def _exchange(self, client: ByteStream, raw: SocketStream, server: SocketStream) -> bool:
        """Carry one exchange through; return whether the connection lives on."""
        request = await read_message(client, self._count_bytes)
        self.requests.append(request)
        if self.deaf_after == len(self.requests):
            await self._turn_deaf()
        harm = self._harm(request)
        if harm.first and harm.reply:
            await client.send(harm.reply(b""))
        real = b""
        if harm.forward is None:
            await server.send(request)
            real = await read_message(server)
        elif harm.forward:
            await server.send(request[: harm.forward])
        reply = b"" if harm.first else harm.reply(real) if harm.reply else self._held.get(raw, real)
        if harm.shift or raw in self._held:
            self._held[raw] = real
        self.replies.append(reply)
        await anyio.sleep(harm.delay_s)
        await self._answer(client, (marked_last(reply) if self.once else reply)[: harm.cut], harm)
        if harm.end:
            await end(client, raw, harm.end)
        return harm.end is None and not self.once and harm.forward is None

    async def _answer(self, client: ByteStream, reply: bytes, harm: Harm) -> None:
        if not harm.drip_s:
            await client.send(reply)
            return
        for byte in reply:
            await client.send(bytes([byte]))
            await anyio.sleep(harm.drip_s)

    def _harm(self, request: bytes) -> Harm:
        if self.struck not in request.partition(b"\r\n")[0]:
            return Harm()
        self._count += 1
        return self.harms.get(self._count, Harm())

    def _count_bytes(self, data: bytes) -> None:
        self.received += len(data)

    async def _turn_deaf(self) -> None:
        """Stop listening; on wish let connections stand in a queue which nobody serves."""
        self._hearing.cancel()
        await self._deaf.wait()
        if self.crowded:
            full = self._standing.enter_context(socket.socket())
            full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            full.bind(("127.0.0.1", self.port))
            full.listen(0)
            for _ in range(_STANDING_MAX):
                standing = self._standing.enter_context(socket.socket())
                standing.setblocking(False)
                standing.connect_ex(full.getsockname())


async def read_message(stream: ByteStream, note: Callable[[bytes], None] = lambda _: None) -> bytes:
    """Return one request or reply with Content-Length, or what came of it; raise `EndOfStream` if nothing came."""
    data = await stream.receive()
    note(data)
    with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
        while not _is_whole(data):
            more = await stream.receive()
            note(more)
            data += more
    return data


def _is_whole(data: bytes) -> bool:
    head, blank, body = data.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return bool(blank) and len(body) >= int(length or 0)


def marked_last(reply: bytes) -> bytes:
    """Return `reply` with the header which says that no other follows on this connection."""
    return reply.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)


async def end(client: ByteStream, raw: SocketStream, how: End) -> None:
    """End the connection in this way; after a half-close, or none, wait until the client has gone."""
    if how is End.RESET:
        raw.extra(SocketAttribute.raw_socket).setsockopt(  # noqa: S610 -- not Django's
            socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT
        )
        await raw.aclose()
        return
    if how is End.HALF:
        await raw.send_eof()
    if how in {End.HALF, End.STALL}:
        while True:
            await client.receive()
    await raw.aclose()


def greeting(context: ssl.SSLContext) -> Handshake:
    """Return a handshake with the certificate of `context`."""

    async def greet(raw: SocketStream) -> ByteStream:
        return await TLSStream.wrap(raw, server_side=True, ssl_context=context, standard_compatible=False)

    return greet
