"""Pairing at its borders: repeats, blank ids, second looks that miss something, and what a pair is called."""

import pytest

from importer import pairing
from importer.model import Pairing
from tests.test_pairing import KEYS, XD, X, Y, shown, told

N1, N2 = {"hs_name": "N", "hs_notes": "1"}, {"hs_name": "N", "hs_notes": "2"}


def test_a_repeat_is_nobody_elses_in_a_second_look() -> None:
    """A campaign that is shown twice and paired once stays that of one input, even if it now shows another's key."""
    first = pairing.pair([X, Y], [shown("a", X), shown("a", X)], correlation=KEYS)
    second = pairing.pair_again([X, Y], first, [shown("a", Y | {"import_key": "k1"})], correlation=KEYS)

    assert len(first.pairs) == len(first.left) == len(first.unexpected) == 1
    assert (second.pairs, second.left) == (first.pairs, first.left)


def test_what_was_not_read_back_is_paired_with_nothing() -> None:
    """A claim that only the first look shows is no ground for a pair in the second."""
    first = pairing.pair([XD], [shown("a", X), shown("b", {})])
    second = pairing.pair_again([XD], first, [shown("b", {"hs_name": "other"})])

    assert (first.left, second.left) == ((0,), (0,))


def test_what_was_not_read_back_crowds_as_it_was_shown() -> None:
    """A nameless claim that was not read back may still be the input's, though another now shows all of it."""
    first = pairing.pair([XD], [shown("a", X), shown("b", {})])
    second = pairing.pair_again([XD], first, [shown("a", XD)])

    assert (first.left, second.left) == ((0,), (0,))


def test_each_blank_id_crowds() -> None:
    """Campaigns without an id may be several though they look the same, so one more of them pairs nothing."""
    pairs = pairing.pair([X, X, Y], [shown("", X), shown("", X), shown("a", X)])

    assert (pairs.pairs, pairs.left) == ((), (0, 1, 2))


def test_a_blank_id_is_no_campaign_in_a_whole_reply() -> None:
    """Where claims equal the inputs, one without an id is not handed out with the rest."""
    pairs = pairing.pair([X, Y], [shown("", X), shown("b", Y)])

    assert told(pairs) == {1: ("b", Pairing.NAME)}
    assert pairs.left == (0,)


def test_a_key_is_called_a_key() -> None:
    """A pair by the correlation value says so, in an echo to the letter and in a complete reading too."""
    sent = [{**values, "import_key": key} for values, key in zip((X, Y), KEYS[1], strict=True)]
    back = [shown("x", sent[0]), shown("y", sent[1])]

    for complete in (False, True):
        pairs = pairing.pair(sent, back, correlation=KEYS, complete=complete)
        assert told(pairs) == {0: ("x", Pairing.KEY), 1: ("y", Pairing.KEY)}


def test_each_input_needs_its_key() -> None:
    """Fewer correlation values than inputs are a mistake of the caller, not a shorter batch."""
    with pytest.raises(ValueError, match="shorter"):
        pairing.pair([X, Y, XD], [], correlation=KEYS)


def test_a_name_is_called_one_only_when_it_decides() -> None:
    """By name is what one input and one claim alone bear; nameless ones, twins and rivals are compatible."""
    nameless = pairing.pair([{"hs_notes": "n", "hs_goal": "g", "hs_audience": "a"}], [shown("a", {"hs_notes": "n"})])
    twins = pairing.pair([XD, XD], [shown("a", X)])
    rivals = pairing.pair([N1], [shown("a", {"hs_name": "N"}), shown("b", N2)])
    alone = pairing.pair([N1], [shown("a", {"hs_name": "N"})])

    assert [told(pairs) for pairs in (nameless, twins, rivals)] == [{0: ("a", Pairing.COMPATIBLE)}] * 3
    assert told(alone) == {0: ("a", Pairing.NAME)}


def test_brands_are_no_other_spelling() -> None:
    """A property that is not compared is not told as normalised either."""
    [pair] = pairing.pair([X | {"hs_goal": "more"}], [shown("a", X | {"hs_goal": "MORE"})]).pairs

    assert pair.normalised is None


def test_no_name_is_near_to_none() -> None:
    """Inputs and campaigns without a name are not told as near to each other."""
    pairs = pairing.pair([{"hs_notes": "1"}], [shown("a", {"hs_notes": "2"})])

    assert (pairs.left, pairs.near) == ((0,), {})
