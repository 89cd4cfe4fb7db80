"""A world whose imports can be taken back: an undo, or a look at the account, against a running simulator."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest

from importer.archiving import Ended, Fate
from importer.hubspot.exchange import Exchange
from importer.hubspot.inquiries import Inquiries
from importer.hubspot.transport import HubSpotTransport
from importer.ledger.disk import Disk
from importer.preflight import Account
from importer.remote_check import Checked, Counts, Difference, check_remote
from importer.report.books import Tally
from importer.simulator.server import Simulator
from importer.stopping import Stop
from importer.undoing import undo
from importer.undone import UndoBooks, Undone, Wish
from tests.pipeline.conftest import World

LATEST = Wish((0, 0))
ALL = Wish(None)


@dataclass(slots=True)
class Undos(World):
    """A world with a way back."""

    told: list[Ended] = field(default_factory=list)  #: by the latest undo or look
    found: list[Difference] = field(default_factory=list)  #: by the latest check

    async def undo(
        self, simulator: Simulator, wish: Wish = LATEST, *, ask: Callable[..., Awaitable[bool]] | None = None,
        disk: Disk | None = None, stop: Stop | None = None,
        wrap: Callable[[HubSpotTransport], HubSpotTransport] | None = None, **changes: Any,
    ) -> Undone:  # fmt: skip
        """Undo against a running simulator; `wrap` puts something between us and it."""
        plan = self.make_plan(simulator.base_url, **changes)
        real = HubSpotTransport(plan.token, plan.transport)
        transport = wrap(real) if wrap else real
        self.told = []

        def tell(ended: list[Ended], look_only: bool) -> None:
            assert look_only or not wish.look_only
            self.told += ended

        try:
            with anyio.fail_after(60):
                return await undo(
                    plan, transport, Inquiries(transport, "v3"), wish, tally=Tally(), books=UndoBooks(),
                    stop=stop or Stop(), greet=_nobody, ask=ask, tell=tell, disk=disk,
                )  # fmt: skip
        finally:
            await real.aclose()

    async def check(self, simulator: Simulator, *, stop: Stop | None = None, **changes: Any) -> Checked:
        """Compare with what a running simulator shows."""
        plan = self.make_plan(simulator.base_url, **changes)
        transport = HubSpotTransport(plan.token, plan.transport)
        self.found = []
        try:
            with anyio.fail_after(60):
                return await check_remote(
                    plan, transport, tally=Tally(), counts=Counts(), stop=stop or Stop(), greet=_nobody,
                    tell=self.found.extend,
                )  # fmt: skip
        finally:
            await transport.aclose()

    def ids(self) -> dict[str, str]:
        """Return name → id of the campaigns in the results, the latest of each name."""
        return {row["name"]: row["id"] for row in self.rows("results.jsonl")}


def _nobody(_account: Account) -> None:
    """Be told whose account it is."""


async def by_hand(simulator: Simulator, path: str, body: Any) -> Exchange:
    """Do something in the account as another hand would: `path` is below batch/."""
    import orjson  # noqa: PLC0415 - of this one

    from importer.hubspot.endpoint import TransportPolicy  # noqa: PLC0415 - as above

    transport = HubSpotTransport(lambda: "token", TransportPolicy(base_url=simulator.base_url))
    try:
        return await transport.exchange("POST", f"/marketing/v3/campaigns/batch/{path}", body=orjson.dumps(body))
    finally:
        await transport.aclose()


async def edit(simulator: Simulator, campaign: str, **properties: str) -> None:
    """Change a campaign as another hand would."""
    await by_hand(simulator, "update", {"inputs": [{"id": campaign, "properties": properties}]})


async def delete(simulator: Simulator, *campaigns: str) -> None:
    """Delete campaigns as another hand would."""
    await by_hand(simulator, "archive", {"inputs": [{"id": one} for one in campaigns]})


def standing(simulator: Simulator) -> Counter[str]:
    """Return how often each campaign (by name) stands that we made."""
    return Counter(one.properties["hs_name"] for one in simulator.truth if not one.foreign and not one.archived)


def fates(done: Undone) -> dict[str, int]:
    """Return the fates that some campaign has."""
    return {str(fate): count for fate, count in done.books.fates.items() if count}


def words(world: Undos, fate: Fate) -> list[str]:
    """Return why campaigns had this fate."""
    return [one.why or "" for one in world.told if one.fate is fate]


@pytest.fixture
def world(tmp_path: Path) -> Undos:
    """Return an empty world."""
    return Undos(tmp_path)
