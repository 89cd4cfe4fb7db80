"""A storm: no answer for minutes, at the full rate, while others make campaigns too. In virtual time, on real policies.

What a pause may cost, in requests. While more than 2 x workers batches are in doubt nothing is sent, so at most
3 x workers (those, and what was on its way) are settled together. Their first looks fall due within the D seconds in
which they were sent, and a look takes all that is due: one at the first, one every T seconds (T: what a look takes)
until the last is due, one for the rest. So there are at most 2 + D/T looks; each asks for 1 + N/100 pages, N being the
campaigns that the account got since the oldest of these intents, less the allowance for the clocks. A second look,
where nothing was found, doubles their number.
"""

import math
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from importer.doubts import SettlePolicy
from importer.errors import ExitStatus
from importer.inspecting import verify
from importer.lookup import PAGE_CAMPAIGNS
from importer.model import BATCH_RECORDS_MAX
from importer.simulator.desk import Seen
from tests.weather.storm import RATE, ROWS, WORKERS, Scene, looks, pauses, scene
from tests.weather.virtual import JumpingClock

WAITS = SettlePolicy()
LANDS_S = WAITS.timeout_s + WAITS.settle_s
ALLOWANCE_S = WAITS.skew_least_s + 2.0  #: and the width of what is known of the server's clock
BEGINS_S, CLEARS_S = 1.5, 300.0
LOST = ["create/504_after_commit:1"]
MIXED = ["create/late_commit:0.2:40", "create/reset_after_commit:0.1", "create/half_commit:0.1", "create/504:1"]
NOTHING_MADE = ["create/504_before:1"]
ALL_DOWN = [*LOST, "list/504:1"]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run on the clock that jumps."""
    return "trio", {"clock": JumpingClock()}


def struck(stage: Scene) -> list[Seen]:
    """Return the creates that had no answer."""
    return [one for one in stage.requests("create") if one.status in {0, 500, 504}]


def dear_pauses(stage: Scene, *, agreeing: int) -> list[str]:
    """Return a sentence for each pause that cost more than the bound at the head of this file."""
    told = []
    found = pauses(struck(stage))
    ends = [one[0].arrived for one in found[1:]] + [math.inf]
    made = [datetime.fromisoformat(one.created_at).timestamp() for one in stage.hubspot.hubspot.store]
    for pause, end in zip(found, ends, strict=True):
        first = pause[0].arrived
        pages = [page for page in stage.requests("list") if first + LANDS_S <= page.arrived < end + LANDS_S]
        if not pages:
            continue
        spread_s = pause[-1].arrived - first
        taken = [(look, (look[-1].ended or 0.0)) for look in looks(pages)]
        quickest_s = min(ended - look[0].arrived for look, ended in taken)
        if len(taken) > agreeing * (2 + spread_s / quickest_s):
            told.append(f"{len(taken)} looks, all {spread_s:.1f} s apart and {quickest_s:.1f} s long or longer")
        for look, ended in taken:
            since = sum(first - ALLOWANCE_S <= at <= ended for at in made)
            if len(look) > 1 + math.ceil(since / PAGE_CAMPAIGNS):
                told.append(f"{len(look)} pages for {since} campaigns")
    return told


def assert_sound(stage: Scene) -> None:
    """Nothing is twice, nobody has another's campaign, the limit was kept, the ledger is whole."""
    assert max(stage.made().values()) == 1
    assert stage.wrong_pairs() == []
    assert stage.tally.unexpected == 0
    assert stage.requests("", 429) == []
    assert stage.fullest_window() <= RATE
    assert verify(stage.folder / "ledger") == []


