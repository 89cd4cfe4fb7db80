"""Items over several runs: left, in doubt, unresolved, tried again, taken back."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from importer.admission import AdmissionPolicy
from importer.archiving import Fate
from importer.errors import ExitStatus
from importer.hubspot.transport import HubSpotTransport
from importer.inspecting import status, verify
from importer.ledger.looking import look_at
from importer.report.books import Tally
from importer.settling import settle_plan
from importer.stopping import Stop
from tests.items.conftest import Meddling, Spending, by_hand, shown, stopped_before_items, wanted
from tests.pipeline.conftest import made
from tests.undo.conftest import ALL, Undos

Given = dict[str, Any]
RETRY: Given = {"admission": AdmissionPolicy(retry_failed=True)}


async def test_a_campaign_deleted_meanwhile_fails_its_items(spending: Spending) -> None:
    """Nobody makes the campaign again for the sake of its budget."""
    async with spending.simulator() as simulator:
        await stopped_before_items(spending, simulator, spending.budgets(3))
        victim = next(one for one in simulator.truth if one.properties["hs_name"] == "Campaign 1")
        await by_hand(simulator, "DELETE", victim.id)
        summary = await spending.run(simulator, spending.budgets(3))
        assert summary.counts["codes"] == {"item_without_campaign": 3}
        assert summary.counts["items"]["made"] == 6
        assert made(simulator) == {f"Campaign {n}": 1 for n in range(3)}
    assert verify(spending.ledger) == []


async def test_a_run_goes_on_with_items_that_an_earlier_one_left(spending: Spending) -> None:
    """What is needed stands in the journal: the rows may be gone from the source."""
    async with spending.simulator() as simulator:
        first = await stopped_before_items(spending, simulator, spending.budgets(3))
        assert (first.books.created, first.counts["items"]["made"], shown(simulator)) == (3, 0, {})
        assert status(spending.ledger)["items"]["due"] == 9
        other = spending.source([{"hs_name": "another"}], "other.csv")
        second = await spending.run(simulator, other)
        assert (second.counts["items"]["earlier"], second.counts["items"]["made"]) == (9, 9)
        assert shown(simulator) == wanted(3)
    assert verify(spending.ledger) == []


async def test_what_cannot_be_told_is_unresolved_until_it_can(spending: Spending) -> None:
    """Two equal items where one was sent, its answer lost: nothing is sent again until a look can tell."""
    async with spending.simulator("item/reset_before@1") as simulator:
        source = spending.source([{"hs_name": "A", "budget.amount": "5"}])

        async def twice(path: str, body: bytes) -> None:
            for _ in range(2):
                await by_hand(simulator, "POST", path.removeprefix("/marketing/v3/campaigns/"), body)

        first = await spending.through(lambda plan: Meddling(plan, after=twice), simulator, source)
        assert (first.status, first.counts["items"]["unresolved"]) == (ExitStatus.UNRESOLVED, 1)
        (failure,) = spending.rows("failures.jsonl")
        assert (failure["state"], failure["code"]) == ("unresolved", "item_unresolved")
        assert status(spending.ledger)["items"] == {"due": 0, "in_doubt": 0, "unresolved": 1, "failed": 0}
        (campaign,) = simulator.truth
        for item in campaign.items:
            await by_hand(simulator, "DELETE", f"{campaign.id}/budget/{item['id']}")
        second = await spending.run(simulator, source)
        assert (second.status, second.counts["items"]["made"]) == (ExitStatus.OK, 1)
        assert shown(simulator) == {("A", "budget", "Budget", 5.0): 1}
    assert verify(spending.ledger) == []


async def test_reconcile_looks_for_items_and_makes_none(spending: Spending) -> None:
    """What was announced is told; what is due stays due until a run makes it."""
    async with spending.simulator("item/late_commit@1:0.2") as simulator:
        stop, source = Stop(), spending.budgets(2)

        async def enough(_path: str, _body: bytes) -> None:
            stop.request("enough", ExitStatus.INTERRUPTED)

        await spending.through(lambda plan: Meddling(plan, after=enough), simulator, source, stop=stop, workers=1)
        held = status(spending.ledger)["items"]
        assert held == {"due": 5, "in_doubt": 1, "unresolved": 0, "failed": 0}
        before = len(simulator.requests)
        plan = spending.make_plan(simulator.base_url)
        transport = HubSpotTransport(plan.token, plan.transport)
        try:
            settled = await settle_plan(plan, transport, tally=Tally(), stop=Stop())
        finally:
            await transport.aclose()
        assert (settled.status, settled.counts["recovered"]) == (ExitStatus.OK, held["in_doubt"])
        assert not [seen for seen in simulator.requests[before:] if seen.operation == "item"]
        assert status(spending.ledger)["items"]["in_doubt"] == 0
        last = await spending.run(simulator, source)
        assert (last.status, shown(simulator)) == (ExitStatus.OK, wanted(2))
    assert verify(spending.ledger) == []


async def test_an_unresolved_item_of_a_deleted_campaign(spending: Spending) -> None:
    """A look that finds no campaign ends it: failed, with the campaign named as the cause."""
    async with spending.simulator("item/reset_before@1") as simulator:
        source = spending.source([{"hs_name": "A", "budget.amount": "5"}])

        async def twice(path: str, body: bytes) -> None:
            for _ in range(2):
                await by_hand(simulator, "POST", path.removeprefix("/marketing/v3/campaigns/"), body)

        await spending.through(lambda plan: Meddling(plan, after=twice), simulator, source)
        await by_hand(simulator, "DELETE", simulator.truth[0].id)
        second = await spending.run(simulator, source)
        assert (second.status, second.counts["codes"]) == (ExitStatus.SOME_FAILED, {"item_without_campaign": 1})
        assert (await spending.run(simulator, source)).status is ExitStatus.OK
    assert verify(spending.ledger) == []
    assert status(spending.ledger)["items"] == {"due": 0, "in_doubt": 0, "unresolved": 0, "failed": 1}


async def test_a_retry_that_is_throttled_counts_once(spending: Spending) -> None:
    """What had failed and is sent again may be refused for the rate first; the ledger's count of what is due holds."""
    async with spending.simulator("item/400@1", "item/429@2-3") as simulator:
        source = spending.source([{"hs_name": "A", "budget.amount": "5"}])
        first = await spending.run(simulator, source)
        assert first.counts["codes"] == {"item_refused": 1}
        again = await spending.run(simulator, source, **RETRY)
        assert again.counts["items"]["made"] == 1
    with look_at(spending.ledger) as view:
        assert (view.fold.items_due, view.fold.items) == (0, {})
    assert verify(spending.ledger) == []


