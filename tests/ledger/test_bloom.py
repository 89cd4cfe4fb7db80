"""The filter in front of the runs."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.ledger.identities.bloom import Filter, keys_of

KEYS = st.lists(st.binary(min_size=16, max_size=16), max_size=50)


@given(added=KEYS, asked=KEYS)
def test_it_forgets_nothing(added: list[bytes], asked: list[bytes]) -> None:
    """Every key that was added may be there, also in a filter that was saved and loaded."""
    first, second = Filter(3), Filter(3)
    first.add(b"".join(added))
    second.load(first.dump())
    both = [*added, *asked]
    assert set(range(len(added))) <= set(first.perhaps(b"".join(both)))
    assert list(first.perhaps(b"".join(both))) == list(second.perhaps(b"".join(both)))


@given(keys=KEYS)
def test_adding_tells_what_may_have_been_there(keys: list[bytes]) -> None:
    """A key that is added again is told; into an empty filter with room, hardly another one."""
    filled = Filter(12)
    filled.add(b"".join(keys))
    assert filled.add(b"".join(keys)) == list(range(len(keys)))


def test_it_seldom_errs() -> None:
    """With some 13 bits for each key, one new key in fifty at most may have been there."""
    dice = Random(7)
    filled = Filter(12)
    filled.add(dice.randbytes(16 * 20_000))
    assert len(list(filled.perhaps(dice.randbytes(16 * 20_000)))) < 400


def test_another_size_is_refused() -> None:
    """What another size of filter gave is not loaded."""
    with pytest.raises(ValueError, match="another size"):
        Filter(3).load(Filter(4).dump())


def test_keys_of_entries() -> None:
    """The keys of entries are their first 16 bytes."""
    assert keys_of([b"a" * 20, b"b" * 20]) == b"a" * 16 + b"b" * 16
