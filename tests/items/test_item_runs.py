"""Whole runs with budget and spend: made once, each with its own outcome; a failure there never repeats a create."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from importer.admission import AdmissionPolicy
from importer.errors import ExitStatus
from importer.inspecting import status, verify
from importer.mapping import parse_mapping
from tests.items.conftest import Spending, shown, wanted
from tests.pipeline.conftest import made

Given = dict[str, Any]
RETRY: Given = {"admission": AdmissionPolicy(retry_failed=True)}


async def test_items_are_made_after_their_campaigns(spending: Spending) -> None:
    """Each row's items stand in the account once, after one run; a second run asks for nothing."""
    async with spending.simulator() as simulator:
        first = await spending.run(simulator, spending.budgets(60))
        assert (first.status, first.books.created) == (ExitStatus.OK, 60)
        assert shown(simulator) == wanted(60)
        assert first.counts["items"]["made"] == first.counts["items"]["read"] == 180
        posts = [seen for seen in simulator.requests if seen.operation == "item"]
        last = max(seen.number for seen in simulator.requests if seen.operation == "create")
        assert len(posts) == 180
        assert min(seen.number for seen in posts) > last
        again = await spending.run(simulator, spending.budgets(60))
        assert (again.books.skipped, again.counts["items"]["skipped"], again.counts["items"]["not_sent"]) == (
            60,
            180,
            0,
        )
        assert sum(seen.operation in {"item", "totals"} for seen in simulator.requests) == 180
    assert verify(spending.ledger) == []


async def test_what_is_sent(spending: Spending) -> None:
    """Names, orders, descriptions and amounts arrive as the mapping says, the amount digit by digit."""
    mapping = parse_mapping(
        {
            "properties": {
                "hs_name": "Name",
                "budget": {
                    "amount": {"column": "Plan", "decimal": ","},
                    "q2": {"amount": "Q2", "name": {"template": "{Name}: second"}, "description": "Why", "order": "At"},
                },
                "spend.ads.amount": {"column": "Ads", "currency": "EUR"},
            }
        },
        name="money",
    )
    row = {"Name": "A", "Plan": "1.234.567", "Q2": "0.10", "Why": "because", "At": "7", "Ads": "€ 5"}
    async with spending.simulator() as simulator:
        summary = await spending.run(simulator, spending.source([row]), mapping=mapping)
        (campaign,) = simulator.truth
        told = [
            {name: item.get(name) for name in ("kind", "name", "amount", "order", "description")}
            for item in campaign.items
        ]
    assert summary.status is ExitStatus.OK
    assert told == [
        {"kind": "budget", "name": "Budget", "amount": 1234567, "order": 0, "description": None},
        {"kind": "budget", "name": "A: second", "amount": 0.1, "order": 7, "description": "because"},
        {"kind": "spend", "name": "ads", "amount": 5, "order": 0, "description": None},
    ]


async def test_a_bad_amount_fails_its_row_before_the_create(spending: Spending) -> None:
    """Such a row makes no campaign and no item; the others do."""
    rows = [
        {"hs_name": "good", "budget.amount": "1.5"},
        {"hs_name": "bad", "budget.amount": "a lot"},
        {"hs_name": "blank", "budget.amount": ""},
    ]
    async with spending.simulator() as simulator:
        summary = await spending.run(simulator, spending.source(rows))
        assert made(simulator) == {"good": 1, "blank": 1}
        assert shown(simulator) == {("good", "budget", "Budget", 1.5): 1}
    assert (summary.status, summary.counts["codes"]) == (ExitStatus.SOME_FAILED, {"invalid_amount": 1})
    (failure,) = spending.rows("failures.jsonl")
    assert (failure["code"], failure["column"], failure["row"]["hs_name"]) == ("invalid_amount", "budget.amount", "bad")


WEATHER = [
    "item/reset_after_commit", "item/reset_before", "item/500_after_commit", "item/500_before", "item/504", "item/429",
    "item/423", "item/cut_reply", "item/empty_2xx", "item/not_json", "item/wrong_json", "item/204", "item/html_200",
    "item/timeout_after_commit@3:0.5", "item/late_commit@2:0.2", "item/late_commit_reset@2:0.2", "item/400_commits@1",
    "totals/500", "totals/429", "item/408_after_commit",
]  # fmt: skip


@pytest.mark.parametrize("weather", WEATHER)
async def test_in_any_weather_each_item_is_made_once(spending: Spending, weather: str) -> None:
    """Answers lost, late, throttled or untrue: after at most a few runs each item stands there once."""
    rule = weather if "@" in weather else f"{weather}:0.4"
    async with spending.simulator(rule, "item/reset_after_commit@1", "seed=3") as simulator:
        for again in (Given(), RETRY, RETRY, RETRY):
            summary = await spending.run(simulator, spending.budgets(6), **again)
            if summary.status is ExitStatus.OK:
                break
        assert summary.status is ExitStatus.OK, summary
        assert shown(simulator) == wanted(6)
        assert made(simulator) == {f"Campaign {n}": 1 for n in range(6)}
    assert verify(spending.ledger) == []
    assert status(spending.ledger)["items"] == {"due": 0, "in_doubt": 0, "unresolved": 0, "failed": 0}


