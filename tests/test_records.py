"""Records: what is valid, in which form it is sent, and what is told about the rest."""

import csv
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import UsageError
from importer.mapping import bind, identity_mapping, parse_mapping
from importer.model import Problem, Record, Rejection, Row
from importer.problems import RECORD_CODES
from importer.properties import NAME_CHARACTERS_MAX, TEXT_CHARACTERS_MAX, WRITABLE
from importer.records import RecordMaker, RecordPolicy

MAPPINGS = Path(__file__).resolve().parents[1] / "config" / "mappings"


def row(cells: Mapping[str, Any]) -> Row:
    """Return a row with these cells."""
    return Row("campaigns.csv", 0, 2, 0, cells)


def maker(*columns: str, **policy: Any) -> RecordMaker:
    """Return a maker for columns that carry the names of properties; those of the key may have any name."""
    names = columns or WRITABLE
    return RecordMaker(RecordPolicy(**policy), bind(identity_mapping(names, key=policy.get("key", ())), names))


def mapped(properties: str, columns: str, **policy: Any) -> RecordMaker:
    """Return a maker for a mapping with these properties and columns (in words)."""
    mapping = parse_mapping(tomllib.loads("[properties]\n" + properties), name="test")
    return RecordMaker(RecordPolicy(**policy), bind(mapping, columns.split()))


def record(made: Record | Rejection) -> Record:
    """Return `made` as the record that it must be."""
    assert isinstance(made, Record), made
    return made


def problems(made: Record | Rejection) -> list[Problem]:
    """Return the problems of what must be a rejection; each has a code of the registry and a column."""
    assert isinstance(made, Rejection), made
    assert all(one.code in RECORD_CODES and one.column for one in made.problems)
    return list(made.problems)


def codes(made: Record | Rejection) -> list[tuple[str, str | None]]:
    """Return code and column of each problem."""
    return [(one.code, one.column) for one in problems(made)]


# Records


def test_a_valid_row() -> None:
    """A valid row becomes a record: trimmed, codes in HubSpot's case, content told by the identity of all of it."""
    cells = {
        "hs_name": " Sale ",
        "hs_start_date": "2026-03-31",
        "hs_end_date": "2026-03-31",
        "hs_campaign_status": "IN_Progress",
        "hs_currency_code": "eur",
        "hs_notes": "two\nlines\tand 🎉 zero\u200dwidth",
    }
    made = record(maker().make(row(cells)))
    assert made.properties == {
        **cells,
        "hs_name": "Sale",
        "hs_campaign_status": "in_progress",
        "hs_currency_code": "EUR",
    }
    assert (made.name, made.content, made.mends) == ("Sale", made.identity[:16], None)
    assert len(made.identity) == 32


@pytest.mark.parametrize(
    ("cells", "code", "column", "words"),
    [
        ({"hs_name": " "}, "name_missing", "hs_name", "blank"),
        ({"hs_name": ["x"]}, "not_plain", "hs_name", "a list"),
        ({"hs_start_date": "31.03.2026"}, "invalid_date", "hs_start_date", "like 2026-03-31"),
        ({"hs_start_date": "2026-02-30"}, "invalid_date", "hs_start_date", "no day of the calendar"),
        ({"hs_end_date": "20260331"}, "invalid_date", "hs_end_date", "like 2026-03-31"),
        ({"hs_end_date": "2026-W01-1"}, "invalid_date", "hs_end_date", "like 2026-03-31"),
        ({"hs_end_date": "٢٠٢٦-٠٣-٣١"}, "invalid_date", "hs_end_date", "like 2026-03-31"),
        ({"hs_start_date": "2026-03-31", "hs_end_date": "2026-03-30"}, "dates_reversed", "hs_end_date", "before"),
        ({"hs_campaign_status": "done"}, "invalid_choice", "hs_campaign_status", "planned"),
        ({"hs_currency_code": "EURO"}, "invalid_currency", "hs_currency_code", "three letters"),
        ({"hs_currency_code": "€"}, "invalid_currency", "hs_currency_code", "three letters"),
        ({"hs_name": "x" * (NAME_CHARACTERS_MAX + 1)}, "value_too_long", "hs_name", "1,025 characters"),
        ({"hs_name": "x" * (TEXT_CHARACTERS_MAX + 1)}, "value_too_long", "hs_name", "65,537 characters"),
        ({"hs_notes": "x" * (TEXT_CHARACTERS_MAX + 1)}, "value_too_long", "hs_notes", "65,537 characters"),
        ({"hs_notes": "a\x00b"}, "invalid_character", "hs_notes", "U+0000"),
        ({"hs_notes": "a\x1bb"}, "invalid_character", "hs_notes", "U+001B"),
        ({"hs_notes": "a\ud800b"}, "invalid_character", "hs_notes", "U+D800"),
        ({"hs_notes": "it\x92s"}, "invalid_character", "hs_notes", "U+0092"),
    ],
)
def test_one_fault(cells: dict[str, Any], code: str, column: str, words: str) -> None:
    """Each fault alone gives exactly one problem, at its column, with words that help and no long values."""
    (found,) = problems(maker().make(row({"hs_name": "n", **cells})))
    assert (found.code, found.column) == (code, column)
    assert words in found.message
    assert len(found.message) < 250


