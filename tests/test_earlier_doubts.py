"""What an earlier run left in doubt is looked for only when its request can no longer land."""

import anyio
import pytest

from importer.doubts import SettlePolicy
from importer.ledger.fold import Fold
from importer.model import State
from importer.preflight import earlier_doubts
from tests.ledger.conftest import header, intent, run

POLICY = SettlePolicy(timeout_s=110.0, settle_s=60.0)


def left_in_doubt() -> Fold:
    """Return what a journal says whose run died after an intent, with the server's clock between 1000 and 1001."""
    fold = Fold()
    for n, entry in enumerate([header(), run(), intent(0, 1)]):
        fold.apply(n, entry)
    fold.abandon()
    return fold


@pytest.mark.parametrize(
    ("server_now", "wait_s"),
    [(None, 170.0), (1001.0, 170.0), (1011.0, 160.0), (1170.0, 1.0), (1171.0, 0.0), (90_000.0, 0.0), (900.0, 170.0)],
)
async def test_how_long_a_later_run_waits(server_now: float | None, wait_s: float) -> None:
    """Timeout and settling, less what has passed on the server's clock since; all of it where that is not known."""
    began = anyio.current_time()
    (doubt,) = earlier_doubts(left_in_doubt(), POLICY, server_now, [State.IN_DOUBT])
    assert doubt.due - began == pytest.approx(wait_s, abs=0.5)
    assert len(doubt.wanted) == 2
