"""Runs as one table, against a dictionary; and a run by itself."""

import tracemalloc
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.ledger.identities import runs as runs_module
from importer.ledger.identities import tiers as tiers_module
from importer.ledger.identities.bloom import Filter
from importer.ledger.identities.runs import DamagedError, Run, RunWriter, parts
from importer.ledger.identities.storage import Scratch
from importer.ledger.identities.tiers import Tiers

WIDTH = 18
#: Some near one another, some far, the least and the greatest.
KEYS = st.one_of(
    st.binary(min_size=16, max_size=16),
    st.integers(0, 40).map(lambda n: n.to_bytes(16, "big")),
    st.integers(0, 255).map(lambda n: bytes([n]) * 16),
)
ENTRIES = st.dictionaries(KEYS, st.binary(min_size=2, max_size=2), min_size=1, max_size=120)


def written(entries: Sequence[bytes]) -> Run:
    """Return a run of these entries."""
    writer = RunWriter(Scratch(), WIDTH, len(entries))
    writer.add(entries)
    return writer.finish()


@given(told=ENTRIES, others=st.lists(KEYS, max_size=20), bits=st.integers(0, 9))
def test_a_run_finds_what_was_written(told: dict[bytes, bytes], others: list[bytes], bits: int) -> None:
    """Each key is found or missing as in a dictionary, before and after opening, and parts make up the whole."""
    entries = sorted(key + value for key, value in told.items())
    run = written(entries)
    keys = [*told, *others]
    for one in (run, Run.open(run.file, WIDTH)):
        found: dict[bytes, bytes] = {}
        missing = one.find(keys, found)
        assert found == {key: key + value for key, value in told.items()}
        assert missing == [key for key in others if key not in told]
        assert [entry for number in range(1 << bits) for entry in one.part(number, bits)] == entries
    assert [entry for *_, (part,) in parts([run], 8) for entry in part] == entries
    run.file.close()


def test_large_filters_are_saved_without_a_copy_of_them() -> None:
    """For many keys they have 9 MiB; less than 3 are held beside them for a moment."""
    tiers = Tiers(WIDTH, Scratch(), lambda: None)
    tiers._filter = Filter(20)
    tracemalloc.start()
    try:
        file, crc = tiers.save_filters(Scratch())
        assert tracemalloc.get_traced_memory()[1] < 3 << 20
    finally:
        tracemalloc.stop()
    assert file.size == 9 << 20
    assert Tiers(WIDTH, Scratch(), lambda: None).load_filters(file, crc)
    file.close()


@given(told=ENTRIES, data=st.data())
def test_a_changed_byte_is_noticed(told: dict[bytes, bytes], data: st.DataObject) -> None:
    """Whichever byte of the file changes, opening or reading it says so."""
    run = written(sorted(key + value for key, value in told.items()))
    whole = run.file.read(run.file.size, 0)
    run.file.close()
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytes([whole[at] ^ 1 << data.draw(st.integers(0, 7))])
    storage = Scratch()
    file = storage.create("")
    storage.write(file, whole[:at] + flipped + whole[at + 1 :])
    with pytest.raises(DamagedError):
        Run.open(file, WIDTH).part(0, 0)
    file.close()


