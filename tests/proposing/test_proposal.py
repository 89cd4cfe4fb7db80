"""The decision: laws that hold for any sample, and the headings of other systems and languages."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.codecs import date_codec, shown
from importer.errors import UsageError
from importer.hubspot.definitions import Definition, Option
from importer.mapping import parse_mapping
from importer.model import Problem
from importer.proposing.columns import columns_of
from importer.proposing.proposal import Proposal, propose
from importer.proposing.words import HEADINGS, KEYS, STATUSES

USUAL = [heading for headings in HEADINGS.values() for heading in headings]
HEADS = st.sampled_from([*USUAL, *KEYS, "Budget", "Owner", "hs_name", "hs_notes", "_error", " "]) | st.text(max_size=12)
DATES = ["2026-03-31", "31.03.2026", "03/31/2026", "01/02/2026", "Mar 31, 2026 09:30 am", "2026-02-31", "31.3.26"]
CELLS = st.sampled_from(["", "EUR", "usd", "Geplant", "Sent", "Neuland", "12", *DATES]) | st.text(max_size=8)


@st.composite
def samples(draw: st.DrawFn) -> tuple[list[str], list[dict[str, str]]]:
    """Draw headings, all different, and rows."""
    heads = draw(st.lists(HEADS, min_size=1, max_size=8, unique=True))
    count = draw(st.integers(1, 5))
    return heads, [{head: draw(CELLS) for head in heads} for _ in range(count)]


def proposed(heads: list[str], rows: list[dict[str, str]], *definitions: Definition) -> Proposal:
    """Return the proposal for a sample."""
    return propose(columns_of(heads, rows), name="test", definitions=definitions)


def fed(*heads: str, values: Sequence[tuple[str, ...]]) -> dict[str, str]:
    """Return property → column for a table."""
    found = proposed(list(heads), [dict(zip(heads, row, strict=True)) for row in values])
    return {feed.prop: feed.column for feed in found.feeds}


@settings(deadline=None)
@given(samples())
def test_each_column_is_named_once_and_each_property_fed_once(sample: tuple[list[str], list[dict[str, str]]]) -> None:
    """No column is lost silently or used twice, and no property is fed twice, whatever the sample holds."""
    heads, rows = sample
    try:
        found = proposed(heads, rows)
    except UsageError:
        return
    named = Counter([*(feed.column for feed in found.feeds), *found.key, *found.left])
    assert named == Counter(heads)
    assert len({feed.prop for feed in found.feeds}) == len(found.feeds)
    assert all(found.left.values())


@settings(deadline=None)
@given(samples())
def test_a_date_format_reads_every_sampled_value(sample: tuple[list[str], list[dict[str, str]]]) -> None:
    """A proposed date format has no problem with any value but those that are told, of which there are few."""
    heads, rows = sample
    try:
        found = proposed(heads, rows)
    except UsageError:
        return
    parse_mapping(found.mapping(), name="test")
    for feed in found.feeds:
        if "date" in feed.rule:
            codec = date_codec(feed.rule["date"])
            values = [row[feed.column].strip() for row in rows if row[feed.column].strip()]
            assert values or feed.doubts
            odd = {value for value in values if isinstance(codec(value), Problem)}
            assert all(any(doubt.startswith(shown(value)) for doubt in feed.doubts) for value in odd)
            assert not odd or 2 * len(odd) < len(set(values))


@pytest.mark.parametrize("prop", HEADINGS)
def test_every_usual_heading_finds_its_property(prop: str) -> None:
    """Each heading in the list leads to its property, in any case and without its accents and spaces."""
    value = {"hs_start_date": "2026-03-31", "hs_end_date": "2026-03-31", "hs_campaign_status": "Sent",
             "hs_currency_code": "EUR"}.get(prop, "x")  # fmt: skip
    for heading in HEADINGS[prop]:
        for form in (heading, heading.upper(), heading.replace(" ", "_").lower()):
            if prop == "hs_name":
                assert fed(form, values=[(value,)]) == {"hs_name": form}
            else:
                assert fed("hs_name", form, values=[("n", value)])[prop] == form


def test_no_word_for_a_status_has_two_meanings() -> None:
    """The table of statuses says one thing of each word."""
    told = Counter(word for words in STATUSES.values() for word in set(words))
    assert max(told.values()) == 1


def test_day_and_month_are_told_apart_by_evidence() -> None:
    """A value that can be read in one order decides for the column, and for the other columns of the file."""
    found = proposed(["Name", "Start Date", "End Date"], [
        {"Name": "a", "Start Date": "01/02/2026", "End Date": "25/02/2026"},
        {"Name": "b", "Start Date": "03/04/2026", "End Date": "05/04/2026"},
    ])  # fmt: skip
    rules = {feed.prop: feed for feed in found.feeds}
    assert rules["hs_start_date"].rule["date"] == ["%d/%m/%Y"]
    assert not rules["hs_start_date"].doubts


def test_campaigns_that_would_end_before_they_begin_are_evidence() -> None:
    """Where one order has an end before its start, the other is taken without a doubt."""
    found = proposed(
        ["Name", "Start Date", "End Date"], [{"Name": "a", "Start Date": "09/01/2026", "End Date": "01/02/2026"}]
    )
    rules = {feed.prop: feed for feed in found.feeds}
    assert rules["hs_start_date"].rule["date"] == ["%d/%m/%Y"]
    assert not rules["hs_end_date"].doubts


def test_a_slip_among_dates_does_not_hide_their_order() -> None:
    """A column whose dates but one can be read in one order only is evidence for the others, and for a blank one."""
    starts = ["13/02/2026", "14/02/2026", "tbd", "15/02/2026"]
    table = [
        {"Name": f"n{at}", "Start Date": start, "End Date": f"0{at}/03/2026"} for at, start in enumerate(starts, 1)
    ]
    rules = {feed.prop: feed for feed in proposed(["Name", "Start Date", "End Date"], table).feeds}
    assert rules["hs_end_date"].rule["date"] == ["%d/%m/%Y"]
    assert not rules["hs_end_date"].doubts
    blank = [row | {"End Date": ""} for row in table]
    rules = {feed.prop: feed for feed in proposed(["Name", "Start Date", "End Date"], blank).feeds}
    assert rules["hs_end_date"].rule["date"] == ["%d/%m/%Y"]


@pytest.mark.parametrize(
    ("heads", "form"), [(("Name", "Start Date"), "%m/%d/%Y"), (("Nombre", "Fecha de inicio"), "%d/%m/%Y")]
)
def test_an_ambiguous_date_is_said_to_be_one(heads: tuple[str, str], form: str) -> None:
    """Without evidence the usual order of the headings' language is taken, and both readings are told."""
    found = proposed(list(heads), [{heads[0]: "a", heads[1]: "01/02/2026"}])
    dated = next(feed for feed in found.feeds if feed.prop == "hs_start_date")
    assert dated.rule["date"] == [form]
    assert "2026-01-02" in dated.doubts[0]
    assert "2026-02-01" in dated.doubts[0]