async def test_what_an_undo_took_back_gets_no_items(spending: Spending) -> None:
    """Neither those that were due nor those in doubt; and nothing speaks of them any more."""
    async with spending.simulator("item/reset_before@1") as simulator:
        stop = Stop()

        async def enough(_path: str, _body: bytes) -> None:
            stop.request("enough", ExitStatus.INTERRUPTED)

        source = spending.budgets(3)
        first = await spending.through(
            lambda plan: Meddling(plan, after=enough), simulator, source, stop=stop, workers=1
        )
        assert first.counts["items"]["in_doubt"] == 1
        assert status(spending.ledger)["items"] == {"due": 8, "in_doubt": 1, "unresolved": 0, "failed": 0}
        undone = await Undos(spending.folder).undo(simulator, ALL)
        assert undone.books.fates[Fate.ARCHIVED] == 3
        assert status(spending.ledger)["items"] == {"due": 0, "in_doubt": 0, "unresolved": 0, "failed": 0}
        made_again = await spending.run(simulator, source)
        assert (made_again.books.created, made_again.counts["items"]["earlier"]) == (3, 0)
        standing = [one for one in simulator.truth if not one.archived]
        assert sorted(len(one.items) for one in standing) == [3, 3, 3]
    assert verify(spending.ledger) == []


async def test_a_campaign_that_is_made_again_gets_its_items_again(spending: Spending) -> None:
    """With --recreate-missing, those of the row as it is now; the books hold."""
    keyed: Given = {"records": replace(spending.make_plan("http://127.0.0.1:1").records, key=("hs_name",))}
    upsert: Given = keyed | {"admission": AdmissionPolicy(mode="upsert", recreate_missing=True)}

    def source(amount: str) -> Path:
        return spending.source([{"hs_name": name, "budget.amount": amount} for name in "AB"])

    async with spending.simulator() as simulator:
        await spending.run(simulator, source("5"), **keyed)
        await by_hand(simulator, "DELETE", simulator.truth[0].id)
        again = await spending.run(simulator, source("6"), **upsert)
        assert (again.status, again.books.created, again.books.skipped) == (ExitStatus.OK, 1, 1)
        items = again.counts["items"]
        assert (items["read"], items["made"], items["skipped"], items["not_sent"]) == (2, 1, 1, 0)
        amounts = [[item["amount"] for item in one.items] for one in simulator.truth if not one.archived]
        assert sorted(amounts) == [[5], [6]]
    assert verify(spending.ledger) == []


async def test_an_account_without_the_endpoint_stops(spending: Spending) -> None:
    """A 404 although the campaign stands is no word about the item: the run ends as at any wrong address."""
    async with spending.simulator("item/404@1") as simulator:
        first = await spending.run(simulator, spending.budgets(1), workers=1)
        assert (first.status, first.counts["items"]["not_sent"]) == (ExitStatus.ACCESS, 3)
        assert (await spending.run(simulator, spending.budgets(1))).status is ExitStatus.OK
        assert shown(simulator) == wanted(1)
    assert verify(spending.ledger) == []


async def test_a_404_that_cannot_be_looked_into_is_in_doubt(spending: Spending) -> None:
    """Nobody says whether the campaign stands: the next run finds out, and makes the item."""
    async with spending.simulator("item/404@1", "read/500_before@1-8") as simulator:
        first = await spending.run(simulator, spending.budgets(1), workers=1)
        assert (first.status, first.counts["items"]["in_doubt"]) == (ExitStatus.UNRESOLVED, 1)
        assert (await spending.run(simulator, spending.budgets(1))).status is ExitStatus.OK
        assert shown(simulator) == wanted(1)
    assert verify(spending.ledger) == []


async def test_a_row_that_waited_for_the_end_of_the_pass_keeps_its_items(spending: Spending) -> None:
    """It is put aside on the disk while a campaign of its name has not been met, and sent with all it has."""
    old = {"hs_name": "A", "hs_notes": "old", "budget.amount": "5"}
    async with spending.simulator() as simulator:
        await spending.run(simulator, spending.source([old]))
        rows = [{"hs_name": "A", "hs_notes": "new", "budget.amount": "7"}, old]
        second = await spending.run(simulator, spending.source(rows))
        assert (second.books.created, second.books.skipped) == (1, 1)
        assert shown(simulator) == {("A", "budget", "Budget", 5.0): 1, ("A", "budget", "Budget", 7.0): 1}
    assert verify(spending.ledger) == []
