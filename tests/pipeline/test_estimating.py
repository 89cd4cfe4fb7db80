"""What a dry run says of cost: exact in what it counts, by the account's own limits, frank about what is not known."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer import runs
from importer.cli.estimate_shown import estimate_told
from importer.estimating import Allowance, estimate
from importer.pacing import RatePolicy
from importer.report.books import Books, Summary, Tally
from importer.stopping import Stop
from tests.pipeline.conftest import World

BOOKS = Books(read=23, not_sent=10, skipped=5, failed=4, in_doubt=3, unresolved=1)


def test_rows_are_told_apart() -> None:
    """Would create, would skip, rejects, and what earlier runs left open."""
    made = estimate(BOOKS, 1, RatePolicy(), Allowance(untold="x"))
    assert (made.create, made.skip, made.reject, made.open, made.requests) == (10, 5, 4, 4, 3)
    assert (made.quota_share, made.per_10_s, made.rate_told) == (None, 100, False)


@pytest.mark.parametrize(
    ("rate", "told", "per_window", "rate_told"),
    [
        (RatePolicy(), 190.0, 190, True),
        (RatePolicy(share=0.5), 190.0, 95, True),
        (RatePolicy(requests=50, fixed=True), 190.0, 50, False),
        (RatePolicy(requests=500, fixed=True), 190.0, 190, False),
        (RatePolicy(), None, 100, False),
        (RatePolicy(requests=1, fixed=True, share=0.1), None, 1, False),
    ],
)
def test_the_rate_is_the_one_that_binds(rate: RatePolicy, told: float | None, per_window: int, rate_told: bool) -> None:
    """The account's, a share of it, or --rate where that is less."""
    made = estimate(BOOKS, 400, rate, Allowance(per_10_s=told))
    assert (made.per_10_s, made.rate_told) == (per_window, rate_told)
    assert made.seconds == pytest.approx(1 + (402 - per_window) / per_window * 10, abs=0.06)


@given(batches=st.integers(0, 10**6), quota=st.integers(1, 10**6))
def test_the_share_is_never_told_too_small(batches: int, quota: int) -> None:
    """Rounded up: a run that uses something is never said to use nothing."""
    made = estimate(BOOKS, batches, RatePolicy(), Allowance(quota=quota, left=quota))
    assert made.quota_share is not None
    assert made.quota_share >= made.requests / quota - 1e-9
    assert made.quota_share <= made.requests / quota + 1e-4 + 1e-9


def shown(allowance: Allowance, batches: int = 1) -> list[str]:
    """Return the lines of an estimate."""
    return [line for line, _style in estimate_told(estimate(BOOKS, batches, RatePolicy(), allowance).as_dict())]


def test_three_lines() -> None:
    """What would become of the rows; requests, seconds and rate; the quota, or why it is not known."""
    assert shown(Allowance(per_10_s=190.0, quota=1000, left=400)) == [
        "dry run: nothing was sent. A run would create 10, skip 5, reject 4, leave 4 that earlier runs left open.",
        "  3 requests, about 1.0 s at 190 requests per 10 s (as the account permits)",
        "  0.30% of today's quota; 400 of 1,000 requests are left today",
    ]
    assert shown(Allowance(untold="no token"))[-1] == "  share of today's quota: unknown (no token)"
    assert "a run would pause there" in shown(Allowance(quota=1000, left=2))[-1]
    assert shown(Allowance(left=7))[-1] == "  7 requests are left today"


async def dry(world: World, base_url: str, source: Path, **changes: object) -> Summary:
    """Return what a dry run of a source says, with a token."""
    plan = replace(world.make_plan(base_url, source), dry_run=True, untold=None, **changes)  # type: ignore[arg-type]
    return await runs.run(plan, tally=Tally(), stop=Stop())


async def test_the_account_is_asked_and_nothing_is_sent(world: World) -> None:
    """Rate and quota are the account's; two requests that read; no campaign, and no ledger is left."""
    async with world.simulator("rate=190", "daily=1000", "daily_used=100") as simulator:
        summary = await dry(world, simulator.base_url, world.campaigns(120))
        told = summary.estimate or {}
        assert (told["create"], told["requests"], told["quota"], told["per_10_s"]) == (120, 5, 1000, 10_000) or told
        assert told["quota_left"] in range(890, 901)
        assert {seen.method for seen in simulator.requests} == {"GET"}
        assert not simulator.truth
    assert not world.ledger.exists()


async def test_a_batch_less_full_is_counted_as_one(world: World) -> None:
    """Rows of one name go in batches of their own: the requests are those of the real run."""
    source = world.source([{"hs_name": "Same", "hs_notes": str(n)} for n in range(20)])
    async with world.simulator() as simulator:
        told = (await dry(world, simulator.base_url, source)).estimate or {}
        real = await world.run(simulator, source)
    assert told["requests"] == real.counts["requests"]


async def test_what_cannot_be_asked_is_said(world: World) -> None:
    """No answer, or a token that is not taken: the dry run goes on and says why the quota is not known."""
    told = (await dry(world, "http://127.0.0.1:9", world.campaigns(3))).estimate or {}
    assert told["untold"].startswith("HubSpot is out of reach")
    async with world.simulator("token=other") as simulator:
        told = (await dry(world, simulator.base_url, world.campaigns(3))).estimate or {}
    assert told["untold"] == "HubSpot does not take the token"
    assert told["create"] == 3
