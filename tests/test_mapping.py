"""Mappings: parsed with care, bound to columns, applied to rows."""

import csv
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import UsageError
from importer.mapping import (
    OWN_COLUMNS,
    BoundMapping,
    CampaignMapping,
    bind,
    identity_mapping,
    looks_like,
    name_rule,
    parse_mapping,
)
from importer.model import Problem

MAPPINGS = Path(__file__).resolve().parents[1] / "config" / "mappings"


def parsed(text: str, name: str = "test") -> CampaignMapping:
    """Return the mapping of TOML text."""
    return parse_mapping(tomllib.loads(text), name=name)


def ready(name: str) -> CampaignMapping:
    """Return one of the mappings that come with the importer."""
    return parsed((MAPPINGS / f"{name}.toml").read_text("utf-8"), name)


def bound(properties: str, columns: str) -> BoundMapping:
    """Return a mapping with these properties, bound to these columns (in words)."""
    return bind(parsed("[properties]\n" + properties), columns.split())


# Applying


def test_rules_together() -> None:
    """Columns, dates, labels, constants, templates and defaults make the properties of a row."""
    at_work = bound(
        """
        hs_name = { template = "{A}[ ({B})]" }
        hs_start_date = { column = "C", date = ["iso", "%d.%m.%Y"] }
        hs_campaign_status = { column = "D", values = { Done = "completed" } }
        hs_currency_code = { constant = "EUR" }
        hs_audience = { column = "E", default = "all" }
        hs_notes = { column = "F", optional = true }
        """,
        "A B C D E",
    )
    assert at_work.apply({"A": " Sale ", "B": "", "C": "31.03.2026", "D": "DONE", "E": " "}) == (
        {
            "hs_name": "Sale",
            "hs_start_date": "2026-03-31",
            "hs_campaign_status": "completed",
            "hs_currency_code": "EUR",
            "hs_audience": "all",
        },
        [],
    )


def test_all_problems_of_a_row_at_once() -> None:
    """A row is told everything that is wrong with it, each with its column; the rest is still made."""
    at_work = bound(
        """
        hs_name = { template = "{A} {B}" }
        hs_start_date = { column = "C", date = "iso" }
        hs_campaign_status = { column = "D", values = { Done = "completed" } }
        hs_notes = "E"
        """,
        "A B C D E",
    )
    made, problems = at_work.apply({"A": "Sale", "B": {"x": 1}, "C": "soon", "D": "Doe", "E": ["x"]})
    assert made == {"hs_name": "Sale"}
    assert [(one.code, one.column) for one in problems] == [
        ("invalid_date", "C"),
        ("invalid_choice", "D"),
        ("not_plain", "E"),
        ("not_plain", "B"),
    ]


def test_a_dropped_label_takes_no_default() -> None:
    """The default is for blank cells; a label that is dropped on purpose stays dropped."""
    at_work = bound(
        """
        hs_name = "A"
        hs_campaign_status = { column = "B", values = { x = "active", y = "" }, otherwise = "drop", default = "paused" }
        """,
        "A B",
    )
    assert [at_work.apply({"A": "n", "B": cell})[0].get("hs_campaign_status") for cell in ("X", "y", "z", None)] == [
        "active",
        None,
        None,
        "paused",
    ]


def test_json_values_and_missing_cells() -> None:
    """Numbers and booleans are written plainly, None and missing cells are blank."""
    at_work = bound('hs_name = "A"\nhs_notes = "B"\nhs_audience = "C"', "A B C")
    assert at_work.apply({"A": 2026, "B": None}) == ({"hs_name": "2026"}, [])
    assert at_work.apply({"A": True, "B": 1.5, "C": 0})[0] == {"hs_name": "true", "hs_notes": "1.5", "hs_audience": "0"}


CELLS = st.one_of(
    st.text(), st.none(), st.booleans(), st.integers(-(10**40), 10**40), st.floats(), st.lists(st.text(), max_size=2)
)


