"""TLS in bad hands: nothing is sent and no token shown, and nothing turns the checks off."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import fields
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from importer.cli.flags import FLAGS
from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.exchange import NoReply, Reply
from importer.hubspot.transport import HubSpotTransport
from importer.settings import Settings
from tests.network.certificates import good, handshakes, trust
from tests.network.staging import TOKEN, proxied, run_once
from tests.network.tcp_proxy import GONE, End, end
from tests.pipeline.conftest import World

BAD = ("self_signed", "stranger", "other_host", "expired", "not_yet")


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_certificate_ends_the_run_before_it_begins(world: World, name: str) -> None:
    """Exit 4 at the first connection, which is the only one; no byte of a request was written."""
    async with world.simulator() as simulator, proxied(simulator, handshake=lambda _: handshakes()[name]) as proxy:
        seen = await run_once(world, proxy.url, trust())
    assert (seen.attempts, seen.status) == (["not_sent"], 4)
    assert (proxy.connections, proxy.requests, proxy.received) == (1, [], 0)
    assert not world.ledger.exists()


@pytest.mark.slow
async def test_a_process_that_is_told_to_trust_everybody_does_not(world: World, tmp_path: Path) -> None:
    """The command line, with the variables that make other tools careless: exit 4, nothing sent, no token shown."""
    careless = {
        "PYTHONHTTPSVERIFY": "0",
        "CURL_CA_BUNDLE": "",
        "REQUESTS_CA_BUNDLE": "",
        "NODE_TLS_REJECT_UNAUTHORIZED": "0",
    }
    async with world.simulator() as simulator, proxied(simulator, handshake=lambda _: good()) as proxy:
        command = [sys.executable, "-m", "importer", "run", str(world.campaigns(3)), "--ledger", str(tmp_path / "l")]
        run = await anyio.run_process(
            [*command, "--base-url", proxy.url, "--yes"],
            env={**os.environ, **careless, "HUBSPOT_ACCESS_TOKEN": TOKEN},
            check=False,
        )
    assert run.returncode == 4, run.stderr
    assert b"certificate" in run.stderr
    assert TOKEN.encode() not in run.stderr + run.stdout
    assert proxy.received == 0


def test_no_setting_speaks_of_trust() -> None:
    """Neither an option nor a setting nor the transport's policy is about turning verification off."""
    names = (
        {flag.name for flag in FLAGS} | set(Settings.model_fields) | {field.name for field in fields(TransportPolicy)}
    )
    words = ("verif", "insecure", "trust", "cert", "tls", "ssl")
    assert {name for name in names if any(word in name for word in words)} == {"allow_insecure_loopback"}


@asynccontextmanager
async def cut_after(port: int, count: list[int]) -> AsyncIterator[int]:
    """Stand before `port`, reset each connection after `count[0]` bytes of what the server says; yield the port."""

    async def forth(source: SocketStream, sink: SocketStream) -> None:
        with suppress(*GONE):
            while True:
                await sink.send(await source.receive())

    async def connection(client: SocketStream) -> None:
        left = count[0]
        async with client, await anyio.connect_tcp("127.0.0.1", port) as server, anyio.create_task_group() as both:
            both.start_soon(forth, client, server)
            with suppress(*GONE):
                while left:
                    data = await server.receive(left)
                    left -= len(data)
                    await client.send(data)
            await end(client, client, End.RESET)
            both.cancel_scope.cancel()

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, connection)
        yield listener.extra(SocketAttribute.local_port)  # noqa: S610 -- not Django's
        tasks.cancel_scope.cancel()


@pytest.mark.slow
async def test_a_handshake_cut_anywhere_is_not_sent_as_long_as_nothing_was(world: World) -> None:
    """From the handshake to the reply's end: NOT_SENT at first, UNKNOWN from the request on, then an answer."""
    count = [0]
    kinds: list[str] = []
    async with world.simulator() as simulator, proxied(simulator, handshake=lambda _: good(), once=True) as proxy:
        async with cut_after(proxy.port, count) as port:
            policy = TransportPolicy(base_url=f"https://127.0.0.1:{port}")
            while "reply" not in kinds:
                transport = HubSpotTransport(lambda: TOKEN, policy, tls=trust())
                exchange = await transport.account()
                await transport.aclose()
                kinds.append(kind(exchange))
                count[0] += 23
        arrived = len(proxy.requests)
    assert kinds == sorted(kinds, key=["not_sent", "unknown", "reply"].index)
    assert kinds.count("not_sent") > 20
    assert kinds.count("unknown") > 10
    assert arrived <= kinds.count("unknown") + 1


def kind(exchange: Reply | NoReply) -> str:
    """Return what is known of a request after `exchange`."""
    if isinstance(exchange, Reply):
        return "reply"
    return "unknown" if exchange.on_wire else "not_sent"
