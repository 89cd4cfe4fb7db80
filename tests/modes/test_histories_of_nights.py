"""Random nights of one feed: rows come, change, go and stand twice; others edit and delete; weather and kills.

After any history a calm night that may overwrite, make again and ask for everything brings the portal to the feed,
campaign by campaign, and the night after it sends nothing.
"""

import tempfile
from pathlib import Path
from typing import Final

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.inspecting import status
from tests.modes.expected import DECISIONS
from tests.modes.nights_world import FED, Night, NightsWorld, spent
from tests.weather.virtual import JumpingClock, portal

NAMES: Final = ("A", "B", "C", "D")
VALUES: Final = ("", "a", "b", "c")
WEATHER: Final = (
    "update/504_before@1", "update/504_after_commit@1", "update/reset_after_commit@1", "update/429@1", "update/400@1",
    "update/503:0.5", "create/504_after_commit@1", "create/reset_before@1", "create/half_commit@1", "create/429@1",
    "read/503@1", "read/cut_reply@1", "update/empty_2xx@1",
)  # fmt: skip

names = st.sampled_from(NAMES)
values = st.sampled_from(VALUES)
#: What others write is now and then what the feed says, too.
edits = st.tuples(names, st.sampled_from(FED), st.sampled_from(["by hand", "a", ""])) | st.tuples(
    names, st.just("hs_start_date"), st.just("2026-01-02")
)


@st.composite
def _nights(draw: st.DrawFn) -> Night:
    rows = draw(st.dictionaries(names, st.tuples(values, values), min_size=1))
    some = st.lists(st.sampled_from(sorted(rows)), unique=True, max_size=1).map(tuple)
    twins = draw(some)
    told = draw(st.lists(edits, max_size=2))
    return Night(
        rows=rows, twins=twins, clashes=tuple(set(draw(some)) - set(twins)),
        edits=tuple(told),
        deletions=tuple(draw(st.lists(names, max_size=1))), decision=draw(st.sampled_from(DECISIONS)),
        recreates=draw(st.booleans()), checks=draw(st.booleans()), retries=draw(st.booleans()),
        weather=tuple(draw(st.lists(st.sampled_from(WEATHER), max_size=2, unique=True))),
        dies_at=draw(st.none() | st.integers(1, 8)), dies_after=draw(st.booleans()), lost=draw(st.integers(0, 3)),
    )  # fmt: skip


async def _live(folder: Path, history: list[Night]) -> None:
    async with portal() as hubspot:
        world = NightsWorld(folder, hubspot)
        for night in history:
            await world.have(night)
        last = Night(
            rows=dict.fromkeys(NAMES, ("last", "")), decision="overwrite", recreates=True, checks=True, retries=True
        )
        await world.have(last)
        untold = {one["name"] for one in status(world.ledger)["unsettled"]}
        assert set(NAMES) - untold <= set(world.standing()), "a row of the feed is no campaign"
        before = spent(hubspot)
        summary = await world.have(last)
        assert summary is not None
        assert summary.books.skipped == len(NAMES) - len(untold)
        assert (spent(hubspot) - before).keys() <= {"list", "account", "read"}


@pytest.mark.timeout(600)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_nights(), min_size=1, max_size=4))
def test_any_history_of_nights_ends_with_the_portal_as_the_feed(history: list[Night]) -> None:
    """Books, portal and updates hold their laws in every night of it."""
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(_live, Path(folder), history, backend="trio", backend_options={"clock": JumpingClock()})
