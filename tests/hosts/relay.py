"""Passes TCP connections on from one address to another: `python -m tests.hosts.relay HOST:PORT HOST:PORT`.

The simulated HubSpot listens on loopback alone, and the importer speaks plain http to loopback alone. So on each host
of the test the way between the two begins and ends on that host's own loopback.
"""

import socket
import sys
from typing import Final

import anyio
import anyio.abc

#: Of bytes that nobody acknowledges, after which a connection ends, as the importer has it for its own: what a host
#: that was cut off had not got rid of by then never lands.
_UNACKNOWLEDGED_MS: Final = 1_000


async def serve(here: str, there: str) -> None:
    """Listen `here` and pass on to `there`, until the process ends."""
    host, port = here.split(":")
    to_host, to_port = there.split(":")

    async def passed(came: anyio.abc.SocketStream) -> None:
        async with came, await anyio.connect_tcp(to_host, int(to_port)) as goes, anyio.create_task_group() as both:
            own: socket.socket = goes.extra(anyio.abc.SocketAttribute.raw_socket)  # noqa: S610 - no Django is near
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
            both.start_soon(_pump, came, goes)
            both.start_soon(_pump, goes, came)

    async def borne(came: anyio.abc.SocketStream) -> None:
        try:
            await passed(came)
        except* (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # one connection less, as on any network

    listener = await anyio.create_tcp_listener(local_host=host, local_port=int(port))
    await listener.serve(borne)


async def _pump(source: anyio.abc.SocketStream, sink: anyio.abc.SocketStream) -> None:
    async for data in source:
        await sink.send(data)
    await sink.send_eof()


if __name__ == "__main__":
    anyio.run(serve, sys.argv[1], sys.argv[2])
