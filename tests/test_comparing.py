"""Whether a campaign still is what was written: by canonical value, and by nothing that was not written."""

from hypothesis import given
from hypothesis import strategies as st

from importer import canonical
from importer.comparing import compared, differences

TEXTS = st.text(alphabet=st.characters(codec="utf-8"), max_size=12)
PROPERTIES = st.dictionaries(
    st.sampled_from(["hs_name", "hs_notes", "hs_start_date", "hs_campaign_status", "own"]), TEXTS
)


@given(PROPERTIES, PROPERTIES)
def test_what_is_shown_as_written_is_not_changed(written: dict[str, str], more: dict[str, str]) -> None:
    """Whatever stands beside it; and what is written empty may be left out."""
    shown = more | written
    assert differences(written, {}, shown) == {}
    assert differences(written, {}, {name: value for name, value in shown.items() if value}) == {}


@given(PROPERTIES, PROPERTIES)
def test_each_other_value_is_named_with_both(written: dict[str, str], shown: dict[str, str]) -> None:
    """Just the properties whose canonical values differ."""
    found = differences(written, {}, shown)
    assert set(found) == {
        name for name, value in written.items()
        if canonical.value_of(name, value) != canonical.value_of(name, shown.get(name, ""))
    }  # fmt: skip
    assert all(pair == (written[name], shown.get(name, "")) for name, pair in found.items())


@given(PROPERTIES, PROPERTIES)
def test_another_spelling_from_the_start_is_not_changed(written: dict[str, str], normalised: dict[str, str]) -> None:
    """A value that came back so when it was written may still be shown so."""
    other = {name: value for name, value in normalised.items() if name in written}
    assert differences(written, other, written | other) == {}
    assert differences(written, other, written) == {}


def test_what_is_never_shown_is_not_compared() -> None:
    """Brands and goals are sent and not shown; dates and codes compare as what they mean."""
    written = {"hs_name": "a", "hs_goal": "g", "hs_business_unit_ids": "1", "hs_start_date": "2026-01-02"}
    assert differences(written, {}, {"hs_name": " a ", "hs_start_date": "2026-01-02T00:00:00Z"}) == {}
    assert compared(written) == {"hs_name", "hs_start_date"}
    assert compared({}) == {"hs_name"}
