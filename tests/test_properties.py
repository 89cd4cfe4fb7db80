"""What is known of HubSpot's properties, and near misses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import UsageError
from importer.near_miss import did_you_mean, nearest
from importer.properties import UNWRITABLE, WRITABLE, check_names, complaint


@pytest.mark.parametrize("name", WRITABLE)
def test_writable_properties_pass(name: str) -> None:
    """What HubSpot names as correct is never complained about."""
    assert complaint(name) is None
    assert complaint(name, custom=False) is None


@pytest.mark.parametrize("name", UNWRITABLE)
def test_unwritable_properties_say_why(name: str) -> None:
    """A property which HubSpot refuses or ignores is caught with its reason, unless somebody vouches for it."""
    assert UNWRITABLE[name] in (complaint(name) or "")
    assert complaint(name, allow=frozenset({name})) is None


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("hs_nmae", "hs_name"),
        ("name", "hs_name"),
        ("Name", "hs_name"),
        ("start_date", "hs_start_date"),
        ("End Date", "hs_end_date"),
        ("hs-notes", "hs_notes"),
        ("campaign_status", "hs_campaign_status"),
        ("HS_NAME", "hs_name"),
    ],
)
def test_near_misses(name: str, meant: str) -> None:
    """A slip of a known property is told as such, not taken for a custom property."""
    assert f"did you mean {meant}?" in (complaint(name) or "")


@pytest.mark.parametrize("name", ["import_key", "source_campaign_id", "campaign_region", "cost_centre_2"])
def test_custom_properties(name: str) -> None:
    """A property of the account's own is welcome where somebody named it on purpose, and only there."""
    assert complaint(name) is None
    assert "not a property" in (complaint(name, custom=False) or "")
    assert complaint(name, allow=frozenset({name}), custom=False) is None


@pytest.mark.parametrize("name", ["Region", "cost centre", "2nd", "région", ""])
def test_impossible_names(name: str) -> None:
    """HubSpot's internal names are lower-case letters, digits and underscores."""
    assert "cannot be the name" in (complaint(name) or "")


def test_unknown_property_of_hubspots_own() -> None:
    """A name with HubSpot's prefix that is not known is questioned: it may be a slip, or newer than this list."""
    assert "known to be writable" in (complaint("hs_totally_new_thing") or "")
    assert complaint("hs_totally_new_thing", allow=frozenset({"hs_totally_new_thing"})) is None


def test_check_names_tells_all_at_once() -> None:
    """Every bad name is told in one error with the way out; many are cut to five."""
    check_names(["hs_name", "import_key"])
    with pytest.raises(UsageError, match=r"hs_goal.*; hs_owner") as caught:
        check_names(["hs_name", "hs_goal", "hs_owner"], place="columns")
    assert caught.value.message.startswith("columns: ")
    assert "--allow-property" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="and 2 more"):
        check_names([f"Bad {n}" for n in range(7)])


@settings(deadline=None)
@given(name=st.text(max_size=200))
def test_any_text_can_be_judged(name: str) -> None:
    """No column heading, however odd, breaks the judgement; vouching always wins."""
    complaint(name, custom=False)
    assert complaint(name, allow=frozenset({name})) is None


def test_near_miss_wording() -> None:
    """The nearest word is found whatever case and separators; far and very long words find nothing."""
    assert nearest("start DATE", ["end_date", "start_date"]) == "start_date"
    assert nearest("zebra", ["end_date"]) is None
    assert nearest("x" * 101, ["x" * 101]) is None
    assert did_you_mean("Idd", ["Id"]) == ' (did you mean "Id"?)'
    assert not did_you_mean("zebra", ["Id"])
