"""One entry ↔ one line, in a chain of checksums."""

from typing import Any
from zlib import crc32

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.ledger import codec
from tests.ledger.conftest import intent

#: What JSON holds and a journal gives back as it was.
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('ab\n"\\ä', max_size=4), inner, max_size=4),
    max_leaves=12,
)
ENTRIES = st.dictionaries(st.sampled_from(["t", "run", "row", "ä"]), VALUES, min_size=1)


@settings(deadline=None)
@given(entries=st.lists(ENTRIES, min_size=1, max_size=5))
def test_what_is_sealed_can_be_unsealed(entries: list[dict[str, Any]]) -> None:
    """A chain of entries comes back as it was, each a single line of JSON that carries its number."""
    previous = codec.SEED
    for n, entry in enumerate(entries):
        line, crc = codec.seal(codec.encode(entry), n, previous)
        assert line.count(b"\n") == 1
        back, again = codec.unseal_line(line, n, previous)
        assert again == crc
        assert {key: back[key] for key in entry} == entry
        assert back["n"] == n
        assert codec.looks_whole(line[:-1])
        previous = crc


@settings(deadline=None)
@given(entry=ENTRIES, at=st.integers(0), bit=st.integers(0, 7))
def test_one_flipped_bit_is_noticed(entry: dict[str, Any], at: int, bit: int) -> None:
    """Whichever bit of a line flips, the line is broken."""
    line, _crc = codec.seal(codec.encode(entry), 7, 123)
    flipped = bytearray(line)
    flipped[at % len(line)] ^= 1 << bit
    with pytest.raises(codec.BrokenLineError):
        codec.unseal_line(bytes(flipped), 7, 123)


def test_a_line_belongs_to_its_place() -> None:
    """A sound line after another line, or under another number, is broken."""
    line, _crc = codec.seal(codec.encode({"t": "end"}), 3, 55)
    for n, previous in ((3, 56), (2, 55), (4, 55), (3, codec.SEED)):
        with pytest.raises(codec.BrokenLineError):
            codec.unseal_line(line, n, previous)


def test_a_sealed_line_that_is_no_entry_is_broken() -> None:
    """A good checksum over something that is no numbered JSON object does not make it an entry."""
    for head in (b"nonsense", b'{"n":true', b'{"n":4', b'["n"'):
        crc = crc32(head, codec.SEED)
        with pytest.raises(codec.BrokenLineError):
            codec.unseal_line(b'%b,"c":"%08x"}\n' % (head, crc), 3, codec.SEED)


def test_a_body_is_embedded_as_it_was_sent() -> None:
    """The request's bytes stand in the line unchanged, and are read back as JSON."""
    entry = intent(1, 2)
    line, _crc = codec.seal(codec.encode(entry), 1, 0)
    assert entry["body"] in line
    assert codec.unseal_line(line, 1, 0)[0]["body"] == orjson.loads(entry["body"])


def test_numbers_beyond_64_bits_are_kept_as_text() -> None:
    """A source's row may hold a number which no JSON writer here can hold; booleans and lists beside it stay."""
    entry = {"t": "reject", "row": {"a": 2**70, "b": [True, -(2**90)], "c": 1.5}}
    line, _crc = codec.seal(codec.encode(entry), 1, 0)
    row = codec.unseal_line(line, 1, 0)[0]["row"]
    assert row == {"a": str(2**70), "b": [True, str(-(2**90))], "c": 1.5}


@pytest.mark.parametrize(
    "line", [b"", b"{}", b'{"n":1', b'{"n":1,"c":"00000000"', b'{"n":1,x,"c":"00000000"}', b"\0" * 80]
)
def test_what_does_not_look_whole(line: bytes) -> None:
    """Pieces, zeros and other JSON do not look like an entry."""
    assert codec.looks_whole(line) is False


@pytest.mark.parametrize(
    "line",
    [
        b'{"t":"end","note":"no number and no seal"}',
        b'{"n":7,"t":"end","note":"a number, no seal"}',
        b'{"t":"end","note":"a seal, no number","c":"00000000"}',
    ],
)
def test_an_object_is_no_entry_without_number_and_seal(line: bytes) -> None:
    """Whole JSON by itself does not make a line of a journal."""
    assert codec.looks_whole(line) is False
    assert codec.looks_whole(b'{"n":7,"t":"end","c":"00000000"}')


def test_the_form_of_a_line_stays() -> None:
    """Journals outlive versions: the first line and one after it, byte for byte."""
    first, crc = codec.seal(b'{"t":"header"}', 0, codec.SEED)
    second, _crc = codec.seal(b'{"t":"run"}', 1, crc)
    assert (first, second) == (b'{"n":0,"t":"header","c":"5c51d238"}\n', b'{"n":1,"t":"run","c":"23d08aef"}\n')


def test_only_numbers_that_do_not_fit_become_text() -> None:
    """Beside a number that JSON writers cannot hold, what fits in 63 bits, and truth values, stay."""
    values = [7, True, 2**63 - 1, 2**63, -(2**80)]
    assert orjson.loads(codec.encode({"row": values})) == {"row": [7, True, 2**63 - 1, str(2**63), str(-(2**80))]}
    assert codec.encode([1, "two"]) == b'[1,"two"]'


def test_only_a_seal_is_taken_for_one() -> None:
    """The end of a line that has no checksum is told."""
    with pytest.raises(codec.BrokenLineError, match="no seal"):
        codec.crc_of(b'{"n":0,"c":"nothing!"}\n')
