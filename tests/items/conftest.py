"""A world whose rows have budget and spend: what the simulated account holds of them, and who made it."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

from importer.errors import ExitStatus
from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.exchange import Exchange, NoReply, NoReplyKind
from importer.hubspot.transport import HubSpotTransport
from importer.ledger.disk import Disk
from importer.pipeline import run_plan
from importer.plan import Plan
from importer.report.books import Summary, Tally
from importer.simulator.server import Simulator
from importer.stopping import Stop
from tests.pipeline.conftest import World

Shown = tuple[str, str, str, float]  #: campaign, kind, name, amount


@dataclass(slots=True)
class Spending(World):
    """A world with items."""

    def budgets(self, count: int, *, name: str = "campaigns.csv") -> Path:
        """Write campaigns with two budget items and a spend item each."""
        rows = [
            {
                "hs_name": f"Campaign {n}", "budget.amount": str(100 + n), "budget.q1.amount": str(n),
                "spend.amount": f"{n}.5",
            }
            for n in range(count)
        ]  # fmt: skip
        return self.source(rows, name)

    async def through(
        self, transport: Callable[[Plan], HubSpotTransport], simulator: Simulator, source: Path, *,
        disk: Disk | None = None, stop: Stop | None = None, **changes: Any,
    ) -> Summary:  # fmt: skip
        """Run once through a transport of its own, onto a disk of its own."""
        plan = self.make_plan(simulator.base_url, source, **changes)
        made = transport(plan)
        try:
            with anyio.fail_after(60):
                return await run_plan(plan, made, tally=Tally(), stop=stop or Stop(), disk=disk)
        finally:
            await made.aclose()


class Meddling(HubSpotTransport):
    """A transport that does something around the first request for an item."""

    def __init__(
        self, plan: Plan, *, before: Callable[[], bool] | None = None,
        after: Callable[[str, bytes], Awaitable[None]] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(plan.token, plan.transport)
        self._before, self._after = before, after

    async def exchange(self, method: str, path: str, **more: Any) -> Exchange:
        """Send; `before` may say that nothing is to leave any more."""
        if not (method == "POST" and path.endswith(("/budget", "/spend"))):
            return await super().exchange(method, path, **more)
        if self._before is not None and self._before():
            return NoReply(
                kind=NoReplyKind.REFUSED_CONNECTION, detail="gone", on_wire=False, sent_at=None,
                ended_at=anyio.current_time(),
            )  # fmt: skip
        reply = await super().exchange(method, path, **more)
        if self._after is not None:
            after, self._after = self._after, None
            await after(path, more["body"])
        return reply


async def stopped_before_items(spending: Spending, simulator: Simulator, source: Path) -> Summary:
    """Run until the first item is about to leave."""
    stop = Stop()

    def before() -> bool:
        stop.request("enough", ExitStatus.INTERRUPTED)
        return True

    return await spending.through(lambda plan: Meddling(plan, before=before), simulator, source, stop=stop)


async def by_hand(simulator: Simulator, method: str, path: str, body: bytes | None = None) -> Exchange:
    """Do something in the account as another hand would: `path` is below the campaigns."""
    transport = HubSpotTransport(lambda: "token", TransportPolicy(base_url=simulator.base_url))
    try:
        return await transport.exchange(method, f"/marketing/v3/campaigns/{path}", body=body)
    finally:
        await transport.aclose()


def wanted(count: int) -> dict[Shown, int]:
    """Return what `Spending.budgets` is to make."""
    found: dict[Shown, int] = {}
    for n in range(count):
        found[f"Campaign {n}", "budget", "Budget", 100.0 + n] = 1
        found[f"Campaign {n}", "budget", "q1", float(n)] = 1
        found[f"Campaign {n}", "spend", "Spend", n + 0.5] = 1
    return found


def shown(simulator: Simulator) -> dict[Shown, int]:
    """Return how often each item stands in the account."""
    return dict(
        Counter(
            (campaign.properties["hs_name"], item["kind"], item["name"], float(item["amount"]))
            for campaign in simulator.truth
            for item in campaign.items
        )
    )


@pytest.fixture
def spending(tmp_path: Path) -> Spending:
    """Return an empty world."""
    return Spending(tmp_path)