@pytest.mark.parametrize(
    ("cells", "fix"),
    [
        ({"hs_start_date": "2026-03-31T09:30:00Z"}, 'Did you mean "2026-03-31"?'),
        ({"hs_start_date": "1774915200000"}, 'Did you mean "2026-03-31"?'),
        ({"hs_campaign_status": "In Progress"}, 'Did you mean "in_progress"?'),
        ({"hs_campaign_status": "complete"}, 'Did you mean "completed"?'),
        ({"hs_notes": "it\x92s"}, "--encoding"),
    ],
)
def test_near_misses_are_suggested(cells: dict[str, str], fix: str) -> None:
    """Where the right value can be guessed it is suggested, never sent unasked."""
    (found,) = problems(maker().make(row({"hs_name": "n", **cells})))
    assert fix in (found.fix or "")


def test_all_faults_at_once_told_at_the_columns_of_the_source() -> None:
    """Faults of mapping, values and key come together, each at the source column which causes it."""
    make = mapped(
        """
        hs_name = "Title"
        hs_start_date = { column = "From", date = "iso" }
        hs_end_date = "To"
        hs_currency_code = "Money"
        """,
        "Title From To Money Id",
        key=("Id",),
    ).make
    made = make(row({"Title": "", "From": "soon", "To": "later", "Money": "yen!", "Id": " "}))
    assert codes(made) == [
        ("invalid_date", "From"),
        ("invalid_date", "To"),
        ("invalid_currency", "Money"),
        ("name_missing", "Title"),
        ("key_missing", "Id"),
    ]
    assert isinstance(made, Rejection)
    assert (made.identity, made.name) == (None, None)


def test_rejections_carry_identity_and_name_where_they_can_be_told() -> None:
    """A row with a key and a name but a bad date is rejected under its identity and its name."""
    make = maker("Id", *WRITABLE, key=("Id",)).make
    good = record(make(row({"Id": "7", "hs_name": "n"})))
    bad = make(row({"Id": "7", "hs_name": "n", "hs_end_date": "x"}))
    assert isinstance(bad, Rejection)
    assert (bad.identity, bad.name) == (good.identity, "n")
    keyless = maker().make(row({"hs_name": "n", "hs_end_date": "x"}))
    assert isinstance(keyless, Rejection)
    assert keyless.identity is None


def test_a_cell_that_is_not_plain_is_told_once() -> None:
    """A list in a column which feeds the name and the key is one problem, not three."""
    assert codes(mapped('hs_name = "A"', "A", key=("A",)).make(row({"A": []}))) == [("not_plain", "A")]
    assert codes(mapped('hs_name = "A"', "A", key=("hs_name",)).make(row({"A": []}))) == [("not_plain", "A")]


def test_statuses_may_be_others_or_any() -> None:
    """An account with other statuses names them, or switches the check off; then they are sent as they stand."""
    other, free = maker(statuses=frozenset({"won"})), maker(statuses=None)
    cells = {"hs_name": "n", "hs_campaign_status": "Won"}
    assert record(other.make(row(cells))).properties["hs_campaign_status"] == "won"
    assert record(free.make(row(cells))).properties["hs_campaign_status"] == "Won"


