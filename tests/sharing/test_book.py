"""The state as bytes: what was packed comes back, and every flipped bit and every cut is noticed."""

import pytest

from importer.sharing.book import BrokenStateError, OtherSchemaError, new_state, packed, unpacked

STATE = new_state("book")


def test_what_was_packed_comes_back() -> None:
    """A state survives the way to bytes and back."""
    assert unpacked(packed(STATE)) == STATE


def test_every_cut_and_every_flipped_bit_is_noticed() -> None:
    """No damage of one place passes for a state."""
    data = packed(STATE)
    for size in range(len(data)):
        with pytest.raises(BrokenStateError):
            unpacked(data[:size])
    for place in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(BrokenStateError):
            unpacked(bytes(flipped))


def test_another_version_is_told_from_damage() -> None:
    """A whole state of another schema is not begun anew over."""
    with pytest.raises(OtherSchemaError):
        unpacked(packed({**STATE, "schema": 2}))
