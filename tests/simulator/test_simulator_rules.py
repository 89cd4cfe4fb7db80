"""Spelling of switches and rules, and the laws of the store, the limits, the latency and the draw."""

import subprocess
import sys
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import UsageError
from importer.simulator import FaultRule, Latency, SimulatorPolicy, fault_names, switch_names
from importer.simulator.limits import DAILY, ROLLING, Limits
from importer.simulator.rules import Plan
from importer.simulator.store import Store


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("timeout:0.01", FaultRule(name="timeout", probability=0.01)),
        ("reset_after_commit", FaultRule(name="reset_after_commit", first=1, last=1)),
        ("status_500_before@3", FaultRule(name="500_before", first=3, last=3)),
        ("423@3-5", FaultRule(name="423", first=3, last=5)),
        ("late_commit:0.02:5", FaultRule(name="late_commit", probability=0.02, parameter=5)),
        ("bad_created_at@1:-60", FaultRule(name="bad_created_at", first=1, last=1, parameter=-60)),
        ("list/503:1", FaultRule(name="503", operation="list", probability=1)),
        ("short_page:0.5", FaultRule(name="short_page", operation="list", probability=0.5)),
    ],
)
def test_rules_as_they_are_spelt(text: str, rule: FaultRule) -> None:
    """Each spelling gives its rule."""
    assert FaultRule.parse(text) == rule


@pytest.mark.parametrize(
    "text",
    ["", "timeout:", "timeout:2", "timeout:1.2.3", "no_such", "list/missing_result", "x/500:1", "timeout@", "a b"],
)
def test_rules_that_are_none(text: str) -> None:
    """What is no rule is refused."""
    with pytest.raises(UsageError):
        FaultRule.parse(text)


def test_near_misses_are_suggested() -> None:
    """A misspelt fault or switch gets the near ones as a hint."""
    with pytest.raises(UsageError) as fault:
        FaultRule.parse("mising_result")
    assert "missing_result" in (fault.value.hint or "")
    with pytest.raises(UsageError) as switch:
        SimulatorPolicy.from_strings(["list_lag=2"])
    assert "list_lag_s" in (switch.value.hint or "")


def test_switches_as_they_are_spelt() -> None:
    """Each kind of switch is converted; rules stand between them in any order."""
    policy = SimulatorPolicy.from_strings(
        [
            "seed=4",
            "rate=190",
            "rate_interval_s=1.5",
            "timeout:0.1",
            "rate_headers=no",
            "hide=hs_notes, hs_utm",
            "token=a=b",
            "latency=uniform:0.02-0.2",
            "500@1",
        ]
    )
    assert policy == SimulatorPolicy(
        seed=4,
        rate=190,
        rate_interval_s=1.5,
        rate_headers=False,
        hide=("hs_notes", "hs_utm"),
        token="a=b",
        latency=Latency(kind="uniform", low_s=0.02, high_s=0.2),
        faults=(FaultRule(name="timeout", probability=0.1), FaultRule(name="500", first=1, last=1)),
    )
    assert "seed" in switch_names()
    assert "faults" not in switch_names()


@pytest.mark.parametrize(
    "text",
    [
        "seed=x",
        "rate=0",
        "rate_headers=perhaps",
        "list_lag_s=nan",
        "list_lag_s=soon",
        "echo=some",
        "normalise=shout",
        "latency=fixed",
        "latency=uniform:1",
        "nothing_like_it=1",
    ],
)
def test_switches_that_mean_nothing(text: str) -> None:
    """Wrong values are refused."""
    with pytest.raises(UsageError):
        SimulatorPolicy.from_strings([text])


def test_importing_the_package_leaves_aiohttp_alone() -> None:
    """Listing the faults for a help page costs no import of aiohttp."""
    code = "import sys, importer.simulator as s; assert s.fault_names() and 'aiohttp' not in sys.modules; s.Simulator"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert len(set(fault_names())) == len(fault_names())


def test_the_package_has_no_other_names() -> None:
    """A name that is not there is an AttributeError, as usual."""
    import importer.simulator  # noqa: PLC0415 - the module itself is what is looked at

    with pytest.raises(AttributeError):
        importer.simulator.nothing  # noqa: B018 - asking is the test


