"""Laws of tables: written as CSV, JSON Lines, XLSX or Parquet, a table gives the same records."""

import csv
import io
import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.codecs import plain
from importer.model import Problem, Row
from importer.sources.header import header_row
from importer.sources.typed_values import number_text, plain_value
from tests.sources.workbooks import table

Read = Callable[..., Any]

LIMITS = settings(deadline=None, max_examples=60)

#: What all four formats can hold: a cell of a workbook knows no control characters and no carriage return.
texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"], exclude_characters="\ufeff"), max_size=15)
names = st.lists(
    texts.filter(lambda name: name == name.strip() != ""),
    min_size=2,
    max_size=4,
    unique_by=lambda name: name.casefold(),
)
days = st.dates(date(1900, 3, 1), date(2100, 1, 1))
wholes = st.integers(-(10**15), 10**15)
fractions = st.floats(-1e15, 1e15).map(lambda number: float(f"{number:.14g}"))
columns = st.sampled_from([texts, days, wholes, fractions, st.booleans()])


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[Any]]]:
    """Draw a header and typed rows, of one type a column, in which cells may be missing; the first is a text."""
    header = draw(names)
    kinds = [texts.filter(str.strip), *(draw(columns) for _ in header[1:])]
    row = st.tuples(kinds[0], *(st.none() | kind for kind in kinds[1:])).map(list)
    return header, draw(st.lists(row, max_size=6))


def as_csv(header: list[str], rows: list[list[Any]]) -> bytes:
    """Return the table as a person would type it."""
    made = io.StringIO()
    writer = csv.writer(made, quoting=csv.QUOTE_ALL)
    writer.writerow(header)
    writer.writerows([[_typed(cell) for cell in row] for row in rows])
    return made.getvalue().encode()


def _typed(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return number_text(cell)
    return "" if cell is None else str(cell)


def as_jsonl(header: list[str], rows: list[list[Any]]) -> bytes:
    """Return the table with the types that JSON has."""
    lines = [
        dict(zip(header, [cell.isoformat() if isinstance(cell, date) else cell for cell in row], strict=True))
        for row in rows
    ]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def as_parquet(header: list[str], rows: list[list[Any]]) -> bytes:
    """Return the table with typed columns."""
    made = io.BytesIO()
    cells = list(zip(*rows, strict=True)) or [()] * len(header)
    pq.write_table(pa.table([pa.array(list(column)) for column in cells], names=header), made)
    return made.getvalue()


def records(reading: Any) -> list[dict[str, str]]:
    """Return what the rest of the importer sees of the rows: trimmed texts, blanks left out."""
    assert reading.error is None
    made = []
    for cells in reading.cells:
        values = {name: plain(value) for name, value in cells.items()}
        assert not any(isinstance(value, Problem) for value in values.values())
        made.append({name: value for name, value in values.items() if value})
    return made  # type: ignore[return-value]  # no value is a problem


@LIMITS
@given(tables())
def test_a_table_is_the_same_in_every_format(read: Read, drawn: tuple[list[str], list[list[Any]]]) -> None:
    """CSV, JSON Lines, XLSX and Parquet of one table give the same records, in the same order."""
    header, rows = drawn
    expected = records(read(as_csv(header, rows), format="csv", delimiter=","))
    assert len(expected) == len(rows)
    assert records(read(as_parquet(header, rows))) == expected
    sheet = read(table([header, *rows]))
    assert records(sheet) == expected
    assert [row.line_number for row in sheet.items if isinstance(row, Row)] == list(range(2, len(rows) + 2))
    floats = any(isinstance(cell, float) for row in rows for cell in row)
    if not floats:  # JSON has its own way to write them, which is kept
        assert records(read(as_jsonl(header, rows), format="jsonl")) == expected


@LIMITS
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_their_value_and_lose_their_exponent(number: float) -> None:
    """What is written is the number, and neither `.0` nor `e` stands in it."""
    text = number_text(number)
    assert float(text) == number
    assert "e" not in text
    assert not text.endswith(".0")


@LIMITS
@given(st.recursive(st.none() | texts | wholes | st.binary(max_size=4) | days, lambda one: st.lists(one, max_size=3)))
def test_values_are_plain_once_they_are(cell: Any) -> None:
    """A plain value stays what it is, and all of it can be written as JSON."""
    value = plain_value(cell)
    assert plain_value(value) == value
    json.dumps(value)


@LIMITS
@given(
    st.lists(st.lists(st.none() | wholes, max_size=5), max_size=5),
    st.lists(texts.filter(str.strip), min_size=2, max_size=5, unique_by=str.strip),
    st.lists(st.lists(st.none() | wholes | days, min_size=1, max_size=5), max_size=5),
)
def test_a_row_of_names_among_numbers_is_the_header(above: list[Any], header: list[str], below: list[Any]) -> None:
    """Whatever numbers stand above and below it, the only row of texts is found."""
    assert header_row([*above, header, *below]) == len(above)
