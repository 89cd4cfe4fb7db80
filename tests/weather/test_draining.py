"""What a wish to stop leaves: answers that are on their way come home, unless the grace or a second wish cuts them."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from importer.errors import ExitStatus
from importer.model import BATCH_RECORDS_MAX
from importer.pipeline import run_plan
from importer.plan import Plan
from importer.report.books import Tally
from importer.stopping import Stop
from tests.weather.virtual import JumpingClock, portal, wall

ROWS, WORKERS = 1_000, 4
FLYING = WORKERS * BATCH_RECORDS_MAX


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run on the clock that jumps."""
    return "trio", {"clock": JumpingClock()}


@pytest.mark.parametrize(
    ("latency_s", "wishes", "created", "in_doubt"),
    [(4.0, 1, FLYING, 0), (4.0, 2, 0, FLYING), (30.0, 1, 0, FLYING)],
    ids=["drained", "cut by a second wish", "cut by the end of the grace"],
)
async def test_what_a_stop_leaves(tmp_path: Path, latency_s: float, wishes: int, created: int, in_doubt: int) -> None:
    """One wish lets answers come home within the grace; what is cut is in doubt, and nothing else is sent."""
    source = tmp_path / "campaigns.csv"
    source.write_text("hs_name\n" + "".join(f"Campaign {n}\n" for n in range(ROWS)))
    plan = Plan(sources=(str(source),), ledger=tmp_path / "ledger", token=lambda: "token", workers=WORKERS)
    stop = Stop()
    async with portal(f"latency=uniform:{latency_s}-{latency_s}") as hubspot, anyio.create_task_group() as beside:

        def sent() -> int:
            return sum(one.path.endswith("/batch/create") for one in hubspot.seen)

        async def wish() -> None:
            while sent() < WORKERS:
                await anyio.sleep(0.5)
            stop.request("enough", ExitStatus.INTERRUPTED)
            if wishes == 2:
                stop.cancel_now()

        beside.start_soon(wish)
        summary = await run_plan(plan, hubspot, tally=Tally(), stop=stop, wall=wall)
        assert sent() == WORKERS

    books = summary.books
    assert (books.created, books.in_doubt) == (created, in_doubt)
    assert books.created + books.in_doubt + books.not_sent == books.read
