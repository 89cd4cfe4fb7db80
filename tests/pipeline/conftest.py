"""A world for whole runs: a source, a ledger and a simulated HubSpot with short waits."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from importer.doubts import SettlePolicy
from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.throttle import WaitPolicy
from importer.hubspot.transport import HubSpotTransport
from importer.outage import OutagePolicy
from importer.pacing import RatePolicy
from importer.pipeline import run_plan
from importer.plan import Plan
from importer.report.books import Summary, Tally
from importer.simulator.policy import SimulatorPolicy
from importer.simulator.server import Simulator
from importer.stopping import Stop

SHORT_WAITS = SettlePolicy(timeout_s=0.3, settle_s=0.05, settle_max_s=2.5, looks_apart_s=0.05, outage_max_s=3.0)


@dataclass(slots=True)
class World:
    """One ledger and what is imported into it, run after run."""

    folder: Path
    switches: Sequence[str] = ()
    plan: dict[str, Any] = field(default_factory=dict)

    def source(self, rows: Sequence[dict[str, str]], name: str = "campaigns.csv") -> Path:
        """Write rows (all with the same columns) as CSV."""
        path = self.folder / name
        lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
        return path

    def campaigns(self, count: int) -> Path:
        """Write a source of `count` different campaigns."""
        return self.source([{"hs_name": f"Campaign {n}", "hs_notes": f"Note {n % 7}"} for n in range(count)])

    @property
    def ledger(self) -> Path:
        """The ledger's folder."""
        return self.folder / "ledger"

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of one of the ledger's files."""
        return [json.loads(line) for line in (self.ledger / name).read_bytes().split(b"\n") if line]

    def make_plan(self, base_url: str, *sources: Path | str, **changes: Any) -> Plan:
        """Return a plan with short waits."""
        usual: dict[str, Any] = {
            "sources": tuple(str(source) for source in sources),
            "ledger": self.ledger,
            "token": lambda: "token",
            "transport": TransportPolicy(base_url=base_url, timeout_s=0.3, connect_timeout_s=0.2),
            "rate": RatePolicy(requests=10_000),
            "waits": WaitPolicy(window_s=0.1, locked_s=0.05, wait_min_s=0.01),
            "settling": SHORT_WAITS,
            "outage": OutagePolicy(wait_max_s=0.05, outage_max_s=2.0),
            "workers": 4,
        }
        return Plan(**(usual | self.plan | changes))

    async def run(
        self, simulator: Simulator, *sources: Path | str, stop: Stop | None = None, tally: Tally | None = None,
        **changes: Any,
    ) -> Summary:  # fmt: skip
        """Run once against a running simulator; its counts go into `tally`."""
        plan = self.make_plan(simulator.base_url, *sources, **changes)
        transport = HubSpotTransport(plan.token, plan.transport)
        try:
            with anyio.fail_after(60):
                return await run_plan(plan, transport, tally=tally or Tally(), stop=stop or Stop())
        finally:
            await transport.aclose()

    def simulator(self, *switches: str) -> Simulator:
        """Return a simulator, to be entered."""
        return Simulator(replace(SimulatorPolicy.from_strings([*self.switches, *switches])))


def made(simulator: Simulator) -> Counter[str]:
    """Return how often each campaign (by name) was made by us."""
    return Counter(campaign.properties["hs_name"] for campaign in simulator.truth if not campaign.foreign)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return an empty world."""
    return World(tmp_path)
