"""All small histories of the protocol: nothing lost, nothing twice; and each rule is needed for that."""

import pytest

from tests.depth import DEEP
from tests.protocol.explorer import CASES, FULL, LEFT_OUT, explore
from tests.protocol.world import APART, LATE, SETTLE

#: The rule left out, and the case in which that shows, and how.
NEEDED = [
    ("no intents", "distinct items", "twice"),
    ("intents not synced", "distinct items", "twice"),
    ("no settling", "distinct items", "twice"),
    ("matched by count", "identical items", "lost"),
    ("no bound of createdAt", "a twin existed before", "lost"),
    ("one look", "the listing lags", "twice"),
]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_with_all_rules(case: str) -> None:
    """A crash anywhere, power lost at any byte not synced, each fate of two requests: every item is made once.

    A second crash, in what comes after the first, is walked for distinct items; for the others in depth.
    """
    crashes = CASES[case].crashes if DEEP or case == "distinct items" else 1
    histories, lost, twice = explore(CASES[case]._replace(crashes=crashes), FULL)
    assert (lost, twice) == (0, 0)
    assert histories > 300


@pytest.mark.slow
@pytest.mark.parametrize(("left_out", "case", "harm"), NEEDED)
def test_each_rule_is_needed(left_out: str, case: str, harm: str) -> None:
    """With a rule left out the same histories lose items or make them twice."""
    histories, lost, twice = explore(CASES[case]._replace(crashes=1), LEFT_OUT[left_out])
    assert histories > 300
    assert {"lost": lost, "twice": twice}[harm] > 0


def test_every_rule_is_left_out_once() -> None:
    """The list above is complete."""
    assert [left_out for left_out, _, _ in NEEDED] == [name for name in LEFT_OUT if name != "all rules"]


def test_a_listing_that_lags_beyond_settling_is_an_assumption_broken() -> None:
    """Assumption A3 is needed: what shows later than any look makes twins, and the exploration sees them."""
    late = CASES["the listing lags"]._replace(lag=SETTLE + APART + LATE)
    assert explore(late, FULL)[2] > 0
