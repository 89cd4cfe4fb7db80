"""An import with budget and spend dies at any call of disk or network: run again, no item is made twice or lost."""

from pathlib import Path

import pytest

from importer.errors import ExitStatus
from importer.inspecting import status, verify
from importer.plan import Plan
from importer.simulator.server import Simulator
from tests.items.conftest import Spending, shown, wanted
from tests.pipeline.conftest import made
from tests.undo.test_undo_crashes import PHASES, DyingDisk, DyingTransport, Ends, Life, fresh

COUNT = 2
ITEMS = {"budget", "spend", "totals"}


async def lived(spending: Spending, simulator: Simulator, source: Path, ends: Ends | None) -> Life:
    """Import with a life that ends there; return it."""
    life = Life(ends)

    def mortal(plan: Plan) -> DyingTransport:
        transport = DyingTransport(plan.token, plan.transport)
        transport.life = life
        return transport

    try:
        await spending.through(mortal, simulator, source, disk=DyingDisk(life), workers=1)
    except Exception:
        if not life.over:
            raise
    return life


async def survived(tmp_path: Path, ends: Ends | None, *switches: str) -> list[str]:
    """Import with a life that ends there, import again; return the calls that were lived through."""
    spending = Spending(tmp_path)
    async with spending.simulator(*switches) as simulator:
        life = await lived(spending, simulator, spending.budgets(COUNT), ends)
        where = (ends, life.calls[-1])
        # How often is looked for what lands late is a matter of time, and lines of the journal may share a write: the
        # last calls may not come.
        if ends is not None and not life.over and not switches:
            assert isinstance(ends[0], int), "the call was not reached"
            assert len(life.calls) < ends[0], "the call was not reached"
        again = await spending.run(simulator, spending.budgets(COUNT), workers=1)
        assert again.status is ExitStatus.OK, where
        assert made(simulator) == {f"Campaign {n}": 1 for n in range(COUNT)}, where
        assert shown(simulator) == wanted(COUNT), where
        assert verify(spending.ledger) == [], where
        assert status(spending.ledger)["items"] == {"due": 0, "in_doubt": 0, "unresolved": 0, "failed": 0}, where
        third = await spending.run(simulator, spending.budgets(COUNT))
        assert (third.status, third.counts["items"]["earlier"]) == (ExitStatus.OK, 0), where
        assert shown(simulator) == wanted(COUNT), where
    return life.calls


async def dying(tmp_path: Path, number: int, name: str, *switches: str) -> None:
    """Let an import die at that call, in each of the ways in which one can."""
    for phase in PHASES if name.startswith("write") else ("before", "after"):
        await survived(fresh(tmp_path, f"{number}-{phase}"), (number, phase), *switches)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(6))
async def test_an_import_with_items_dies_at_each_call(tmp_path: Path, part: int) -> None:
    """At each opening, write, sync and request; in six parts, so that they may run side by side."""
    calls = await survived(fresh(tmp_path, "whole"), None)
    assert sum(name in {"budget", "spend"} for name in calls) == 3 * COUNT
    for number, name in list(enumerate(calls, 1))[part::6]:
        await dying(tmp_path, number, name)


@pytest.mark.parametrize("weather", ["item/late_commit@1:0.1", "item/400_commits@1", "item/reset_after_commit@1"])
async def test_it_dies_around_an_item_that_is_in_doubt(tmp_path: Path, weather: str) -> None:
    """The first item lands late, or although it was refused, or unseen: the death around it costs nothing."""
    for name in ("budget", "totals"):
        for phase in ("before", "after"):
            await survived(fresh(tmp_path, f"{name}-{phase}"), (name, phase), weather)


async def test_an_import_with_items_dies_around_each_item(tmp_path: Path) -> None:
    """Around each request for an item, and before, in the half of and after each line that speaks of one."""
    calls = await survived(fresh(tmp_path, "whole"), None)
    first = next(at for at, name in enumerate(calls, 1) if name == "budget")
    for number, name in enumerate(calls, 1):
        if name in ITEMS or (name == "write journal.jsonl" and number >= first - 2):
            await dying(tmp_path, number, name)
