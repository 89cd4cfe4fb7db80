"""Whole runs in virtual time: trio's loop on a clock that jumps, and the simulator's desk without a network between.

Nothing of the importer is replaced but its transport. Threads do the real work of reading and of the ledger, and the
clock waits for them: it jumps to the next deadline only when every task waits and no thread is at work.
"""

import math
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import urlencode

import anyio
import trio
from anyio.abc import TaskGroup

from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.exchange import KEPT_HEADERS, Exchange, NoReply, NoReplyKind, Reply
from importer.hubspot.wire import encode_ids, paths
from importer.simulator.account import Account
from importer.simulator.clock import Clock
from importer.simulator.desk import Asked, Desk, Log, Seen
from importer.simulator.policy import SimulatorPolicy
from importer.simulator.replies import Reply as ServerReply
from importer.simulator.replies import Sending
from importer.simulator.rules import FaultRule, Plan

EPOCH_S = 1_800_000_000.0  #: what the wall clock shows as the virtual clock begins
_BASE_URL = "https://api.invalid"
_LOST = {
    Sending.RESET: NoReplyKind.DISCONNECTED,
    Sending.HELD: NoReplyKind.TIMEOUT,
    Sending.CUT: NoReplyKind.CUT,
}


class JumpingClock(trio.abc.Clock):
    """A clock that stands still, and jumps to the next deadline when nobody has anything to do."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def start_clock(self) -> None:
        """Begin."""

    def current_time(self) -> float:
        """Return the virtual seconds since the beginning."""
        return self._now_s

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Return how long the loop, which has nothing to do, is to sleep; jump if no thread will wake it."""
        if trio.to_thread.current_default_thread_limiter().borrowed_tokens:
            return math.inf
        if deadline != math.inf:
            self._now_s = max(self._now_s, deadline)
        return max(0.0, deadline - self._now_s)


def wall() -> float:
    """Return the virtual wall clock's epoch seconds."""
    return EPOCH_S + anyio.current_time()


@dataclass(slots=True)
class Portal:
    """A simulated HubSpot as a `Transport`, in whose weather the faults strike."""

    hubspot: Account
    log: Log
    desk: Desk
    server: TaskGroup

    def weather(self, *rules: str) -> None:
        """Let other faults strike from now on."""
        self.desk._plan = Plan([FaultRule.parse(rule) for rule in rules], self.hubspot.rng(f"weather {rules}"))

    @property
    def seen(self) -> list[Seen]:
        """The request log, in the order of arrival."""
        return list(self.log)

    def made(self, *, foreign: bool = False) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield id and properties of every campaign that we (or others) made."""
        return ((one.id, one.properties) for one in self.hubspot.store if one.foreign is foreign)

    async def create(self, body: bytes) -> Exchange:
        """POST a batch."""
        return await self._exchange("POST", f"{paths('2026-03').campaigns}/batch/create", body=body)

    async def update(self, body: bytes) -> Exchange:
        """POST a batch of updates."""
        return await self._exchange("POST", f"{paths('2026-03').campaigns}/batch/update", body=body)

    async def list_page(
        self,
        *,
        properties: Sequence[str],
        after: str | None = None,
        name: str | None = None,
        sort: str = "-createdAt",
        limit: int = 100,
    ) -> Exchange:
        """GET a page."""
        query = {"limit": [str(limit)], "sort": [sort], "properties": [",".join(properties)]}
        query |= {"after": [after]} if after else {}
        query |= {"name": [name]} if name else {}
        return await self._exchange("GET", paths("2026-03").campaigns, query=query)

    async def read(self, ids: Sequence[str], properties: Sequence[str]) -> Exchange:
        """Read campaigns back."""
        query = {"properties": [",".join(properties)]}
        path = f"{paths('2026-03').campaigns}/batch/read"
        return await self._exchange("POST", path, query=query, body=encode_ids(ids))

    async def account(self) -> Exchange:
        """GET the account."""
        return await self._exchange("GET", paths("2026-03").account)

    async def aclose(self) -> None:
        """Have nothing to close."""

    async def _exchange(
        self, method: str, path: str, *, query: dict[str, list[str]] | None = None, body: bytes = b""
    ) -> Exchange:
        seen = self.log.arrive(wall(), method, path, urlencode(query or {}, doseq=True))
        asked = Asked(method=method, path=path, query=query or {}, authorization="Bearer token", body=body)
        sent_at = anyio.current_time()
        reply = await self._answer(seen, asked)
        kind = _LOST.get(reply.sending)
        if len(reply.body) > TransportPolicy().reply_bytes_max or ("Content-Encoding", "gzip") in reply.headers:
            kind = NoReplyKind.TOO_LARGE
        slow = reply.sending in {Sending.HELD, Sending.SLOW}
        await anyio.sleep(min(reply.seconds, TransportPolicy().timeout_s) if slow else 0.0)
        now = anyio.current_time()
        if kind is not None:
            return NoReply(kind=kind, detail=str(kind), on_wire=True, sent_at=sent_at, ended_at=now)
        date = formatdate(self.hubspot.now_ms() // 1000, usegmt=True)
        told = [("Content-Type", reply.content_type), ("Date", date), *reply.headers]
        headers = {name.lower(): value for name, value in told if name.lower() in KEPT_HEADERS}
        return Reply(status=reply.status, headers=headers, body=reply.body, sent_at=sent_at, answered_at=now)

    async def _answer(self, seen: Seen, asked: Asked) -> ServerReply:
        """Let the server work; it goes on although nobody waits any more."""
        replies: list[ServerReply] = []
        answered = anyio.Event()

        async def work() -> None:
            replies.append(await self.desk.answer(seen, asked))
            answered.set()

        self.server.start_soon(work)
        await answered.wait()
        return replies[0]


@asynccontextmanager
async def portal(*switches: str) -> AsyncIterator[Portal]:
    """Open a simulated HubSpot on the virtual clock; what it puts off is done at the end at the latest."""
    async with anyio.create_task_group() as tasks:
        clock = Clock(now=wall)
        account, log = Account(SimulatorPolicy.from_strings(switches), clock, None), Log(None, 0)
        desk = Desk(account, clock, log, base_url=_BASE_URL, later=_later(tasks))
        yield Portal(account, log, desk, tasks)
        tasks.cancel_scope.cancel()


def _later(tasks: TaskGroup) -> Callable[[float, Callable[[], object]], None]:
    async def wait(seconds: float, action: Callable[[], object]) -> None:
        await anyio.sleep(seconds)
        action()

    def put_off(seconds: float, action: Callable[[], object]) -> None:
        tasks.start_soon(wait, seconds, action)

    return put_off
