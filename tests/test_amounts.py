"""Amounts as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.amounts import FailureLimit, seconds_of, share_of
from importer.limits import said


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("45s", 45),
        ("30m", 1800),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1d", 86_400),
        ("0.5h", 1800),
        ("2H", 7200),
    ],
)
def test_times_are_read(text: str, seconds: float) -> None:
    """Seconds without a unit; days, hours, minutes and seconds with one, also together."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "2x", "m30", "-1", "0", "0s", "1e3", "30m2h", "nan", "999d", "1 h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """Nothing, other units, another order, negative, endless."""
    with pytest.raises(ValueError, match="must be"):
        seconds_of(text)


@given(st.integers(1, 30 * 86_400))
def test_a_time_is_said_as_it_is_read(seconds: int) -> None:
    """What `said` says, `seconds_of` reads."""
    assert seconds_of(said(seconds)) == seconds


@pytest.mark.parametrize(("text", "share"), [("50%", 0.5), ("0.5", 0.5), ("100 %", 1.0), ("1", 1.0), ("0.1%", 0.001)])
def test_shares_are_read(text: str, share: float) -> None:
    """Per cent, or a part of one."""
    assert share_of(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "%", "0", "0%", "101%", "2", "half", "-5%", "1e-1"])
def test_what_is_no_share_is_refused(text: str) -> None:
    """Nothing, more than all, words."""
    with pytest.raises(ValueError, match="must be"):
        share_of(text)


def test_a_number_of_failures_is_a_bound() -> None:
    """That many are permitted, one more is too many, however much was read."""
    limit = FailureLimit.parse("10")
    assert not limit.exceeded(10, 10)
    assert limit.exceeded(11, 1_000_000)
    assert FailureLimit.parse("0").exceeded(1, 1)
    assert str(limit) == "10"


def test_a_share_of_failures_waits_for_enough_rows_until_the_end() -> None:
    """One bad row of the first three is no 33 %; at the end it is."""
    limit = FailureLimit.parse("5%")
    assert not limit.exceeded(1, 3)
    assert limit.exceeded(1, 3, at_end=True)
    assert limit.exceeded(6, 100)
    assert not limit.exceeded(5, 100)
    assert FailureLimit.parse("0%").exceeded(1, 1_000)
    assert str(limit) == "5%"


@pytest.mark.parametrize("text", ["", "-1", "1.5", "five", "5 rows", "%", "²"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    """Neither a number nor a share."""
    with pytest.raises(ValueError, match="must be"):
        FailureLimit.parse(text)
