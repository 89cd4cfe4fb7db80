"""Records by the column are the records that are made row by row, whatever the rows hold."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer import canonical
from importer.columnar import ColumnarMaker
from importer.mapping import bind, identity_mapping, parse_mapping
from importer.model import Problem, Record, Rejection, Row
from importer.properties import NAME_CHARACTERS_MAX, TEXT_CHARACTERS_MAX
from importer.records import RecordMaker, RecordPolicy
from tests.depth import examples

COLUMNS = ("hs_name", "hs_start_date", "hs_end_date", "hs_campaign_status", "hs_currency_code", "hs_notes", "own")
MAPPED = """
[properties]
hs_name = "hs_name"
hs_start_date = { column = "hs_start_date", date = ["%d.%m.%Y", "iso"] }
hs_end_date = { column = "hs_end_date", default = "2026-12-31" }
hs_campaign_status = { column = "hs_campaign_status", values = { on = "active", off = "paused" } }
hs_currency_code = { constant = "EUR" }
hs_notes = { column = "hs_notes", default = "none" }
own = { column = "own", optional = true }
"""
TEMPLATE = '[properties]\nhs_name = "hs_name"\nhs_notes = { template = "{hs_notes}[ ({own})]" }\n'
SOUND = st.sampled_from(["Sale", "Café", "Cafe\u0301", "été  two", "x" * 40, "n"])
ODD = st.sampled_from(
    ["", " ", " padded ", "a  b", "two\nlines", "tab\tin", "\x07", "\u0301", "\x00", "e\u0301", "\x85", "\ufeff"]
)
LONG = st.sampled_from(["x" * (NAME_CHARACTERS_MAX + 1), "y" * (TEXT_CHARACTERS_MAX + 1)])
DAYS = st.sampled_from(["2026-03-31", "2026-02-30", "2025-01-01", "31.03.2026", "2026-03-31T10:00:00Z", "soon", ""])
CODES = st.sampled_from(["EUR", "eur", "Planned", "ACTIVE", "on", "off", "ON", "euros", "dollar", ""])
UNTEXT = st.sampled_from([None, 7, 1.5, True, [1], {"a": 1}, 10**30])
CELL = SOUND | ODD | LONG | DAYS | CODES | UNTEXT
TEXTS = {"hs_start_date": DAYS, "hs_end_date": DAYS, "hs_campaign_status": CODES, "hs_currency_code": CODES}
POLICIES = [
    {},
    {"key": ("own",)},
    {"key": ("hs_name", "own"), "key_space": "é"},
    {"key": ("hs_start_date",)},
    {"correlation": "import_key"},
    {"statuses": None},
    {"statuses": None, "key": ("own",)},
]


def maker_of(kind: str, columns: Sequence[str], policy: Mapping[str, Any]) -> RecordMaker:
    """Return a maker without a mapping, with one, or with one that fills a template."""
    rules = RecordPolicy(**({"allow_properties": frozenset({"own"})} | dict(policy)))
    if kind == "identity":
        mapping = identity_mapping(columns, key=rules.key, allow=rules.allow_properties)
    else:
        mapping = parse_mapping(tomllib.loads({"mapped": MAPPED, "template": TEMPLATE}[kind]), name="m")
    return RecordMaker(rules, bind(mapping, columns))


def chunk_of(rows: Sequence[Mapping[str, Any] | None]) -> list[Row | Rejection]:
    """Return a chunk with these cells; None stands for a row which the source has rejected."""
    made = [Row("s", at, at + 2, at * 10, cells or {}) for at, cells in enumerate(rows)]
    return [
        Rejection(row, (Problem("row_ragged", "broken"),)) if cells is None else row
        for row, cells in zip(made, rows, strict=True)
    ]


def row_by_row(maker: RecordMaker, chunk: Sequence[Row | Rejection]) -> list[Record | Rejection]:
    """Return what the rows are, each on its own."""
    return [maker.make(item) if isinstance(item, Row) else item for item in chunk]


TABLE_ROW = st.fixed_dictionaries({name: TEXTS.get(name, SOUND) for name in COLUMNS})
WILD_ROW = st.fixed_dictionaries(dict.fromkeys(COLUMNS, CELL))
OBJECT = st.dictionaries(st.sampled_from([*COLUMNS, "stray", "_identity", "hs_utm"]), CELL, max_size=9)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("kind", ["identity", "mapped", "template"])
@settings(max_examples=examples(15, deep=200), deadline=None)
@given(rows=st.lists(TABLE_ROW | WILD_ROW | OBJECT | st.none(), max_size=12))
@example(rows=[dict.fromkeys(COLUMNS, "x") | {"hs_start_date": "2026-01-02", "hs_end_date": "2026-01-01"}])
@example(rows=[{"hs_name": "n", "_identity": "0" * 32}])
@example(rows=[dict.fromkeys(COLUMNS, "x"), dict.fromkeys(COLUMNS, "lone \ud800")])
@example(rows=[dict.fromkeys(COLUMNS, "x"), dict.fromkeys(COLUMNS, "x") | {"hs_audience": "lone \ud800"}])
def test_a_chunk_is_its_rows(kind: str, policy: Mapping[str, Any], rows: list[Mapping[str, Any] | None]) -> None:
    """Records, rejections, their order and all that is told of them are those of the rows one by one."""
    maker = maker_of(kind, COLUMNS, policy)
    chunk = chunk_of(rows)
    assert ColumnarMaker(maker).make_all(chunk) == row_by_row(maker, chunk)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@settings(max_examples=examples(10, deep=200), deadline=None)
@given(rows=st.lists(TABLE_ROW, min_size=1, max_size=30))
def test_sound_rows_are_made_by_the_column(policy: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> None:
    """What `make` is asked for are the rows that it rejects, and no others: the fast way is taken."""
    maker = maker_of("identity", COLUMNS, policy)
    chunk = chunk_of(rows)
    expected = row_by_row(maker, chunk)
    asked: list[Row] = []

    def make(row: Row) -> Record | Rejection:
        asked.append(row)
        return RecordMaker.make(maker, row)

    maker.make = make  # type: ignore[method-assign] # to see what is asked
    assert ColumnarMaker(maker).make_all(chunk) == expected
    assert sorted(asked) == sorted(item.row for item in expected if isinstance(item, Rejection))


def test_failures_files_are_read_row_by_row() -> None:
    """A column of identities that rows mend is listened to."""
    maker = maker_of("identity", ("hs_name", "_identity"), {})
    chunk = chunk_of([{"hs_name": "n", "_identity": "0" * 32}])
    made = ColumnarMaker(maker).make_all(chunk)
    assert isinstance(made[0], Record)
    assert made[0].mends == "0" * 32


def test_what_was_read_is_forgotten_in_time() -> None:
    """A column of endless different values does not fill the memory."""
    columnar = ColumnarMaker(maker_of("mapped", COLUMNS, {}))
    for first in range(0, 30_000, 1_000):
        rows = [dict.fromkeys(COLUMNS, "") | {"hs_name": "n", "hs_notes": str(first + n)} for n in range(1_000)]
        columnar.make_all(chunk_of(rows))
    assert all(len(column.memory or ()) <= 10_000 for column in columnar.columns)


@given(st.lists(SOUND | DAYS | CODES, max_size=8))
def test_content_of_a_key_is_the_canonical_digest(texts: list[str]) -> None:
    """With a key, the content is the digest of all that is sent, in canonical form."""
    maker = maker_of("identity", COLUMNS, {"key": ("own",)})
    rows = [dict.fromkeys(COLUMNS, "") | {"hs_name": f"{text} n", "hs_notes": text, "own": "1"} for text in texts]
    for made in ColumnarMaker(maker).make_all(chunk_of(rows)):
        assert isinstance(made, Record)
        assert made.content == canonical.digest(made.properties)