@given(seed=st.integers(0, 9), law=st.sampled_from(["fixed:0.1", "uniform:0.1-0.3", "longtail:0.1"]))
@settings(deadline=None, max_examples=50)
def test_latencies_stay_within_their_law(seed: int, law: str) -> None:
    """Fixed is fixed, uniform stays between its bounds, the long tail is positive and has its median."""
    rng = Random(seed)
    drawn = sorted(Latency.parse(law).draw(rng) for _ in range(401))
    assert drawn[0] > 0
    if not law.startswith("longtail"):
        assert drawn[0] >= 0.1
        assert drawn[-1] <= 0.3
    else:
        assert 0.07 < drawn[200] < 0.14
        assert drawn[-1] > 0.5


@given(seed=st.integers(), probability=st.sampled_from([0.0, 0.2, 1.0]))
@settings(deadline=None, max_examples=50)
def test_scripts_and_probabilities(seed: int, probability: float) -> None:
    """A scripted rule strikes exactly its requests of its operation, whatever chance does; the first rule wins."""
    rules = [FaultRule(name="423", first=2, last=3), FaultRule(name="500", probability=probability)]
    plan = Plan(rules, Random(seed))
    struck = []
    for _ in range(6):
        assert plan.draw("list") is None
        rule = plan.draw("create")
        struck.append(rule.name if rule else None)
    assert struck[1:3] == ["423", "423"]
    rest = {struck[0], *struck[3:]}
    assert rest <= {None, "500"}
    assert probability == 0.2 or rest == ({"500"} if probability else {None})


@given(steps=st.lists(st.floats(0, 6, allow_nan=False), max_size=60), most=st.integers(1, 5))
@settings(deadline=None, max_examples=200)
def test_no_window_ever_holds_more_than_permitted(steps: list[float], most: int) -> None:
    """In any 10 s at most `most` arrivals pass; one is refused only when the window is full."""
    limits = Limits(most=most, interval_s=10.0, daily=None, daily_used=0, daily_reset_s=None, now=0.0)
    now = 0.0
    passed: list[float] = []
    for step in steps:
        now += step
        within = sum(time > now - 10.0 for time in passed)
        refused = limits.arrive(now)
        assert refused == (ROLLING if within >= most else None)
        if refused is None:
            passed.append(now)
        left = most - sum(time > now - 10.0 for time in passed)
        assert dict(limits.headers())["X-HubSpot-RateLimit-Remaining"] == str(left)


def test_the_daily_quota_goes_before_the_window() -> None:
    """When both are used up the daily quota is named; refused requests use up neither."""
    limits = Limits(most=1, interval_s=10.0, daily=1, daily_used=0, daily_reset_s=None, now=0.0)
    assert limits.arrive(0.0) is None
    assert limits.arrive(0.0) == DAILY
    assert limits.used_today == 1


CAMPAIGNS = st.lists(st.tuples(st.text("aBc ", max_size=3), st.integers(0, 5), st.booleans()), max_size=25)


@given(
    campaigns=CAMPAIGNS,
    sort=st.sampled_from(["hs_name", "createdAt", "updatedAt"]),
    descending=st.booleans(),
    name=st.sampled_from([None, "b", "A"]),
    limit=st.integers(1, 7),
    until=st.none() | st.integers(0, 60),
)
@settings(deadline=None, max_examples=300)
def test_pages_together_are_the_sorted_filtered_whole(
    *,
    campaigns: list[tuple[str, int, bool]],
    sort: str,
    descending: bool,
    name: str | None,
    limit: int,
    until: int | None,
) -> None:
    """Whatever the order of making, the pages of a listing are its matching campaigns, each once, in order."""
    store, now = Store(), 0
    for number, (title, skew, archived) in enumerate(campaigns):
        now += skew
        created = now - 3 * skew if skew == 5 else now
        text = f'{{"hs_name":"{title}"}}'
        store.add(str(number), text, title, made_ms=now, created_ms=created, request=number, foreign=False)
        if archived:
            store.archive(number)
        store.page(sort=sort, descending=False, name=None, until_ms=None, offset=0, limit=1)  # orders grow by pieces
    found: list[int] = []
    while True:
        page = store.page(sort=sort, descending=descending, name=name, until_ms=until, offset=len(found), limit=limit)
        found += page.positions
        if not page.positions:
            break
    values = [campaigns[p][0].casefold() if sort == "hs_name" else store.times(p)[0] for p in found]
    made, clock = [], 0
    for _, skew, _ in campaigns:
        clock += skew
        made.append(clock)
    expected = {
        number
        for number, (title, _, archived) in enumerate(campaigns)
        if not archived
        and (name is None or name.casefold() in title.casefold())
        and (until is None or made[number] <= until)
    }
    assert len(found) == page.total == len(expected)
    assert set(found) == expected
    assert values == sorted(values, reverse=descending)
    assert store.archived_count == sum(archived for _, _, archived in campaigns)
