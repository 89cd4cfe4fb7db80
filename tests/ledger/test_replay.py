"""Reading a journal back: every bit, every line and every length of it."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from importer.errors import LedgerError
from importer.ledger.position import position_of
from importer.ledger.replay import Replay, is_sound
from tests.ledger.conftest import header, intent, life, made, outcome, run, sealed


def read(path: Path, data: bytes) -> tuple[list[dict[str, Any]], bytes] | None:
    """Return the entries that replay reads from `data`, and the torn tail; None when it refuses."""
    path.write_bytes(data)
    replay = Replay(path)
    try:
        entries = [step.entry for step in replay.steps()]
    except LedgerError:
        return None
    assert replay.tail.n == len(entries)
    assert data == data[: replay.tail.offset] + replay.torn
    return entries, replay.torn


@pytest.fixture
def lines() -> list[bytes]:
    """Return a small journal in which everything happens."""
    return sealed([header(), *life()])


def test_a_sound_journal_is_read_whole(tmp_path: Path, lines: list[bytes]) -> None:
    """Every entry comes back, and nothing is torn."""
    entries, torn = read(tmp_path / "j", b"".join(lines)) or ([], b"?")
    assert (len(entries), torn) == (len(lines), b"")


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    """Each single bit flip is refused, or costs at most the last line, which is then kept aside as torn."""
    lines = sealed([header(), run(), intent(0), outcome(2, created=made(0))])
    data = b"".join(lines)
    whole, _torn = read(tmp_path / "j", data) or ([], b"")
    for at in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[at] ^= 1 << bit
            told = read(tmp_path / "j", bytes(flipped))
            if told is None:
                continue
            entries, torn = told
            assert at >= len(data) - len(lines[-1]), f"bit {bit} of byte {at} was taken for a torn tail"
            assert entries == whole[:-1]
            assert torn


def test_every_truncation_leaves_a_prefix(tmp_path: Path, lines: list[bytes]) -> None:
    """Cut anywhere, a journal is the whole lines before the cut, and a torn tail unless the cut is between lines."""
    data = b"".join(lines)
    whole, _torn = read(tmp_path / "j", data) or ([], b"")
    for size in range(len(data)):
        entries, torn = read(tmp_path / "j", data[:size]) or ([{}], b"?")
        complete = data[:size].count(b"\n")
        assert entries == whole[:complete]
        assert torn == data[:size][len(b"".join(lines[:complete])) :]


def test_a_deleted_line_is_noticed(tmp_path: Path, lines: list[bytes]) -> None:
    """Without any one line but the last the journal is refused; without the last it is a shorter journal."""
    for at in range(len(lines) - 1):
        assert read(tmp_path / "j", b"".join(lines[:at] + lines[at + 1 :])) is None
    entries, torn = read(tmp_path / "j", b"".join(lines[:-1])) or ([], b"?")
    assert (len(entries), torn) == (len(lines) - 1, b"")


def test_swapped_lines_are_noticed(tmp_path: Path, lines: list[bytes]) -> None:
    """Any two lines in each other's place are refused."""
    for one in range(len(lines)):
        for two in range(one + 1, len(lines)):
            swapped = list(lines)
            swapped[one], swapped[two] = lines[two], lines[one]
            assert read(tmp_path / "j", b"".join(swapped)) is None


def test_a_doubled_line_is_noticed(tmp_path: Path, lines: list[bytes]) -> None:
    """A line that comes twice is refused; the last one, doubled, is a torn tail after a whole journal."""
    for at in range(len(lines) - 1):
        assert read(tmp_path / "j", b"".join([*lines[: at + 1], *lines[at:]])) is None
    entries, torn = read(tmp_path / "j", b"".join([*lines, lines[-1]])) or ([], b"")
    assert (len(entries), torn) == (len(lines), lines[-1])


def test_a_lost_newline_is_noticed(tmp_path: Path, lines: list[bytes]) -> None:
    """Two lines run into one are refused, also when they are the last two."""
    for at in range(len(lines) - 1):
        assert read(tmp_path / "j", b"".join([*lines[:at], lines[at][:-1], *lines[at + 1 :]])) is None


def test_zeros_at_the_end_are_a_torn_tail(tmp_path: Path, lines: list[bytes]) -> None:
    """What a power loss leaves of a line, a file grown without its data, is cut."""
    entries, torn = read(tmp_path / "j", b"".join(lines) + b"\0" * 4096) or ([], b"")
    assert (len(entries), torn) == (len(lines), b"\0" * 4096)


def test_reading_goes_on_from_any_position(tmp_path: Path, lines: list[bytes]) -> None:
    """From every position a journal once had, replay ends where replay from the beginning ends."""
    path = tmp_path / "j"
    path.write_bytes(b"".join(lines))
    whole = Replay(path)
    positions = [position_of(whole.tail, whole.fold, (0, 0)) for _step in whole.steps()]
    for position in positions:
        assert is_sound(path, position)
        later = Replay(path, position)
        assert [step.n for step in later.steps()] == list(range(position["n"], len(lines)))
        assert later.fold.snapshot() == whole.fold.snapshot()
        assert {n: open_.states for n, open_ in later.fold.open.items()} == {11: whole.fold.open[11].states}
    for one, two in pairwise(positions):
        assert not is_sound(path, one | {"crc": two["crc"]})
        assert not is_sound(path, one | {"n": two["n"]})
    path.write_bytes(b"".join(lines[:-1]))
    assert not is_sound(path, positions[-1])
    path.write_bytes(b"".join(lines[:-1]) + b"x" * (len(lines[-1]) - 1) + b"\n")
    assert not is_sound(path, positions[-1])
