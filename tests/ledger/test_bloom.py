"""The filter in front of the runs."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.ledger.identities import bloom
from importer.ledger.identities.bloom import Filter, keys_of

KEYS = st.lists(st.binary(min_size=16, max_size=16), max_size=50)


@given(added=KEYS, asked=KEYS)
def test_it_forgets_nothing(added: list[bytes], asked: list[bytes]) -> None:
    """Every key that was added may be there, also in a filter that was saved and loaded."""
    first, second = Filter(3), Filter(3)
    first.add(b"".join(added))
    second.load(b"".join(first.pieces()))
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


@given(added=KEYS, later=KEYS, room=st.integers(0, 300))
def test_it_forgets_nothing_when_it_grows(added: list[bytes], later: list[bytes], room: int) -> None:
    """Keys of before and after are there; a saved filter is as large as it was, whatever takes it over."""
    grown, other = Filter(2), Filter(1)
    grown.add(b"".join(added))
    grown.fit(room)
    grown.add(b"".join(later))
    assert len(grown) == max(32, 8 * 2 ** max(0, (-(-room // 4) - 1).bit_length()))
    other.load(b"".join(grown.pieces()))
    for filled in (grown, other):
        assert list(filled.perhaps(b"".join([*added, *later]))) == list(range(len(added) + len(later)))


def test_it_grows_the_same_in_pieces_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is copied at once, each word stands twice afterwards."""
    keys, grown = Random(7).randbytes(16 * 300), set[bytes]()
    for words in (1, 3, 16, 1 << 17):
        monkeypatch.setattr(bloom, "_PIECE_WORDS", words)
        filled = Filter(4)
        filled.add(keys)
        filled.fit(5_000)
        assert list(filled.perhaps(keys)) == list(range(300))
        grown.add(b"".join(filled.pieces()))
    assert len(grown) == 1


def test_it_tells_whether_it_holds_anything() -> None:
    """As long as nothing was added, by whatever way it came to be."""
    filled, other = Filter(4), Filter(3)
    filled.add(b"")
    filled.fit(1_000)
    other.load(b"".join(filled.pieces()))
    assert [filled.empty, other.empty] == [True, True]
    filled.add(bytes(16))
    other.load(b"".join(filled.pieces()))
    assert [filled.empty, other.empty] == [False, False]


def test_it_errs_little_more_for_having_grown() -> None:
    """With 16 bits for each key, and grown eightfold, one new key in twelve at most may have been there."""
    dice = Random(7)
    grown = Filter(10)
    for count in range(1_000, 32_001, 1_000):
        grown.fit(count)
        grown.add(dice.randbytes(16 * 1_000))
    assert len(list(grown.perhaps(dice.randbytes(16 * 12_000)))) < 1_000


def test_it_does_not_grow_for_ever() -> None:
    """At 16 MiB it stays as large as it is."""
    filled = Filter(20)
    filled.fit(10**9)
    assert len(filled) == 16 << 20


@pytest.mark.parametrize("size", [0, 7, 24, 32 << 20])
def test_what_is_no_filter_is_refused(size: int) -> None:
    """Bytes of a size that no filter has are not loaded."""
    with pytest.raises(ValueError, match="size of a filter"):
        Filter(3).load(bytes(size))


def test_keys_of_entries() -> None:
    """The keys of entries are their first 16 bytes."""
    assert keys_of([b"a" * 20, b"b" * 20]) == b"a" * 16 + b"b" * 16