async def test_an_item_that_never_comes_into_being_fails(spending: Spending) -> None:
    """After five requests without effect it is told as failed; --retry-failed sends it again."""
    async with spending.simulator("item/500_before@1-5") as simulator:
        source = spending.source([{"hs_name": "A", "budget.amount": "5"}])
        first = await spending.run(simulator, source)
        assert (first.status, first.counts["codes"]) == (ExitStatus.SOME_FAILED, {"item_exhausted": 1})
        assert (await spending.run(simulator, source)).status is ExitStatus.OK
        assert shown(simulator) == {}
        last = await spending.run(simulator, source, **RETRY)
        assert (last.status, last.counts["items"]["made"]) == (ExitStatus.OK, 1)
        assert shown(simulator) == {("A", "budget", "Budget", 5.0): 1}
    assert verify(spending.ledger) == []


async def test_a_refused_item_fails_and_its_campaign_stands(spending: Spending) -> None:
    """It is told with its row, makes the exit status 1, and is not sent again unless that is asked for."""
    rows = [
        {"hs_name": f"C{n}", "budget.amount": "5", "budget.name": name} for n, name in enumerate(["fine", "BAD", "BAD"])
    ]
    mapping = {"hs_name": "hs_name", "budget.amount": "budget.amount", "budget.name": "budget.name"}
    plan: Given = {"mapping": parse_mapping({"properties": mapping}, name="m")}
    async with spending.simulator("poison=BAD") as simulator:
        source = spending.source(rows)
        summary = await spending.run(simulator, source, **plan)
        assert (summary.status, summary.books.created, summary.books.failed) == (ExitStatus.SOME_FAILED, 3, 0)
        assert summary.counts["items"] | {"earlier": 0} == {
            "read": 3, "earlier": 0, "made": 1, "skipped": 0, "failed": 2, "unresolved": 0, "in_doubt": 0, "changed": 0,
            "not_sent": 0,
        }  # fmt: skip
        failures = spending.rows("failures.jsonl")
        told = {(one["code"], one["name"], one["line_number"]) for one in failures}
        assert told == {("item_refused", "C1", 3), ("item_refused", "C2", 4)}
        assert failures[0]["item"]["name"] == "BAD"
        assert failures[0]["message"].startswith("BAD of 5: ")
        assert status(spending.ledger)["items"]["failed"] == 2
        looks = sum(seen.operation == "totals" for seen in simulator.requests)
        quiet = await spending.run(simulator, source, **plan)
        assert (quiet.status, quiet.counts["items"]["failed"]) == (ExitStatus.OK, 0)
        again = await spending.run(simulator, source, **plan, **RETRY)
        assert (again.counts["items"]["earlier"], again.counts["items"]["failed"]) == (2, 2)
        assert made(simulator) == {"C0": 1, "C1": 1, "C2": 1}
        assert 1 <= looks <= 2, "the first refusal is looked up, whoever meets it"
    assert verify(spending.ledger) == []


async def test_a_missing_scope_stops_and_the_next_run_goes_on(spending: Spending) -> None:
    """A 403 on an item ends the run as a 403 on a create would; nothing is lost or failed."""
    async with spending.simulator("item/403@1") as simulator:
        first = await spending.run(simulator, spending.budgets(2), workers=1)
        assert (first.status, first.books.created, first.counts["items"]["not_sent"]) == (ExitStatus.ACCESS, 2, 6)
        second = await spending.run(simulator, spending.budgets(2))
        assert second.status is ExitStatus.OK
        assert shown(simulator) == wanted(2)


async def test_changed_items_are_told_and_not_sent(spending: Spending) -> None:
    """In upsert mode, too: an amount that differs from what was sent changes nothing in HubSpot."""

    def source(amount: str, notes: str = "n") -> Path:
        return spending.source([{"hs_name": "A", "hs_notes": notes, "budget.amount": amount}])

    keyed: Given = {"records": replace(spending.make_plan("http://127.0.0.1:1").records, key=("hs_name",))}
    upsert: Given = keyed | {"admission": AdmissionPolicy(mode="upsert")}
    async with spending.simulator() as simulator:
        await spending.run(simulator, source("5"), **keyed)
        plain = await spending.run(simulator, source("6"), **keyed)
        assert (plain.books.skipped, plain.counts["changed"]) == (1, 1)
        upserted = await spending.run(simulator, source("6"), **upsert)
        assert (upserted.books.skipped, upserted.counts["items"]["changed"]) == (1, 1)
        both = await spending.run(simulator, source("7", "m"), **upsert)
        assert (both.books.updated, both.counts["items"]["changed"]) == (1, 1)
        assert shown(simulator) == {("A", "budget", "Budget", 5.0): 1}
    assert verify(spending.ledger) == []
