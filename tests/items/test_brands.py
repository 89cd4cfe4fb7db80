"""Brands: sent with the create, shown as businessUnits, and told by name when an account refuses them."""

from importer.errors import ExitStatus
from importer.hubspot import stops
from importer.model import RemoteError
from tests.items.conftest import Spending
from tests.pipeline.conftest import made

ROWS = [{"hs_name": f"C{n}", "hs_business_unit_ids": units} for n, units in enumerate(["1;2", "1", "", "3"])]


async def test_brands_travel_with_the_create(spending: Spending) -> None:
    """Each campaign is made once and paired, although the property comes back under another name."""
    async with spending.simulator() as simulator:
        summary = await spending.run(simulator, spending.source(ROWS))
        assert (summary.status, summary.books.created) == (ExitStatus.OK, 4)
        assert [one.properties.get("hs_business_unit_ids") for one in simulator.truth] == ["1;2", "1", None, "3"]
    assert {row["pairing"] for row in spending.rows("results.jsonl")} == {"exact"}


async def test_a_brand_that_the_account_does_not_have(spending: Spending) -> None:
    """Its row alone fails, with a code of its own."""
    async with spending.simulator("brands=1,2") as simulator:
        summary = await spending.run(simulator, spending.source(ROWS))
        assert made(simulator) == {"C0": 1, "C1": 1, "C2": 1}
    assert (summary.status, summary.counts["codes"]) == (ExitStatus.SOME_FAILED, {"brand_refused": 1})
    (failure,) = spending.rows("failures.jsonl")
    assert (failure["name"], failure["column"]) == ("C3", "hs_business_unit_ids")
    assert "Brands add-on" in failure["fix"]


async def test_an_account_without_the_add_on(spending: Spending) -> None:
    """Only rows with brands fail; the run does not say that nothing in the source is valid."""
    async with spending.simulator("brands=") as simulator:
        summary = await spending.run(simulator, spending.source([ROWS[0], ROWS[1]]))
    assert (summary.status, summary.counts["codes"]) == (ExitStatus.SOME_FAILED, {"brand_refused": 2})


def test_a_403_about_brands_says_so() -> None:
    """The hint names the property, not the scopes of campaigns."""
    error = stops.forbidden((RemoteError("The account does not have access to business units"),))
    assert "brands" in error.message
    assert "hs_business_unit_ids" in (error.hint or "")
