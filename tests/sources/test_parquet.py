"""Parquet: its types as people type them, its columns, its damages."""

import io
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from importer.errors import SourceError, UsageError
from importer.sources import ReadPolicy, open_source

Read = Callable[..., Any]


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    """Return a Parquet file with these columns."""
    made = io.BytesIO()
    pq.write_table(pa.table(columns), made, **options)
    return made.getvalue()


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        (pa.array(["x", "", None]), ["x", "", None]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]),
        (pa.array(["x"], pa.large_string()), ["x"]),
        (pa.array([1, None, 2**62]), [1, None, 2**62]),
        (pa.array([2**64 - 1], pa.uint64()), [2**64 - 1]),
        (pa.array([1.0, 2.5, 1e-7, None]), ["1", "2.5", "0.0000001", None]),
        (pa.array([True, False, None]), [True, False, None]),
        (pa.array([date(2026, 3, 1), None]), ["2026-03-01", None]),
        (pa.array([date(2026, 3, 1)], pa.date64()), ["2026-03-01"]),
        (pa.array([datetime(2026, 3, 1), datetime(2026, 3, 1, 9, 30)]), ["2026-03-01", "2026-03-01T09:30:00"]),  # noqa: DTZ001 - without a zone
        (pa.array([datetime(2026, 3, 1, tzinfo=UTC)]), ["2026-03-01T00:00:00+00:00"]),
        (pa.array([1_772_323_200_000_000_001], pa.timestamp("ns")), ["2026-03-01"]),
        (pa.array([253_402_300_800], pa.timestamp("s")), ["10000-01-01 00:00:00.000"]),
        (pa.array([time(9, 30)]), ["09:30:00"]),
        (pa.array([timedelta(hours=30)]), ["30:00:00"]),
        (pa.array([Decimal("1.50"), Decimal("1E+3")], pa.decimal128(10, 2)), ["1.50", "1000.00"]),
        (pa.nulls(2), [None, None]),
        (pa.array([b"text", b"\xff"]), ["text", {"bytes": "ff"}]),
        (pa.array([[1, 2], []]), [[1, 2], []]),
        (pa.array([{"a": date(2026, 3, 1)}]), [{"a": "2026-03-01"}]),
    ],
)
def test_types(read: Read, column: Any, cells: list[Any]) -> None:
    """Each type becomes what a text file would hold; what is no plain value stays a problem of who uses it."""
    reading = read(parquet({"c": column}))
    assert reading.error is None
    assert [row["c"] for row in reading.cells] == cells


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_text_that_is_none_is_a_problem_of_its_cell(read: Read, kind: Any) -> None:
    """Bytes that call themselves text and are not UTF-8 spoil neither their neighbours nor the run."""
    column = pa.array([b"good", b"\xff\xfe", None]).cast(
        pa.large_binary() if kind == pa.large_string() else pa.binary()
    )
    assert read(parquet({"c": column.view(kind)})).cells == [{"c": "good"}, {"c": {"bytes": "fffe"}}, {"c": None}]


def test_noise_does_not_crash(read: Read) -> None:
    """Random bytes in pages and in the footer end in rows or in an error that says so."""
    sound = parquet(
        {"n": [f"n{i}" for i in range(99)], "d": [date(2026, 3, 1)] * 99, "l": [[1]] * 99}, row_group_size=40
    )
    dice = random.Random(7)
    for _ in range(300):
        data = bytearray(sound)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(4, len(data) - 8)] = dice.choice([0, 127, 128, 255, dice.randrange(256)])
        error = read(bytes(data)).error
        assert error is None or isinstance(error, SourceError)


def test_the_day_of_a_zoned_time_is_the_one_of_its_zone(read: Read) -> None:
    """A midnight in Berlin is stored as the evening before in UTC; its day is that of Berlin."""
    column = pa.array([datetime(2026, 2, 28, 23, tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin"))
    assert read(parquet({"c": column})).cells == [{"c": "2026-03-01T00:00:00+01:00"}]


def test_rows_are_numbered(read: Read) -> None:
    """There are no lines: the number of the row, from 1, stands for it."""
    reading = read(parquet({"n": [f"n{i}" for i in range(2500)]}, row_group_size=700))
    assert reading.lines == list(range(1, 2501))
    assert (sum(reading.chunks), max(reading.chunks)) == (2500, 500)
    assert (reading.format, reading.columns) == ("parquet", ("n",))


def test_columns_can_be_left_unread(read: Read, tmp_path: Path) -> None:
    """What is not imported is not even unpacked: damage in it is not met."""
    path = tmp_path / "x.parquet"
    data = bytearray(parquet({"a": ["x"], "b": ["y"], "c": ["z"]}))
    page = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(0).column(1).dictionary_page_offset
    data[page : page + 20] = b"\xff" * 20
    path.write_bytes(data)
    assert isinstance(read(path).error, SourceError)
    with open_source(path) as source:
        assert source.without({"b"}) == ("a", "c")
        assert [row.cells for chunk in source.chunks() for row in chunk] == [{"a": "x", "c": "z"}]  # type: ignore[union-attr]  # no row is broken


@pytest.mark.parametrize("cut", [9, 200, -1, -8, -30])
def test_a_broken_footer_is_damage(read: Read, tmp_path: Path, cut: int) -> None:
    """A file that was cut short has no footer, and is told from a sound one."""
    path = tmp_path / "x.parquet"
    path.write_bytes(parquet({"n": [f"n{i}" for i in range(100)]})[:cut])
    error = read(path).error
    assert isinstance(error, SourceError)
    assert "is damaged or cut short" in error.message


def test_rows_before_a_damage_stand(read: Read) -> None:
    """A page that does not unpack ends the reading, and its row is named."""
    data = bytearray(parquet({"n": [f"n{i}" for i in range(5000)]}, row_group_size=1000, use_dictionary=False))
    meta = pq.ParquetFile(io.BytesIO(bytes(data))).metadata
    at = meta.row_group(3).column(0).data_page_offset
    data[at : at + 200] = b"\xff" * 200
    reading = read(bytes(data))
    assert isinstance(reading.error, SourceError)
    assert "is damaged after row 3,000" in reading.error.message
    assert len(reading.items) == 3000


def test_what_cannot_be_read_is_refused(read: Read) -> None:
    """Encryption and two columns of one name."""
    error = read(b"PARE" + bytes(20) + b"PARE").error
    assert isinstance(error, UsageError)
    made = io.BytesIO()
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), made)
    error = read(made.getvalue()).error
    assert isinstance(error, SourceError)
    assert "two columns are called 'a'" in error.message


def test_it_comes_through_a_pipe(read: Read, dribble: Callable[[bytes, int], BinaryIO]) -> None:
    """A stream is put aside first, but no more of it than is permitted."""
    data = parquet({"n": ["x", "y"]})
    assert read(dribble(data, 100)).cells == [{"n": "x"}, {"n": "y"}]
    error = read(dribble(data, 100), spool_bytes_max=300).error
    assert isinstance(error, SourceError)
    assert "too many to put aside" in error.message


def test_progress_is_that_of_the_rows(tmp_path: Path) -> None:
    """The bytes read grow with the rows that were handed out, up to the size."""
    path = tmp_path / "x.parquet"
    path.write_bytes(parquet({"n": [f"n{i}" for i in range(4000)]}))
    with open_source(path, ReadPolicy()) as source:
        seen = [source.bytes_read for _ in source.chunks()]
        assert seen == sorted(set(seen))
        assert seen[-1] == source.size_bytes
