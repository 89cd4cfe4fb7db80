"""Records in doubt ↔ campaigns that a lookup found."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from importer.matching import Match, Wanted, content_of, match
from importer.model import Result

KEY = "import_key"
TIMES = st.lists(st.integers(0, 4), max_size=4)
NAMED = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)))  #: names and times


def wanted(n: int, name: str, not_before: float = 0.0, **properties: str) -> Wanted:
    """Return record `n` in doubt."""
    return Wanted((1, n), f"{n:032x}", {"hs_name": name, **properties}, not_before)


def campaign(number: int, name: str, at: float | None = 100.0, **properties: str) -> Result:
    """Return a campaign, created `at` so many epoch seconds."""
    moment = None if at is None else datetime.fromtimestamp(at, UTC).isoformat()
    return Result(str(number), {"hs_name": name, **properties}, moment)


def found(result: Match) -> dict[int, str]:
    """Return index → id of what was found."""
    return {index: one.id for (_n, index), one in result.found.items()}


def matched(records: list[Wanted], campaigns: list[Result], *taken: str, **more: Any) -> Match:
    """Match; `taken` are ids."""
    return match(records, campaigns, taken=frozenset(taken), **more)


def test_equal_content_is_found() -> None:
    """A campaign that shows what was sent, in another spelling too, is the record's."""
    records = [wanted(0, "Spring  sale", hs_start_date="2026-01-02", hs_goal="not shown"), wanted(1, "Other")]
    shown = [campaign(7, "Spring sale", hs_start_date="2026-01-02T00:00:00Z"), campaign(8, "Stranger")]
    result = matched(records, shown)
    assert found(result) == {0: "7"}
    assert (result.near, result.surplus) == ({}, ())


def test_taken_ids_are_never_used() -> None:
    """A campaign that the journal holds belongs to somebody already."""
    assert found(matched([wanted(0, "a")], [campaign(7, "a"), campaign(8, "a")], "7")) == {0: "8"}
    assert found(matched([wanted(0, "a")], [campaign(8, "a"), campaign(7, "a")], "7")) == {0: "8"}
    assert found(matched([wanted(0, "a")], [campaign(8, "a")], "7")) == {0: "8"}
    assert found(matched([wanted(0, "a")], [campaign(7, "a")], "7")) == {}


def test_a_campaign_from_before_is_nobody_s() -> None:
    """A twin that existed before the intent is neither the record nor a surplus."""
    result = matched([wanted(0, "a", 50.0)], [campaign(7, "a", 49.0)])
    assert (result.found, result.surplus, result.near) == ({}, (), {})
    assert found(matched([wanted(0, "a", 50.0)], [campaign(7, "a", 50.0)])) == {0: "7"}


def test_a_campaign_without_a_date_is_of_any_time() -> None:
    """Where createdAt is missing or unreadable, it forbids nothing."""
    assert found(matched([wanted(0, "a", 50.0)], [campaign(7, "a", None)])) == {0: "7"}
    assert found(matched([wanted(0, "a", 50.0)], [Result("7", {"hs_name": "a"}, "soon")])) == {0: "7"}


def test_counts_of_a_class() -> None:
    """Of equal records as many are found as there are campaigns; what is left over of those is surplus."""
    records = [wanted(n, "a") for n in range(2)]
    assert len(found(matched(records, [campaign(7, "a")]))) == 1
    result = matched(records, [campaign(n, "a") for n in (7, 8, 9)])
    assert sorted(found(result).values()) == ["7", "8"]
    assert [one.id for one in result.surplus] == ["9"]