def test_a_column_of_no_one_format_is_left_out_with_the_reason() -> None:
    """One value that is no date keeps the column out, and the reason shows values."""
    found = proposed(
        ["Name", "Start Date"], [{"Name": "a", "Start Date": "soon"}, {"Name": "b", "Start Date": "2026-01-01"}]
    )
    assert "soon" in found.left["Start Date"]


def test_values_speak_where_headings_do_not() -> None:
    """Statuses and currencies are known by their values, names by looking like some."""
    table = [("Spring sale", "Sent", "EUR"), ("Autumn sale", "Draft", "CHF")]
    assert fed("A", "B", "C", values=table) == {"hs_name": "A", "hs_campaign_status": "B", "hs_currency_code": "C"}


def test_a_name_that_spells_a_currency_is_none() -> None:
    """A column of people called Bob is no column of bolivianos."""
    assert "hs_currency_code" not in fed("Name", "Owner", values=[("Spring sale", "Bob"), ("Autumn sale", "Bob")])


def test_the_key_is_unique_and_called_like_one() -> None:
    """A column called Id whose values repeat is no key; the other one, which is unique, is."""
    rows = [{"Name": "a", "Id": "1", "Campaign Id": "x"}, {"Name": "b", "Id": "1", "Campaign Id": "y"}]
    found = proposed(["Name", "Id", "Campaign Id"], rows)
    assert found.key == ("Campaign Id",)
    assert found.left["Id"] == "it names no single record"


def test_custom_properties_are_matched_by_label_and_choice() -> None:
    """A column with the label of a custom property feeds it, its labels translated to the account's values."""
    region = Definition(name="region", label="Sales Region", type="enumeration",
                        options=(Option(label="North", value="n"), Option(label="South", value="s")))  # fmt: skip
    found = proposed(
        ["Name", "sales region"],
        [{"Name": "a", "sales region": "north"}, {"Name": "b", "sales region": "West"}],
        region,
    )
    feed = next(feed for feed in found.feeds if feed.prop == "region")
    assert feed.rule["values"] == {"north": "n", "West": ""}
    assert "West" in feed.doubts[0]


def test_nothing_like_a_name_is_refused_with_the_columns() -> None:
    """Without anything for hs_name there is no proposal; the message names the columns."""
    with pytest.raises(UsageError, match="Budget, Amount"):
        proposed(["Budget", "Amount"], [{"Budget": "1", "Amount": "2"}])


def test_a_misspelt_name_is_suggested() -> None:
    """Where no column can be the name, one that is nearly called hs_name is pointed to; else the way out is said."""
    with pytest.raises(UsageError, match="the columns are: hs_nmae, Foo") as caught:
        propose(columns_of(["hs_nmae", "Foo"], [{"hs_nmae": "A", "Foo": "1"}]), name="a", definitions=())
    assert (caught.value.hint or "").startswith('Is "hs_nmae" hs_name, misspelt? Rename')
    with pytest.raises(UsageError) as caught:
        propose(columns_of(["Foo"], [{"Foo": "1"}]), name="a", definitions=())
    assert (caught.value.hint or "").startswith("Rename the column that names the campaign to hs_name")


def test_headings_that_are_fields_of_items_stay() -> None:
    """Whole items are carried over; a field without its amount is left out; other money is told what it may become."""
    assert fed("hs_name", "budget.amount", "spend.ads.amount", values=[("A b", "1", "2"), ("C d", "3", "4")]) == {
        "hs_name": "hs_name", "budget.amount": "budget.amount", "spend.ads.amount": "spend.ads.amount",
    }  # fmt: skip
    lone = proposed(["hs_name", "budget.name"], [{"hs_name": "A b", "budget.name": "x"}])
    assert [feed.prop for feed in lone.feeds] == ["hs_name"]
    money = proposed(["hs_name", "Actual Cost"], [{"hs_name": "A b", "Actual Cost": "12.50"}])
    assert "spend.amount" in money.left["Actual Cost"]
