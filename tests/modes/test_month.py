"""A small month of nights: the feed changes, others edit the portal, one night each is killed, over quota, absent."""

import random

import pytest

from tests.modes.month import KILLED, simulate
from tests.pipeline.conftest import World

pytestmark = pytest.mark.anyio


async def test_at_the_end_of_a_month_the_portal_equals_the_feed(world: World) -> None:
    """Campaign by campaign; a killed night, one over quota and one without a feed end as documented and go on."""
    month = await simulate(world, nights=12, rows=120, rng=random.Random(3))
    assert month.differences == []
    assert month.statuses == [1, 1, 1, KILLED, 1, 1, 1, 7, 1, 1, 1, 3, 1, 1, 0]
    assert (month.twins, month.created_after_adopting, month.verified) == (0, 7, [])
