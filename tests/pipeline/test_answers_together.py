"""Answers that come together: the first of their workers goes on before the last has been heard."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import anyio

from importer.errors import ExitStatus
from importer.hubspot.exchange import Exchange
from importer.hubspot.transport import HubSpotTransport
from importer.ledger.disk import OsDisk
from importer.pipeline import run_plan
from importer.report.books import Tally
from importer.simulator.server import Simulator
from importer.stopping import Stop
from tests.pipeline.conftest import World

WORKERS: Final = 4
BATCH: Final = 50


class SlowSecond(OsDisk):
    """A disk which, once armed, writes outcomes a second time only after something has been sent."""

    def __init__(self) -> None:
        self.armed = False
        self.sent = threading.Event()
        self._writes = 0

    def write(self, fd: int, data: bytes) -> int:
        """Write, or wait first."""
        if self.armed and b'"t":"outcome"' in data:
            self._writes += 1
            if self._writes > 1:
                self.sent.wait(30.0)
        return super().write(fd, data)


class Together(HubSpotTransport):
    """Hands out the first answers of all workers at one moment, and notes what is journaled when the next leaves."""

    def __init__(self, disk: SlowSecond, journal: Path, *more: Any) -> None:
        super().__init__(*more)
        self._disk, self._journal = disk, journal
        self._calls = self._answers = 0
        self._all = anyio.Event()
        self.closed: list[int] = []  #: outcomes in the journal, at each call after the first of each worker

    async def create(self, body: bytes) -> Exchange:
        """Send; the first answers wait for each other."""
        self._calls += 1
        if self._calls > WORKERS:
            self.closed.append(self._journal.read_bytes().count(b'"t":"outcome"'))
            self._disk.sent.set()
            return await super().create(body)
        answer = await super().create(body)
        self._answers += 1
        if self._answers == WORKERS:
            self._disk.armed = True
            self._all.set()
        await self._all.wait()
        return answer


async def test_nobody_waits_for_all(tmp_path: Path) -> None:
    """The first batch to be sent next leaves when some of the answers are not even journaled."""
    world = World(tmp_path)
    disk = SlowSecond()
    rows: Sequence[dict[str, str]] = [{"hs_name": f"C {n}", "hs_notes": "n"} for n in range(2 * WORKERS * BATCH)]
    async with Simulator() as simulator:
        plan = world.make_plan(simulator.base_url, world.source(rows), workers=WORKERS)
        transport = Together(disk, world.ledger / "journal.jsonl", plan.token, plan.transport)
        try:
            with anyio.fail_after(60):
                summary = await run_plan(plan, transport, tally=Tally(), stop=Stop(), disk=disk)
        finally:
            await transport.aclose()
        assert summary.status == ExitStatus.OK
        assert len(list(simulator.truth)) == len(rows)
    assert transport.closed[0] < WORKERS, transport.closed
