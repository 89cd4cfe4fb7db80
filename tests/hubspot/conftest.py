"""A raw HTTP server on 127.0.0.1 whose answers a test writes byte by byte."""

import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener

Answer = Callable[[ByteStream], Awaitable[None]]


@dataclass
class RawServer:
    """What a test sees of the server."""

    port: int
    scheme: str = "http"
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The base URL for a transport."""
        return f"{self.scheme}://127.0.0.1:{self.port}"


async def read_request(stream: ByteStream) -> bytes | None:
    """Return one whole request, or None when the client has gone."""
    data = b""
    with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
        while b"\r\n\r\n" not in data:
            data += await stream.receive()
        head = data.partition(b"\r\n\r\n")[0].lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        while len(data) < len(head) + 4 + length:
            data += await stream.receive()
        return data
    return None


async def reset(stream: ByteStream) -> None:
    """End the connection with RST instead of FIN."""
    raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 -- not Django's
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await stream.aclose()


def http(body: bytes, status: str = "201 Created", *headers: str) -> bytes:
    """Return a whole HTTP/1.1 answer."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answering(data: bytes, *, close: bool = False) -> Answer:
    """Return an answer that sends `data` and, if asked, ends the connection."""

    async def answer(stream: ByteStream) -> None:
        await stream.send(data)
        if close:
            await stream.aclose()

    return answer


@asynccontextmanager
async def serve(answer: Answer, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Serve connections until the block ends; each whole request is noted, then `answer` has the stream."""
    plain = await anyio.create_tcp_listener(local_host="127.0.0.1")
    server = RawServer(plain.extra(SocketAttribute.local_port), "https" if tls else "http")  # noqa: S610 -- not Django's

    async def connection(stream: ByteStream) -> None:
        server.connections += 1
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            async with stream:
                while (request := await read_request(stream)) is not None:
                    server.requests.append(request)
                    await answer(stream)

    listener = TLSListener(plain, tls, standard_compatible=False) if tls else plain
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, connection)
        yield server
        tasks.cancel_scope.cancel()


@pytest.fixture
def raw() -> Any:
    """Return the raw server and what answers are made of (a namespace: test modules cannot import from here)."""
    return SimpleNamespace(serve=serve, http=http, answering=answering, reset=reset)
