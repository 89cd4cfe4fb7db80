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
    first = Filter(3)
    first.add(b"".join(added))
    second = Filter.loaded(b"".join(first.pieces()))
    assert len(first) == len(second) == 64
    both = [*added, *asked]
    assert set(range(len(added))) <= set(first.perhaps(b"".join(both)))
    assert list(first.perhaps(b"".join(both))) == list(second.perhaps(b"".join(both)))


@given(keys=KEYS)
def test_adding_tells_what_may_have_been_there(keys: list[bytes]) -> None:
    """A key that is added again is told; into an empty filter with room, hardly another one."""
    filled = Filter(12)
    filled.add(b"".join(keys))
    assert filled.add(b"".join(keys)) == list(range(len(keys)))


@pytest.mark.parametrize(("keys_a_word", "one_in"), [(4, 100), (10, 12)])
def test_it_seldom_errs(keys_a_word: int, one_in: int) -> None:
    """Of new keys few may have been there: how many depends on how full it is."""
    dice = Random(7)
    filled = Filter(12)
    filled.add(dice.randbytes(16 * keys_a_word << 12))
    assert len(list(filled.perhaps(dice.randbytes(16 * 30_000)))) < 30_000 / one_in


def test_it_tells_whether_it_holds_anything() -> None:
    """As long as nothing was added, by whatever way it came to be."""
    filled = Filter(4)
    filled.add(b"")
    assert [filled.empty, Filter.loaded(b"".join(filled.pieces())).empty] == [True, True]
    filled.add(bytes(16))
    assert [filled.empty, Filter.loaded(b"".join(filled.pieces())).empty] == [False, False]


@pytest.mark.parametrize("size", [0, 7, 24, 65])
def test_what_is_no_filter_is_refused(size: int) -> None:
    """Bytes of a size that no filter has are not loaded."""
    with pytest.raises(ValueError, match="size of a filter"):
        Filter.loaded(bytes(size))


def test_keys_of_entries() -> None:
    """The keys of entries are their first 16 bytes."""
    assert keys_of([b"a" * 20, b"b" * 20]) == b"a" * 16 + b"b" * 16