@settings(deadline=None)
@given(cells=st.dictionaries(st.sampled_from(["A", "B", "C", "D", "E"]), CELLS))
def test_any_cells_give_text_or_problems(cells: dict[str, Any]) -> None:
    """Whatever the cells hold, what comes out is trimmed text that is not blank, and problems with a column."""
    at_work = bound(
        """
        hs_name = { template = "{A}[ {B}]" }
        hs_start_date = { column = "C", date = "iso" }
        hs_campaign_status = { column = "D", values = { x = "active" }, otherwise = "keep" }
        hs_notes = "E"
        """,
        "A B C D E",
    )
    made, problems = at_work.apply(cells)
    assert all(type(value) is str and value and value == value.strip() for value in made.values())
    assert all(one.column in cells for one in problems)


# Binding


def test_missing_column_is_told_with_its_near_miss() -> None:
    """A column which the source lacks ends the run before anything is sent, with the nearest heading."""
    with pytest.raises(UsageError, match=r'hs_name needs the column "Name".*did you mean "name"') as caught:
        bound('hs_name = "Name"\nhs_notes = "Zzz"', "name x")
    assert "1 more are missing" in caught.value.message
    assert "name, x" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "change",
    ['name = "other"', 'key = ["B"]', 'ignore = ["C"]', '[properties.hs_name]\ncolumn = "A"\ndefault = "x"',
     '[properties.hs_name]\ncolumn = "A"\noptional = true', '[properties]\nhs_name = "B"',
     '[properties]\nhs_name = "A"\nhs_notes = "B"'],
)  # fmt: skip
def test_a_mapping_is_described(change: str) -> None:
    """Whatever is written otherwise of campaigns is described otherwise; the same is described the same."""
    usual = '[properties]\nhs_name = "A"'
    other = change if "[properties" in change else f"{change}\n{usual}"
    assert parsed(other).described() != parsed(usual).described()
    assert parsed(other).described() == parsed(other).described()


def test_optional_columns_may_be_missing() -> None:
    """An optional property's columns need not be there, and are read when a later row has them."""
    at_work = bound('hs_name = "A"\nhs_notes = { column = "B", optional = true }', "A")
    assert at_work.apply({"A": "n"})[0] == {"hs_name": "n"}
    assert at_work.apply({"A": "n", "B": "x"})[0] == {"hs_name": "n", "hs_notes": "x"}


def test_unmapped_columns_are_listed() -> None:
    """Columns neither read nor ignored are listed in order; the key and a failures file's own columns are not."""
    made = parsed('key = ["Id"]\nignore = ["X"]\nproperties.hs_name = { template = "{A}{B}" }')
    assert made.unmapped(["Q", "Id", "A", "X", "B", "P", *OWN_COLUMNS]) == ("Q", "P")


def test_origin() -> None:
    """A problem of a property is told at the column that feeds it, or at the property when it is not exactly one."""
    at_work = bound('hs_name = { template = "{A}" }\nhs_notes = "B"', "A B")
    assert [at_work.origin(name) for name in ("hs_name", "hs_notes", "hs_utm")] == ["hs_name", "B", "hs_utm"]


def test_name_rule_is_stable() -> None:
    """How the name is made depends on nothing else in the mapping, nor on the order of keys, and survives JSON."""
    one = bound('hs_name = { column = "A", values = { x = "1", y = "2" }, default = "d" }\nhs_notes = "B"', "A B")
    two = bound('hs_name = { default = "d", values = { y = "2", x = "1" }, column = "A", optional = true }', "A")
    assert name_rule(one) == name_rule(two) == json.loads(json.dumps(name_rule(one)))
    assert json.dumps(name_rule(one)) == json.dumps(name_rule(two))
    assert name_rule(one) != name_rule(bound('hs_name = "A"', "A"))


# Without a mapping