@pytest.mark.parametrize("fan_in", [2, 3])
@settings(max_examples=60, deadline=None)
@given(chunks=st.lists(st.tuples(ENTRIES, st.integers(0, 6)), max_size=12), refilled=st.booleans())
def test_the_newest_entry_counts(fan_in: int, chunks: list[tuple[dict[bytes, bytes], int]], refilled: bool) -> None:
    """Whatever is appended and merged, the table holds the newest entry of each key, also with new filters."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiers_module, "FAN_IN", fan_in)
        patch.setattr(tiers_module, "PART_ENTRIES", 16)
        patch.setattr(tiers_module, "_FILTER_BITS", 2)
        patch.setattr(tiers_module, "_LARGE_FILTER_BITS", 5)
        patch.setattr(tiers_module, "_ABSENT_MAX", 7)
        patch.setattr(runs_module, "_BUCKET_ENTRIES_MAX", 4)
        commits: list[int] = []
        tiers = Tiers(WIDTH, Scratch(), lambda: commits.append(len(tiers.runs)))
        wanted: dict[bytes, bytes] = {}
        for told, steps in chunks:
            entries = sorted(key + value for key, value in told.items())
            assert tiers.find(b"".join(told)) == {key: wanted[key] for key in told if key in wanted}
            older = tiers.remember(entries)
            assert older == {key: wanted[key] for key in told if key in wanted}
            tiers.append(entries, len(older))
            wanted |= {key: key + value for key, value in told.items()}
            for _ in range(steps):
                tiers.step()
            assert tiers.find(b"".join(wanted)) == wanted
        if refilled:
            fresh: Any = Tiers(WIDTH, Scratch(), lambda: None)
            tiers.drop_unfinished()
            fresh.begin(tiers.runs)
            fresh.refill(tiers.runs)
            tiers = fresh
        while tiers.step():
            pass
        assert tiers.find(b"".join(wanted)) == wanted
        assert tiers.find(b"\x7f" * 15 + b"\x01") == {}
        levels = [run.level for run in tiers.runs]
        assert all(levels.count(level) < fan_in for level in levels)
        tiers.close()


def filled(numbers: range, *, steps: int) -> tuple[Tiers, int]:
    """Return a table of runs of one entry with these keys, merged so many steps for each; and the most runs it had."""
    tiers, most = Tiers(WIDTH, Scratch(), lambda: None), 0
    for number in numbers:
        entry = bytes([number % 251]) + number.to_bytes(15, "big") + b"ab"
        tiers.append([entry], len(tiers.remember([entry])))
        for _ in range(steps):
            tiers.step()
        most = max(most, len(tiers.runs))
    return tiers, most


def test_small_merges_go_before_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a merge of many parts goes on, runs do not pile up."""
    monkeypatch.setattr(tiers_module, "FAN_IN", 4)
    monkeypatch.setattr(tiers_module, "PART_ENTRIES", 2)
    monkeypatch.setattr(runs_module, "_BUCKET_ENTRIES_MAX", 1)
    tiers, most = filled(range(600), steps=12)
    assert most <= 5 * 4
    assert len({run.level for run in tiers.runs}) > 3
    tiers.close()


def test_a_full_filter_is_exchanged_for_a_larger_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Part by part, while keys come; until then the full one goes on, and none is ever forgotten."""
    monkeypatch.setattr(tiers_module, "_FILTER_BITS", 4)
    monkeypatch.setattr(tiers_module, "_LARGE_FILTER_BITS", 10)
    monkeypatch.setattr(tiers_module, "PART_ENTRIES", 8)
    monkeypatch.setattr(runs_module, "_BUCKET_ENTRIES_MAX", 4)
    tiers, _ = filled(range(66), steps=1)
    assert (tiers._filter.bits, tiers._filling is None) == (4, False)
    tiers.close()
    tiers, _ = filled(range(200), steps=1)
    keys = b"".join(bytes([number % 251]) + number.to_bytes(15, "big") for number in range(200))
    assert tiers._filter.bits == 10
    assert len(list(tiers._filter.perhaps(keys))) == 200
    assert len(list(tiers._filter.perhaps(Random(7).randbytes(16 * 10_000)))) < 100
    tiers.close()


def test_what_happens_between_remembering_and_appending_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of a filter that begins to be filled, and a look-up: afterwards every key is found, and told as older."""
    monkeypatch.setattr(tiers_module, "_FILTER_BITS", 2)
    monkeypatch.setattr(tiers_module, "_LARGE_FILTER_BITS", 8)
    monkeypatch.setattr(tiers_module, "PART_ENTRIES", 8)
    monkeypatch.setattr(runs_module, "_BUCKET_ENTRIES_MAX", 4)
    dice, tiers = Random(7), Tiers(WIDTH, Scratch(), lambda: None)
    chunks = [sorted(dice.randbytes(WIDTH) for _ in range(40)) for _ in range(8)]
    for entries in chunks:
        tiers.remember(entries)
        tiers.step()
        assert tiers.find(b"".join(entry[:16] for entry in entries)) == {}
        tiers.append(entries, 0)
    while tiers.step():
        pass
    for entries in chunks:
        assert sorted(tiers.find(b"".join(entry[:16] for entry in entries)).values()) == entries
        assert sorted(tiers.remember(entries).values()) == entries
    tiers.close()


def test_a_filter_that_cannot_be_filled_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then the full one goes on."""
    monkeypatch.setattr(tiers_module, "FAN_IN", 100)
    monkeypatch.setattr(tiers_module, "_FILTER_BITS", 2)
    monkeypatch.setattr(tiers_module, "_LARGE_FILTER_BITS", 8)
    tiers, _ = filled(range(16), steps=0)
    entry = bytes(WIDTH)
    tiers.append([entry], len(tiers.remember([entry])))
    with monkeypatch.context() as broken:
        broken.setattr(Run, "part", _damaged)
        with pytest.raises(DamagedError):
            tiers.step()
    tiers.step()
    assert (tiers._filter.bits, tiers._filling) == (2, None)
    tiers.remember([entry])
    while tiers.step():
        pass
    assert tiers._filter.bits == 8
    tiers.close()


def _damaged(*_: object) -> list[bytes]:
    raise DamagedError
