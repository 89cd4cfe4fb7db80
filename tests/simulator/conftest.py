"""A small client for the simulator, and the simulator itself, for the tests of this folder."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import orjson
import pytest

from importer.simulator import Simulator, SimulatorPolicy

BASES = {
    "v3": "/marketing/v3/campaigns",
    "2026-03": "/marketing/campaigns/2026-03",
    "2026-09": "/marketing/campaigns/2026-09",
}


class Answered(NamedTuple):
    """A whole reply."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.raw)


class Client:
    """Talks to a simulator as the importer would, and a little less politely."""

    def __init__(self, session: aiohttp.ClientSession, sim: Simulator) -> None:
        self.session, self.sim = session, sim

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Answered:
        """Send a request and read the whole reply."""
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        url = self.sim.base_url + path
        async with self.session.request(method, url, data=data, allow_redirects=False, **options) as reply:
            return Answered(reply.status, reply.headers, await reply.read())

    async def create(self, *names: str, version: str = "v3", **more: str) -> Answered:
        """Create campaigns of these names, all with the properties `more`."""
        inputs = [{"properties": {"hs_name": name, **more}} for name in names]
        return await self.ask("POST", f"{BASES[version]}/batch/create", {"inputs": inputs})

    async def page(self, version: str = "v3", **query: str) -> Answered:
        """List campaigns."""
        return await self.ask("GET", BASES[version], params=query)

    @property
    def names(self) -> list[str]:
        """The names of our campaigns in the truth, sorted."""
        return sorted(each.properties["hs_name"] for each in self.sim.truth if not each.foreign)


@asynccontextmanager
async def _simulated(*texts: str, **options: Any) -> AsyncIterator[Client]:
    async with (
        Simulator(SimulatorPolicy.from_strings(texts), **options) as sim,
        aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as session,
    ):
        yield Client(session, sim)


@pytest.fixture
def simulated() -> Callable[..., AbstractAsyncContextManager[Client]]:
    """Return `simulated("switch=value", "fault:0.1", state=..., clock=...)`, which starts a simulator and a client."""
    return _simulated