@pytest.mark.parametrize(
    ("cell", "mends"), [("0" * 31 + "f", "0" * 31 + "f"), ("0" * 31, None), ("G" * 32, None), (7, None), (None, None)]
)
def test_the_identity_column_of_a_failures_file(cell: Any, mends: str | None) -> None:
    """A failures file's `_identity` tells which record its row mends; anything else there is passed over."""
    assert record(maker().make(row({"hs_name": "n", "_identity": cell}))).mends == mends


# Construction


@pytest.mark.parametrize(
    ("properties", "what"),
    [
        ('hs_name = "A"\nhs_goal = "A"', "HubSpot has given it up"),
        ('hs_name = "A"\nstart_date = "A"', "did you mean hs_start_date"),
        ('hs_name = "A"\nhs_campaign_status = { constant = "complete" }', r'"complete" is not one of'),
        ('hs_name = "A"\nhs_end_date = { column = "A", default = "never" }', r'"never" is not a date'),
        ('hs_name = "A"\nhs_campaign_status = { column = "A", values = { x = "y" } }', r'"y" is not one of'),
        (
            'hs_name = "A"\nhs_currency_code = { column = "A", values = { x = "EUR" }, otherwise = { value = "$" } }',
            "three letters",
        ),
    ],
)
def test_a_mapping_that_cannot_work_ends_the_run(properties: str, what: str) -> None:
    """Properties that cannot be sent, and values of the mapping's own that are wrong, are told before any row."""
    with pytest.raises(UsageError, match=what) as caught:
        mapped(properties, "A")
    assert caught.value.message.startswith('mapping "test": ')


def test_allowed_properties_pass() -> None:
    """What the user vouches for is sent."""
    make = mapped('hs_name = "A"\nhs_goal = "A"', "A", allow_properties=frozenset({"hs_goal"})).make
    assert record(make(row({"A": "n"}))).properties == {"hs_name": "n", "hs_goal": "n"}


@pytest.mark.parametrize(
    ("properties", "key", "what"),
    [
        ('hs_name = "A"', ("Idd",), 'did you mean "Id"'),
        ('hs_name = "A"\nhs_notes = { column = "B", optional = true }', ("hs_notes",), "neither a column"),
        ('hs_name = "A"\nhs_notes = { constant = "x" }', ("hs_notes",), "is a constant"),
    ],
)
def test_impossible_keys(properties: str, key: tuple[str, ...], what: str) -> None:
    """A key which is not there, or is the same in every row, ends the run before anything is sent."""
    with pytest.raises(UsageError, match=what):
        mapped(properties, "A Id", key=key)


@pytest.mark.parametrize("name", ["hs_utm", "hs_notes", "Import Key"])
def test_impossible_correlation_properties(name: str) -> None:
    """The correlation property is a custom one which nothing else fills."""
    with pytest.raises(UsageError, match="correlation property"):
        maker("hs_name", correlation=name)


# Whatever comes


CELLS = st.one_of(st.text(max_size=20), st.none(), st.booleans(), st.integers(), st.floats(), st.lists(st.text()))


@settings(deadline=None)
@given(cells=st.dictionaries(st.sampled_from([*WRITABLE, "other"]), CELLS))
def test_any_row_is_a_record_or_a_rejection(cells: dict[str, Any]) -> None:
    """No row breaks the station; a record can be encoded, and a rejection says why."""
    made = maker().make(row(cells))
    if isinstance(made, Record):
        assert json.dumps(made.properties, ensure_ascii=False).encode()
        assert made.properties["hs_name"] == made.name
        assert all(made.properties.values())
    else:
        assert problems(made)


@pytest.mark.parametrize(("name", "count"), [("salesforce", 8), ("mailchimp", 43)])
def test_real_exports(name: str, count: int, shared: Path) -> None:
    """Every row of the real exports is a record of its own, equal names or not."""
    mapping = parse_mapping(tomllib.loads((MAPPINGS / f"{name}.toml").read_text("utf-8")), name=name)
    with (shared / "data" / f"{name}-campaigns.csv").open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        bound = bind(mapping, reader.fieldnames or ())
        at_work = RecordMaker(RecordPolicy(key=mapping.key, key_space=mapping.name), bound)
        made = [record(at_work.make(row(cells))) for cells in reader]
    assert len(made) == len({one.identity for one in made}) == count
    assert len({one.name for one in made}) < count
