"""How a fault is staged: whole runs through a hostile wire to a simulated HubSpot, and what is seen of them."""

import ssl
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import anyio
from anyio.abc import SocketAttribute, SocketStream
from yarl import URL

from importer.doubts import SettlePolicy
from importer.errors import ImporterError
from importer.hubspot import steps
from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.exchange import Exchange
from importer.hubspot.throttle import WaitPolicy
from importer.hubspot.transport import HubSpotTransport
from importer.hubspot.verdicts import judge_create
from importer.ledger.replay import JOURNAL
from importer.outage import OutagePolicy
from importer.pipeline import run_plan
from importer.report.books import Books, Tally
from importer.simulator.server import Simulator
from importer.stopping import Stop
from tests.network.tcp_proxy import Harm, Proxy
from tests.pipeline.conftest import World

TOKEN: Final = "canary-of-the-wire-4711"
COUNT: Final = 60  #: records of a run: a batch of 50 and one of 10
WAITS: Final[dict[str, Any]] = {
    "workers": 1,
    "token": lambda: TOKEN,
    "settling": SettlePolicy(timeout_s=0.01, settle_s=0.01, settle_max_s=30.0, looks_apart_s=0.02, outage_max_s=30.0),
    "waits": WaitPolicy(window_s=0.02, secondly_s=0.02, locked_s=0.02, wait_min_s=0.01, wait_max_s=0.05),
    "outage": OutagePolicy(base_s=0.02, wait_max_s=0.05, outage_max_s=0.1),
}
#: For what is done late: the simulator does it after 0.05 s.
LONGER: Final = replace(WAITS["settling"], timeout_s=0.2)


@dataclass(slots=True)
class Recorder:
    """A server where nothing should ever arrive."""

    port: int
    heard: bytes = b""
    rang: anyio.Event = field(default_factory=anyio.Event)  #: something has arrived


@asynccontextmanager
async def elsewhere() -> AsyncIterator[Recorder]:
    """Serve such a place until the block ends."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        recorder = Recorder(listener.extra(SocketAttribute.local_port))  # noqa: S610 -- not Django's

        async def hear(stream: SocketStream) -> None:
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                async with stream:
                    while True:
                        recorder.heard += await stream.receive()
                        recorder.rang.set()

        tasks.start_soon(listener.serve, hear)
        yield recorder
        tasks.cancel_scope.cancel()


class Watched:
    """A transport which notes what each request came to; the run uses it as its own."""

    def __init__(self, inner: HubSpotTransport) -> None:
        self._inner = inner
        self.creates: list[Exchange] = []
        self.others: list[Exchange] = []

    async def create(self, body: bytes) -> Exchange:
        """Pass it on."""
        self.creates.append(await self._inner.create(body))
        return self.creates[-1]

    async def list_page(
        self,
        *,
        properties: Sequence[str],
        after: str | None = None,
        name: str | None = None,
        sort: str = "-createdAt",
        limit: int = 100,
    ) -> Exchange:
        """Pass it on."""
        page = await self._inner.list_page(properties=properties, after=after, name=name, sort=sort, limit=limit)
        self.others.append(page)
        return page

    async def read(self, ids: Sequence[str], properties: Sequence[str]) -> Exchange:
        """Pass it on."""
        self.others.append(await self._inner.read(ids, properties))
        return self.others[-1]

    async def account(self) -> Exchange:
        """Pass it on."""
        self.others.append(await self._inner.account())
        return self.others[-1]

    async def aclose(self) -> None:
        """Pass it on."""
        await self._inner.aclose()


@dataclass(slots=True, kw_only=True)
class Seen:
    """What a run came to."""

    status: int
    books: Books
    attempts: list[str] = field(default_factory=list)  #: class of each request to create; of the first request if none

    @property
    def records(self) -> str:
        """Where the records ended, in words."""
        line = self.books.line().partition(" = ")[2]
        return " + ".join(part for part in line.split(" + ") if not part.startswith("0 ")) or "nothing read"


async def run_once(
    world: World,
    url: str,
    tls: ssl.SSLContext | None = None,
    *,
    timeout_s: float = 5.0,
    count: int = COUNT,
    **changes: Any,
) -> Seen:
    """Import `count` campaigns, once."""
    policy = TransportPolicy(base_url=url, timeout_s=timeout_s, connect_timeout_s=timeout_s)
    plan = world.make_plan(url, world.campaigns(count), **WAITS | {"transport": policy} | changes)
    transport = Watched(HubSpotTransport(plan.token, plan.transport, tls=tls))
    try:
        with anyio.fail_after(60):
            summary = await run_plan(plan, transport, tally=Tally(), stop=Stop())
        status, books = summary.status, summary.books
    except ImporterError as error:
        status, books = error.exit_status, Books()
    finally:
        await transport.aclose()
    verdicts = [judge_create(exchange) for exchange in transport.creates or transport.others[:1]]
    if transport.creates:
        _check_journal(world, verdicts)
    return Seen(status=status, books=books, attempts=[str(verdict.outcome) for verdict in verdicts])


def _check_journal(world: World, verdicts: Sequence[steps.Verdict]) -> None:
    """Check that the journal has the class of each attempt: where an answer was paired, it stands there as such."""
    journaled = [row["class"] for row in world.rows(JOURNAL) if row["t"] == "outcome"]
    paired = [isinstance(verdict.step, steps.Settle) for verdict in verdicts]
    assert journaled[-len(verdicts) :] == [
        "answered" if settled else str(verdict.outcome) for verdict, settled in zip(verdicts, paired, strict=True)
    ]


@asynccontextmanager
async def proxied(simulator: Simulator, **how: Any) -> AsyncIterator[Proxy]:
    """Put a hostile wire in front of `simulator`."""
    async with Proxy(upstream=URL(simulator.base_url).port or 0, **how).listening() as proxy:
        yield proxy


def once_each(world: World, made: Counter[str], count: int = COUNT) -> list[str]:
    """Return what is wrong with the campaigns made: each once, but for those which the ledger calls something else."""
    excused = {row["name"] for row in world.rows("failures.jsonl") if row["state"] in {"failed", "unresolved"}}
    wrong = [f"{name} was made {count} times" for name, count in made.items() if count > 1]
    names = {f"Campaign {n}" for n in range(count)}
    return wrong + [f"{name} was not made" for name in sorted(names - made.keys() - excused)]


def pointed(harms: Mapping[int, Harm], place: str) -> Mapping[int, Harm]:
    """Return `harms` whose replies point to `place` where they say ELSEWHERE."""

    def aimed(harm: Harm) -> Harm:
        reply = harm.reply
        return replace(harm, reply=lambda real: reply(real).replace(b"ELSEWHERE", place.encode())) if reply else harm

    return {n: aimed(harm) for n, harm in harms.items()}
