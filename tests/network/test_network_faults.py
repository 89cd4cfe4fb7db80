"""Every fault of the table on whole runs: class of the attempt, state of the records, exit status, then the truth."""

from collections import Counter
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import anyio
import pytest
from aiohttp import ClientSession

from importer.errors import ExitStatus
from importer.hubspot.steps import Outcome
from importer.inspecting import verify
from importer.simulator.server import Simulator
from tests.network import certificates
from tests.network.canned import http, instead
from tests.network.fault_row import Fault
from tests.network.faults import FAULTS, markdown
from tests.network.staging import COUNT, LONGER, TOKEN, elsewhere, once_each, pointed, proxied, run_once
from tests.network.tcp_proxy import Handshake
from tests.pipeline.conftest import World, made

FIRST_CREATE = 3  #: the connection of the first create, after those of the two questions before a run


def wire(fault: Fault, place: str) -> dict[str, Any]:
    """Return the properties of the wire for `fault`; redirects lead to `place`."""
    how: dict[str, Any] = {"harms": pointed(fault.harms, place), "struck": fault.struck, **fault.proxy}
    if fault.tls:
        known, bad = certificates.handshakes(), fault.tls

        def greet(connection: int) -> Handshake:
            return known[bad if connection == FIRST_CREATE else "good"]

        how |= {"handshake": greet, "once": True}
    return how


async def heal(world: World, fault: Fault, simulator: Simulator, port: int) -> int:
    """Run the same again, now that the wire is good, and return the exit status."""
    greet = (lambda _: certificates.handshakes()["good"]) if fault.tls else None
    async with proxied(simulator, port=port, handshake=greet) as proxy:
        return (await run_once(world, proxy.url, certificates.trust() if fault.tls else None)).status


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_each_fault(world: World, fault: Fault) -> None:
    """The attempt has the row's class, the records its states, the run its status; the next run leaves nothing out."""
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(elsewhere())
        simulator = await stack.enter_async_context(world.simulator("seed=3", *fault.simulator))
        async with proxied(simulator, **wire(fault, f"http://127.0.0.1:{other.port}")) as proxy:
            tls = certificates.trust() if fault.tls else None
            waits = {"settling": LONGER} if fault.late else {}
            seen = await run_once(world, fault.url or proxy.url, tls, timeout_s=fault.timeout_s, **waits)
        told = (seen.attempts[fault.nth - 1], seen.records, int(seen.status))
        twice = [name for name, count in made(simulator).items() if count > 1]
        healed = await heal(world, fault, simulator, proxy.port)
        wrong = once_each(world, made(simulator)) + verify(world.ledger)

    assert told == (fault.attempt, fault.records, fault.status)
    assert twice == []
    assert wrong == []
    assert healed == (ExitStatus.SOME_FAILED if "failed" in fault.records else ExitStatus.OK)
    assert other.heard == b""
    assert not [path for path in world.ledger.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


def test_the_table_is_a_table() -> None:
    """Enough rows, each with a name of its own and words that exist, and cells that Markdown does not break."""
    assert len(FAULTS) >= 60
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert {fault.attempt for fault in FAULTS} == set(Outcome)
    assert {fault.status for fault in FAULTS} == {0, 1, 4, 6, 7, 70}
    assert {line.count("|") for line in markdown()} == {6}


async def test_what_is_done_twice_or_not_at_all_is_seen(world: World) -> None:
    """The check of the truth finds a campaign made twice and one that was never made."""
    async with world.simulator("seed=3") as simulator, proxied(simulator) as proxy:
        await run_once(world, proxy.url)
        counts = made(simulator)
    assert once_each(world, counts) == []
    assert once_each(world, counts + Counter({"Campaign 7": 1})) == ["Campaign 7 was made 2 times"]
    assert once_each(world, counts - Counter({"Campaign 9": 1})) == ["Campaign 9 was not made"]
    assert sum(counts.values()) == COUNT


async def test_a_redirect_that_is_followed_is_seen(world: World) -> None:
    """A client which follows a 307 brings the campaigns to the other place, and the place says so."""
    async with elsewhere() as other, world.simulator() as simulator:
        redirect = instead(http("307 Temporary Redirect", b"", "Location: ELSEWHERE/"))
        harms = pointed({1: redirect}, f"http://127.0.0.1:{other.port}")
        async with (
            proxied(simulator, harms=harms) as proxy,
            ClientSession() as naive,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(partial(naive.post, f"{proxy.url}/batch/create", data=b"campaigns"))
            await other.rang.wait()
            tasks.cancel_scope.cancel()
        assert other.heard.startswith(b"POST / ")