@settings(deadline=None, max_examples=200)
@given(bounds=TIMES.filter(bool), times=TIMES, data=st.data())
def test_as_many_as_can_be(bounds: list[int], times: list[int], data: st.DataObject) -> None:
    """Within a class as many records are found as any assignment can find, each not before its bound, each id once."""
    records = data.draw(st.permutations([wanted(n, "a", float(bound)) for n, bound in enumerate(bounds)]))
    shown = data.draw(st.permutations([campaign(n, "a", float(time)) for n, time in enumerate(times)]))
    result = matched(list(records), list(shown))
    assert len({one.id for one in result.found.values()}) == len(result.found)
    for (_n, index), one in result.found.items():
        assert times[int(one.id)] >= bounds[index]
    padded = [*times, *[-1] * len(bounds)]
    best = max(
        sum(time >= bound for time, bound in zip(order, bounds, strict=False))
        for order in permutations(padded, len(bounds))
    )
    assert len(result.found) == best
    rest = set(range(len(times))) - {int(one.id) for one in result.found.values()}
    assert {int(one.id) for one in result.surplus} == {n for n in rest if times[n] >= min(bounds)}


@settings(deadline=None)
@given(told=NAMED, listed=NAMED, data=st.data())
def test_order_does_not_matter(told: list[tuple[str, int]], listed: list[tuple[str, int]], data: st.DataObject) -> None:
    """How many are found and how many left over is the same in any order of records and campaigns."""
    records = [wanted(n, name, float(at)) for n, (name, at) in enumerate(told)]
    shown = [campaign(n, name, float(at)) for n, (name, at) in enumerate(listed)]
    one = matched(records, shown)
    two = matched(list(data.draw(st.permutations(records))), list(data.draw(st.permutations(shown))))
    assert len(one.found) == len(two.found)
    assert len(one.surplus) == len(two.surplus)


def test_a_name_alone_is_near_not_found() -> None:
    """A campaign of the name with other values is named, for a person to look, unless it is older than the intent."""
    records = [wanted(0, "a", 50.0, hs_notes="x")]
    result = matched(records, [campaign(7, "A ", 60.0, hs_notes="y")])
    assert (result.found, [one.id for one in result.near.values()]) == ({}, ["7"])
    assert matched(records, [campaign(7, "a", 40.0, hs_notes="y")]).near == {}
    assert len(matched(records, [campaign(7, "a", 50.0, hs_notes="y")]).near) == 1


def test_an_old_campaign_does_not_hide_a_near_one() -> None:
    """Of several campaigns of the name the latest counts, wherever it stands in the listing."""
    records = [wanted(0, "a", 50.0, hs_notes="x")]
    shown = [campaign(7, "a", 60.0, hs_notes="y"), campaign(8, "a", 10.0, hs_notes="z")]
    for order in permutations(shown):
        assert [one.id for one in matched(records, list(order)).near.values()] == ["7"]


def test_what_is_found_is_not_near() -> None:
    """A record that was found has no near campaign."""
    result = matched([wanted(0, "a")], [campaign(7, "a"), campaign(8, "a", hs_notes="other")])
    assert found(result) == {0: "7"}
    assert result.near == {}


def test_the_correlation_property_decides() -> None:
    """A campaign with a record's identity is its, whatever else it shows; with another identity it is nobody's here."""
    records = [wanted(0, "a"), wanted(1, "a"), wanted(2, "a")]
    foreign: dict[str, Any] = {KEY: "f" * 32}
    mine: dict[str, Any] = {KEY: f"{1:032x}"}
    shown = [campaign(7, "renamed by hand", **mine), campaign(8, "a", **foreign), campaign(9, "a")]
    result = matched(records, shown, correlation=KEY)
    assert found(result) == {1: "7", 0: "9"}
    assert result.near == {}


def test_two_campaigns_of_one_identity_are_told() -> None:
    """A second campaign that carries a record's identity is a twin: surplus, told aloud."""
    mine: dict[str, Any] = {KEY: f"{0:032x}"}
    result = matched([wanted(0, "a")], [campaign(7, "a", **mine), campaign(8, "a", **mine)], correlation=KEY)
    assert found(result) == {0: "7"}
    assert [one.id for one in result.surplus] == ["8"]


def test_the_correlation_property_is_no_content() -> None:
    """Content is compared without it, and without what HubSpot does not show."""
    assert content_of({"hs_name": "a", KEY: "1"}, KEY) == content_of({"hs_name": " a", "hs_goal": "g"}, KEY)
    assert content_of({"hs_name": "a", KEY: "1"}, None) != content_of({"hs_name": "a"}, None)
