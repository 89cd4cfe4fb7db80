"""Entries and names of the index."""

from hypothesis import given
from hypothesis import strategies as st

from importer import canonical
from importer.ledger.identities.layout import (
    CODES,
    STATE_ENTRY,
    Known,
    known_of,
    mark_entries,
    mark_of,
    mark_of_state,
    name_digests,
)
from importer.model import State

HEX_8 = st.binary(min_size=8, max_size=8).map(bytes.hex)
NAMES = st.text(st.sampled_from("aB \t\n\x1c\u00a0\u0130\u00dfe\u0301\x00"), max_size=6)


@given(names=st.lists(NAMES, max_size=300))
def test_digests_of_many_names_are_those_of_each(names: list[str]) -> None:
    """However untidy a neighbour is, names have one digest when their canonical forms are one, and only then."""
    digests, keys = name_digests(names), [canonical.name_key(name) for name in names]
    assert len({*zip(digests, keys, strict=True)}) == len({*digests}) == len({*keys})
    assert name_digests(["x", *names][:1]) == name_digests(["X "])


def test_the_digests_of_names_in_a_series_differ_and_are_spread_out() -> None:
    """A hundred thousand names which differ in a number have as many digests, whose first byte takes each value."""
    digests = name_digests([f"Newsletter {number}" for number in range(100_000)])
    assert len({*digests}) == 100_000
    assert len({digest[0] for digest in digests}) == 256


@given(state=st.sampled_from(list(CODES)), content=HEX_8, numbers=st.tuples(*[st.integers(0, 2**32 - 1)] * 3))
def test_an_entry_says_what_was_put_into_it(state: State, content: str, numbers: tuple[int, int, int]) -> None:
    """State, content and mark come back from a state entry."""
    source, run, line = numbers
    entry = STATE_ENTRY.pack(bytes(16), CODES[state], bytes.fromhex(content), bytes(8), source, run, line)
    assert known_of(entry) == Known(state, content)
    assert mark_of_state(entry) == (content, source, line, 1)


@given(content=HEX_8, source=st.integers(0, 2**32 - 1), line=st.integers(0, 2**64 - 1), times=st.integers(1, 9))
def test_a_mark_comes_back(content: str, source: int, line: int, times: int) -> None:
    """A mark entry holds all of a mark."""
    (entry,) = mark_entries([("ab" * 16, (content, source, line, times))])
    assert mark_of(entry) == (content, source, line, times)
    assert entry.startswith(bytes.fromhex("ab" * 16))
