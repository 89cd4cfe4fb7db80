"""A small month of nights: the feed changes, others edit the portal, one night each is killed, over quota, absent."""

import random
from pathlib import Path

import pytest

from tests.modes.month import KILLED, simulate

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(600)]


async def test_a_month_comes_to_what_its_rules_say(tmp_path: Path) -> None:
    """Night by night and campaign by campaign, in the least requests; undo and adopt as documented."""
    month = await simulate(tmp_path, nights=8, rows=120, rng=random.Random(3))
    assert month.wrong == []
    assert month.statuses == [1, 1, KILLED, 1, 1, 7, 1, 1, 3, 1, 1, 0]
    assert month.created_after_adopting == 7
    assert month.undone > 0
