"""Answers far too large, measured from outside: the memory of a process that gets them stays bounded."""

import sys
import zlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import cache, partial
from pathlib import Path

import anyio
import pytest
from anyio.abc import ByteStream

from tests.hubspot.conftest import Answer, answering, http, serve

BOMB_MB = 200
PEAK_KIB_MAX = 32 * 1024  #: 8 MiB of pieces as received, and 8 MiB put together
BLOCK = bytes(1_000_000)


@cache
def bomb(window: int) -> bytes:
    """Return 200 MB of zeros, compressed: as gzip with a window of 31, as zlib with 15."""
    packer = zlib.compressobj(1, zlib.DEFLATED, window)
    return b"".join(packer.compress(BLOCK) for _ in range(BOMB_MB)) + packer.flush()


async def flood(stream: ByteStream, *, head: bytes, piece: bytes) -> None:
    """Send `head`, then `piece` as often as makes 200 MB, to whoever takes it."""
    await stream.send(head)
    for _ in range(BOMB_MB * 1_000_000 // len(piece)):
        await stream.send(piece)


HEAD = b"HTTP/1.1 201 Created\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BLANKS = b" " * 65_536
HEADERS = b"X-Odd: x\r\n" * 5_000
BOMBS: dict[str, Callable[[], Answer]] = {
    "gzip": lambda: answering(http(bomb(31), "201 Created", "Content-Encoding: gzip")),
    "deflate": lambda: answering(http(bomb(15), "201 Created", "Content-Encoding: deflate")),
    "length": lambda: partial(flood, head=HEAD + b"Content-Length: 200000000\r\n\r\n", piece=BLANKS),
    "chunks": lambda: partial(flood, head=CHUNKED, piece=b"10000\r\n" + BLANKS + b"\r\n"),
    "no end": lambda: partial(flood, head=HEAD + b"\r\n", piece=BLANKS),
    "one header": lambda: partial(flood, head=HEAD + b"X-Odd: ", piece=b"x" * 65_536),
    "headers": lambda: partial(flood, head=HEAD, piece=HEADERS),
    "trailers": lambda: partial(flood, head=CHUNKED + b"0\r\n", piece=HEADERS),
}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of resident memory is told by Linux")
async def test_memory_stays_bounded() -> None:
    """200 MB in every disguise: the answer is given up, and the peak of resident memory grows by a few MB."""
    async with AsyncExitStack() as stack:
        small = answering(http(b"{}"))
        answers = [small, *(make() for make in BOMBS.values())]
        servers = [await stack.enter_async_context(serve(answer)) for answer in answers]
        command = [sys.executable, "-m", "tests.network.bomb_target", *(server.url for server in servers)]
        done = await anyio.run_process(command)
    told = [line.split() for line in done.stdout.decode().splitlines()]
    assert told.pop(0)[0] == "201"
    grown = {name: (kind, int(kib)) for name, (kind, kib) in zip(BOMBS, told, strict=True)}
    assert {kind for kind, _ in grown.values()} <= {"too_large", "other", "cut"}
    assert {name: kib for name, (_, kib) in grown.items() if kib > PEAK_KIB_MAX} == {}