@pytest.mark.slow
async def test_answers_lost_after_the_commit(tmp_path: Path) -> None:
    """Five minutes of 504 after the commit: creates pause, looks cost what is stated, every campaign is made once."""
    async with scene(tmp_path) as stage:
        summary = await stage.run([(BEGINS_S, LOST), (CLEARS_S, [])])

        assert (summary.status, summary.books.created, summary.books.read) == (ExitStatus.OK, ROWS, ROWS)
        assert set(stage.made()) == {row["name"] for row in stage.rows("results.jsonl")}
        assert len(stage.requests("create")) == ROWS / BATCH_RECORDS_MAX  # nothing was sent again
        storms = pauses(struck(stage))
        assert [2 * WORKERS < len(pause) <= 3 * WORKERS for pause in storms] == [True, True]
        assert storms[1][0].arrived - storms[0][-1].arrived >= LANDS_S
        assert dear_pauses(stage, agreeing=1) == []
        assert_sound(stage)


@pytest.mark.slow
async def test_a_storm_of_every_kind(tmp_path: Path) -> None:
    """504 before or after, halves, resets, late commits: unresolved is only what others made a namesake of."""
    async with scene(tmp_path) as stage:
        summary = await stage.run([(BEGINS_S, MIXED), (CLEARS_S, [])])

        unresolved = {row["name"] for row in stage.rows("failures.jsonl")}
        theirs = {properties["hs_name"] for _, properties in stage.hubspot.made(foreign=True)}
        assert summary.status == ExitStatus.UNRESOLVED
        assert 0 < len(unresolved) < ROWS / 25
        assert unresolved <= theirs
        assert unresolved.isdisjoint(stage.made())
        assert len(stage.made()) + len(unresolved) == ROWS
        assert summary.books.created + summary.books.unresolved == summary.books.read == ROWS
        assert dear_pauses(stage, agreeing=2) == []
        assert_sound(stage)


@pytest.mark.slow
async def test_nothing_made_and_then_good_weather(tmp_path: Path) -> None:
    """A storm in which nothing was made: what is absent is sent again, although every worker waited for room."""
    async with scene(tmp_path) as stage:
        summary = await stage.run([(BEGINS_S, NOTHING_MADE), (60.0, [])], foreign=False)

        assert (summary.status, summary.books.created) == (ExitStatus.OK, ROWS)
        assert len(pauses(struck(stage))) == 1
        assert_sound(stage)


@pytest.mark.slow
@pytest.mark.parametrize("weather", [ALL_DOWN, NOTHING_MADE], ids=["all down", "nothing made"])
async def test_a_storm_that_does_not_clear(tmp_path: Path, weather: list[str]) -> None:
    """The run stops with the status of a pause and gives no record up; the same command goes on when it is over."""
    async with scene(tmp_path) as stage:
        first = await stage.run([(BEGINS_S, weather)], foreign=False)
        stage.hubspot.weather()
        second = await stage.run(foreign=False)

        assert first.status == ExitStatus.PAUSED
        assert "in doubt" in (first.reason or "")
        assert first.books.read == first.books.created + first.books.in_doubt + first.books.not_sent
        assert 0 < first.books.in_doubt <= 3 * WORKERS * BATCH_RECORDS_MAX
        assert (second.status, second.books.read) == (ExitStatus.OK, ROWS)
        assert len(stage.made()) == ROWS
        assert stage.rows("failures.jsonl") == []
        assert_sound(stage)


async def test_the_bound_sees_a_dear_pause(tmp_path: Path) -> None:
    """A look more than there may be, and a page more than it may have, are told."""
    async with scene(tmp_path) as stage:
        log = stage.hubspot.log
        for at, query in [(0.0, ""), (170.0, ""), (171.0, ""), (172.0, ""), (172.5, "after=100")]:
            seen = log.arrive(at, "GET", "", query)
            made = at == 0.0
            log.end(seen._replace(operation="create" if made else "list", status=504 if made else 200, ended=at + 0.5))

        assert dear_pauses(stage, agreeing=1) == [
            "3 looks, all 0.0 s apart and 0.5 s long or longer",
            "2 pages for 0 campaigns",
        ]
