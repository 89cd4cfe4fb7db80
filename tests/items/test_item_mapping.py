"""Columns of budget and spend: which items they make, and what is refused before anything is read or sent."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import UsageError
from importer.items.amounts import amount_codec, plain_decimal
from importer.items.mapped import content_with
from importer.mapping import bind, identity_mapping, parse_mapping
from importer.model import CampaignItem, Problem, Record, Rejection, Row
from importer.records import RecordMaker, RecordPolicy


def codes(read: object) -> str:
    """Return the code of a problem, or the value."""
    return read.code if isinstance(read, Problem) else str(read)


@pytest.mark.parametrize(
    ("text", "decimal", "currency", "told"),
    [
        ("1234.50", None, None, "1234.5"),
        ("1,234.50", None, None, "1234.5"),
        ("1,234,567", None, None, "1234567"),
        ("1 234.50", None, None, "1234.5"),
        ("1'234.50", None, None, "1234.5"),
        ("1\u202f234,50", ",", None, "1234.5"),
        ("007.10", None, None, "7.1"),
        ("0", None, None, "0"),
        ("0.00", None, None, "0"),
        ("0.125", None, None, "0.125"),
        ("1.234", ",", None, "1234"),
        ("1.234", ".", None, "1.234"),
        ("1.234", None, None, "invalid_amount"),
        ("1,234", None, None, "invalid_amount"),
        ("1.234,5", None, None, "invalid_amount"),
        ("12,34", None, None, "invalid_amount"),
        ("12 34", None, None, "invalid_amount"),
        ("1,23,456", None, None, "invalid_amount"),
        ("-5", None, None, "invalid_amount"),
        ("1e5", None, None, "invalid_amount"),
        ("a lot", None, None, "invalid_amount"),
        ("٣", None, None, "invalid_amount"),
        ("NaN", None, None, "invalid_amount"),
        ("1234567890123456", None, None, "invalid_amount"),
        ("5 EUR", None, None, "invalid_amount"),
        ("€5", None, None, "invalid_amount"),
        ("€5", None, "EUR", "5"),
        ("5,00 eur", ",", "EUR", "5"),
        ("$5", None, "EUR", "invalid_amount"),
        ("$5", None, "USD", "5"),
    ],
)
def test_amounts(text: str, decimal: str | None, currency: str | None, told: str) -> None:
    """An amount is read as the mapping says, and what could be two amounts is none."""
    assert codes(amount_codec(decimal, currency)(text)) == told


@given(st.decimals(min_value=0, max_value=10**10, places=2))
def test_what_is_grouped_and_what_is_not_are_one_amount(number: Any) -> None:
    """However a locale writes a number, the same digits come out."""
    point, plain = f"{number:,.2f}", plain_decimal(f"{number:f}")
    comma = point.translate(str.maketrans(",.", ".,"))
    assert amount_codec(".")(point) == amount_codec(",")(comma) == amount_codec(".")(f"{number:.2f}") == plain
    assert float(plain) == float(number)


def maker(properties: dict[str, Any], *columns: str) -> Any:
    """Return what makes items of the rows of a mapping."""
    mapping = parse_mapping({"properties": {"hs_name": "N", **properties}}, name="m")
    bind(mapping, ("N", *columns))
    return mapping.items


def test_names_and_orders_without_being_told() -> None:
    """An item is called by its label, and counted within its kind among those that the row has."""
    make = maker({"budget": {"amount": "A", "q1": {"amount": "B"}}, "spend.amount": "C"}, "A", "B", "C").make
    assert make({"A": "1", "B": "2", "C": "3"})[0] == (
        CampaignItem("budget", "Budget", "1", 0), CampaignItem("budget", "q1", "2", 1),
        CampaignItem("spend", "Spend", "3", 0),
    )  # fmt: skip
    assert make({"A": " ", "B": "2", "C": None})[0] == (CampaignItem("budget", "q1", "2", 0),)


def test_numbers_of_json_are_read_with_a_point() -> None:
    """Whatever mark the mapping names for text."""
    make = maker({"budget.amount": {"column": "A", "decimal": ","}}, "A").make
    assert [item.amount for cell in (1234.5, 7, "1.234,5") for item in make({"A": cell})[0]] == [
        "1234.5",
        "7",
        "1234.5",
    ]


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({"A": "x", "B": "1", "O": ""}, ["invalid_amount"]),
        ({"A": "1", "B": "1", "O": "first"}, ["invalid_order"]),
        ({"A": "1", "B": "1.0", "O": ""}, ["duplicate_item"]),
        ({"A": [1], "B": "1", "O": ""}, ["not_plain"]),
        ({"A": "1", "B": "2", "O": ""}, []),
    ],
)
def test_what_is_wrong_with_a_row(cells: dict[str, Any], found: list[str]) -> None:
    """Each problem has a code, and equal items of one row could not be told apart in HubSpot."""
    items = maker(
        {"budget": {"amount": "A", "order": "O", "b": {"amount": "B", "name": {"constant": "budget"}}}}, "A", "B", "O"
    )
    assert [problem.code for problem in items.make(cells)[1]] == found


@pytest.mark.parametrize(
    "properties",
    [
        {"budget": "A"},
        {"budget.name": "A"},
        {"budget.amuont": "A"},
        {"budget.a.b.amount": "A"},
        {"budget..amount": "A"},
        {"budget.amount": {"column": "A", "decimal": ";"}},
        {"budget.amount": {"column": "A", "currency": "euro"}},
        {"budget.amount": {"constant": "lots"}},
        {"budget.amount": {"template": "{A}"}},
        {"budget.amount": {"column": "A", "date": "iso"}},
        {"budget.amount": "B"},
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(properties: dict[str, Any]) -> None:
    """Before anything is read or sent."""
    with pytest.raises(UsageError):
        maker(properties, "A")


def test_columns_may_carry_the_names_themselves() -> None:
    """Without a mapping `budget.q1.amount` is what it says, and a slip in it is refused."""
    mapping = identity_mapping(["hs_name", "budget.q1.amount", "spend.amount"])
    assert mapping.items.columns == {"budget.q1.amount", "spend.amount"}
    with pytest.raises(UsageError, match="amuont"):
        identity_mapping(["hs_name", "budget.amuont"])
    with pytest.raises(UsageError, match=r"did you mean budget\.amount"):
        identity_mapping(["hs_name", "Budget.Amount"])


def test_items_are_content_and_no_identity() -> None:
    """Another amount is the same campaign with other content; no items leave the content as it always was."""
    bound = bind(identity_mapping(["hs_name", "budget.amount"]), ("hs_name", "budget.amount"))
    make = RecordMaker(RecordPolicy(), bound)

    def record(amount: str) -> Record:
        row = Row("a.csv", 0, 2, None, {"hs_name": "A", "budget.amount": amount})
        (made,) = bound.mapping.items.add_to([make.make(row)])
        assert isinstance(made, Record)
        return made

    five, six, none = record("5"), record("6"), record("")
    assert five.identity == six.identity == none.identity
    assert len({five.content, six.content, none.content}) == 3
    assert none.content == none.identity[:16]
    assert five.content == content_with(none.content, five.items)


def test_a_row_that_fails_tells_its_items_too() -> None:
    """All that is wrong with a row is told at once; a row that could not be read has nothing more to tell."""
    bound = bind(identity_mapping(["hs_name", "budget.amount"]), ("hs_name", "budget.amount"))
    row = Row("a.csv", 0, 2, None, {"hs_name": "", "budget.amount": "x"})
    failed = RecordMaker(RecordPolicy(), bound).make(row)
    unread = Rejection(row, (Problem("row_ragged", "cut"),))
    both, alone = bound.mapping.items.add_to([failed, unread])
    assert isinstance(both, Rejection)
    assert [problem.code for problem in both.problems] == ["name_missing", "invalid_amount"]
    assert alone is unread
