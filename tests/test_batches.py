"""Records into batches, batches into halves."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer import batches as batches_module
from importer.batches import OPEN_BATCHES_MAX, Batcher, Work, bisect, halves, make_batch, subset
from importer.hubspot.wire import encode_records
from importer.model import BATCH_RECORDS_MAX, Batch, Record, Row
from tests.bodies import encode_batch


def record(number: int, name: str, notes: str = "") -> Record:
    """Return a record."""
    properties = {"hs_name": name, "hs_notes": notes}
    return Record(Row("a.csv", number, number + 2, None, {}), f"{number:032x}", name, properties, f"{number:016x}")


def gathered(records: list[Record], records_max: int = BATCH_RECORDS_MAX) -> list[Batch]:
    """Return the batches that records are gathered into."""
    batcher = Batcher(encode_records, records_max=records_max)
    return batcher.add(records) + list(batcher.drain())


@settings(deadline=None)
@given(names=st.lists(st.sampled_from("abcdef"), max_size=60), size=st.integers(1, 7))
def test_each_record_is_in_one_batch(names: list[str], size: int) -> None:
    """No record is lost or doubled, no batch is too large, the body holds what its records hold, in order."""
    records = [record(n, name) for n, name in enumerate(names)]
    batches = gathered(records, size)
    assert sorted(one.identity for batch in batches for one in batch.records) == [one.identity for one in records]
    for batch in batches:
        assert 1 <= len(batch.records) <= size
        ordinals = [one.row.ordinal for one in batch.records]
        assert ordinals == sorted(ordinals)
        assert orjson.loads(batch.body) == {"inputs": [{"properties": one.properties} for one in batch.records]}


@settings(deadline=None)
@given(names=st.lists(st.sampled_from("abcdef"), max_size=60), size=st.integers(1, 7))
def test_equal_names_stay_apart(names: list[str], size: int) -> None:
    """While fewer than the most open batches are needed, no name is twice in a batch."""
    batches = gathered([record(n, name) for n, name in enumerate(names)], size)
    if max((names.count(name) for name in "abcdef"), default=0) <= OPEN_BATCHES_MAX:
        for batch in batches:
            assert len({one.name for one in batch.records}) == len(batch.records)


def test_names_that_look_alike_stay_apart() -> None:
    """Two spellings of one name, as HubSpot shows it, count as the same name."""
    batches = gathered([record(0, "Spring  sale"), record(1, " Spring sale"), record(2, "Autumn sale")])
    assert [[one.row.ordinal for one in batch.records] for batch in batches] == [[0, 2], [1]]


def test_nothing_but_one_name() -> None:
    """Too many equal names share batches after all: no more than a few stand open, and memory stays flat."""
    batcher = Batcher(encode_records)
    made = []
    for number in range(1_000):
        made += batcher.add([record(number, "the same")])
        assert number + 1 - sum(len(batch.records) for batch in made) <= OPEN_BATCHES_MAX * BATCH_RECORDS_MAX
    made += list(batcher.drain())
    assert sum(len(batch.records) for batch in made) == 1_000
    assert list(batcher.drain()) == []


def test_different_names_fill_batches_in_order() -> None:
    """Where all names differ, batches are full and in the order of the source."""
    batches = gathered([record(n, f"n{n}") for n in range(120)])
    assert [len(batch.records) for batch in batches] == [50, 50, 20]
    assert [one.row.ordinal for batch in batches for one in batch.records] == list(range(120))


def test_a_body_has_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch is closed before it grows too large; a record that is too large by itself travels alone."""
    monkeypatch.setattr(batches_module, "BODY_BYTES_MAX", 1_000)
    lengths = [300, 300, 300, 300, 5_000, 10, 10]
    batches = gathered([record(n, f"n{n}", "x" * length) for n, length in enumerate(lengths)])
    assert sum(len(batch.records) for batch in batches) == len(lengths)
    assert all(len(batch.body) < 1_300 or len(batch.records) == 1 for batch in batches)
    assert len(batches) < len(lengths)


@settings(deadline=None)
@given(count=st.integers(2, BATCH_RECORDS_MAX))
def test_halves_are_the_whole(count: int) -> None:
    """The halves of a batch hold its records once, in order, and differ by one record at most."""
    batch = make_batch([record(n, f"n{n}") for n in range(count)], encode_records)
    one, two = bisect(batch, encode_records)
    assert one.records + two.records == batch.records
    assert abs(len(one.records) - len(two.records)) <= 1
    assert one.body == encode_batch([each.properties for each in one.records])


def test_halving_ends_at_single_records() -> None:
    """Halved again and again, 50 records become 50 batches of one, in at most six rounds, of the same attempt."""
    pieces = [Work(batch=make_batch([record(n, f"n{n}") for n in range(50)], encode_records), attempt=3)]
    rounds = 0
    while any(len(work.batch.records) > 1 for work in pieces):
        cut = [halves(work, encode_records) if len(work.batch.records) > 1 else (work,) for work in pieces]
        pieces = [piece for each in cut for piece in each]
        rounds += 1
    assert rounds == 6
    assert [work.batch.records[0].row.ordinal for work in pieces] == list(range(50))
    assert {work.attempt for work in pieces} == {3}


def test_a_subset() -> None:
    """A subset holds the records at its indices; all of them are the batch itself, not serialised again."""
    batch = make_batch([record(n, f"n{n}") for n in range(4)], encode_records)
    part = subset(batch, [1, 3], encode_records)
    assert [one.row.ordinal for one in part.records] == [1, 3]
    assert part.body == encode_batch([one.properties for one in part.records])
    assert subset(batch, [0, 1, 2, 3], encode_records) is batch
