"""A refusal that says when to come back: nobody sends before that, whoever it was said to. In virtual time."""

from pathlib import Path
from typing import Any

import pytest

from importer.errors import ExitStatus
from importer.report.books import Tally
from tests.weather.storm import Scene
from tests.weather.virtual import JumpingClock, portal

LATENCY_S = 0.1
ROWS = 1_000


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run on the clock that jumps."""
    return "trio", {"clock": JumpingClock()}


@pytest.mark.parametrize(("fault", "wait_s"), [("429", 30.0), ("423", 2.0)])
async def test_one_refusal_lets_everybody_wait(tmp_path: Path, fault: str, wait_s: float) -> None:
    """After one 429 with Retry-After, or one 423, no worker sends anything until the time is over; then all is made."""
    source = tmp_path / "campaigns.csv"
    source.write_text("hs_name\n" + "".join(f"Campaign {n}\n" for n in range(ROWS)))
    latency = f"latency=uniform:{LATENCY_S}-{LATENCY_S}"
    async with portal("rate=190", "retry_after=30", latency) as hubspot:
        stage = Scene(tmp_path, hubspot, source, Tally())
        summary = await stage.run([(0.0, [f"create/{fault}@3"])], foreign=False)

    (refused,) = stage.requests("create", int(fault))
    told = (refused.ended or 0.0) + LATENCY_S
    arrived = [one.arrived for one in stage.requests("create")]
    assert (summary.status, summary.books.created) == (ExitStatus.OK, ROWS)
    assert [at for at in arrived if told < at < told + wait_s - LATENCY_S] == []
    assert any(at > told + wait_s - LATENCY_S for at in arrived)