def test_columns_that_carry_property_names() -> None:
    """Headings that are property names need no mapping; the columns of a failures file are passed over."""
    columns = ["hs_name", "hs_notes", *OWN_COLUMNS]
    at_work = bind(identity_mapping(columns), columns)
    assert at_work.apply({"hs_name": " n ", "hs_notes": "", "_error": "x"}) == ({"hs_name": "n"}, [])
    assert name_rule(at_work) == {"column": "hs_name"}


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        (["hs_nmae"], "there is no column hs_name; hs_nmae .* did you mean hs_name"),
        (["hs_name", "start_date"], "did you mean hs_start_date"),
        (["hs_name", "hs_goal"], "HubSpot has given it up"),
        (["hs_name", "Region"], '"Region" is not a property'),
        ([], "there is no column hs_name"),
    ],
)
def test_unknown_columns_are_refused(columns: list[str], what: str) -> None:
    """Without a mapping an unknown column ends the run before anything is sent, and the ways out are named."""
    with pytest.raises(UsageError, match=what) as caught:
        identity_mapping(columns)
    assert all(way in (caught.value.hint or "") for way in ("--mapping", "--allow-property", "--key"))


def test_key_and_allowed_columns_are_welcome() -> None:
    """A key column need not be a property and is then not sent; a property that is vouched for is."""
    columns = ["id", "hs_name", "region"]
    at_work = bind(identity_mapping(columns, key=["id"], allow=frozenset({"region"})), columns)
    assert at_work.apply({"id": 7, "hs_name": "n", "region": "EU"}) == ({"hs_name": "n", "region": "EU"}, [])


def test_later_json_rows_lose_nothing() -> None:
    """A later row may hold another property, which is sent, but no unknown column, which is a problem."""
    at_work = bind(identity_mapping(["hs_name"]), ["hs_name"])
    made, problems = at_work.apply({"hs_name": "n", "hs_notes": "late", "hs_nots": "lost?", "blank": None, "_line": 3})
    assert made == {"hs_name": "n", "hs_notes": "late"}
    assert [(one.code, one.column) for one in problems] == [("unknown_column", "hs_nots")]
    assert "did you mean hs_notes" in problems[0].message


def test_stray_that_is_not_plain() -> None:
    """An unknown column with a list in it is a problem like any other."""
    at_work = bind(identity_mapping(["hs_name"]), ["hs_name"])
    assert isinstance(at_work.apply({"hs_name": "n", "tags": []})[1][0], Problem)


def test_a_ready_mapping_is_suggested() -> None:
    """Columns of a known system point to its mapping, also when its key was named."""
    mappings = [ready("mailchimp"), ready("salesforce")]
    columns = ["Id", "Name", "StartDate", "EndDate", "Status", "Type", "Description", "Whatever"]
    for key in ((), ("Id",)):
        with pytest.raises(UsageError) as caught:
            identity_mapping(columns, key=key, ready=mappings)
        assert "--mapping salesforce" in (caught.value.hint or "")
    assert looks_like(["Name"], mappings) is None


# The ready mappings


def test_the_example_shows_every_form() -> None:
    """The commented example parses, and does what its comments say."""
    at_work = bind(ready("example"), ["Campaign No", "Campaign", "Starts", "State", "Description", "Channel", "Region"])
    made, problems = at_work.apply(
        {"Campaign": "Sale", "Starts": "31.03.2026", "State": "unclear", "Description": "", "Channel": "Mail"}
    )
    assert not problems
    assert made == {
        "hs_name": "Sale",
        "hs_start_date": "2026-03-31",
        "hs_currency_code": "EUR",
        "hs_audience": "Newsletter readers",
        "hs_notes": "Channel: Mail",
    }


@pytest.mark.parametrize(("name", "left_over"), [("salesforce", ("External_id__c",)), ("mailchimp", ())])
def test_ready_mappings_know_the_real_exports(name: str, left_over: tuple[str, ...], shared: Path) -> None:
    """The ready mappings fit real exports, leave over only custom columns, and are recognised by the columns."""
    with (shared / "data" / f"{name}-campaigns.csv").open(encoding="utf-8-sig", newline="") as file:
        columns = next(csv.reader(file))
    mapping = ready(name)
    bind(mapping, columns)
    assert mapping.unmapped(columns) == left_over
    assert looks_like(columns, [ready("example"), ready("mailchimp"), ready("salesforce")]) == mapping
