"""Identity: when two rows are the same campaign, and what that depends on."""

import json
import tomllib
import unicodedata
from collections.abc import Mapping
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from importer.mapping import bind, identity_mapping, parse_mapping
from importer.model import Record, Rejection, Row
from importer.properties import WRITABLE
from importer.records import RecordMaker, RecordPolicy, occurrence, scheme

#: Text that can be sent: no control characters, no lone surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=30)
FILLED = TEXT.filter(str.strip)
SPACE = st.text(" \t\n\u00a0\u2003", max_size=3)


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


@settings(deadline=None)
@given(cells=st.dictionaries(st.sampled_from(["a", "b", "c"]), FILLED, min_size=3), data=st.data())
def test_the_order_of_columns_does_not_matter(cells: dict[str, str], data: st.DataObject) -> None:
    """Columns may stand in any order, and the key may be named in any order."""
    cells = {**cells, "hs_name": "n"}
    shuffled = {name: cells[name] for name in data.draw(st.permutations(list(cells)))}
    key = data.draw(st.permutations(["a", "b", "c"]))
    one = record(maker(*cells, key=("a", "b", "c")).make(row(cells)))
    two = record(maker(*shuffled, key=tuple(key)).make(row(shuffled)))
    assert one.identity == two.identity
    keyless = {"hs_name": cells["a"], "hs_notes": cells["b"], "hs_audience": cells["c"]}
    backwards = dict(reversed(keyless.items()))
    assert (
        record(maker(*keyless).make(row(keyless))).identity == record(maker(*backwards).make(row(backwards))).identity
    )


@settings(deadline=None)
@given(value=FILLED, before=SPACE, after=SPACE)
def test_space_and_composition_do_not_matter_but_case_does(value: str, before: str, after: str) -> None:
    """White space around a key and Unicode composition make no other campaign; another case does."""
    make = maker("Id", "hs_name", key=("Id",)).make

    def identity(key: str) -> str:
        return record(make(row({"Id": key, "hs_name": "n"}))).identity

    assert identity(before + value + after) == identity(value) == identity(unicodedata.normalize("NFD", value))
    lower, upper = (unicodedata.normalize("NFC", form.strip()) for form in (value.lower(), value.upper()))
    assert (identity(value.lower()) == identity(value.upper())) is (lower == upper)


@settings(deadline=None)
@given(
    cells=st.fixed_dictionaries({"a": FILLED, "b": FILLED}), others=st.fixed_dictionaries({"a": FILLED, "b": FILLED})
)
def test_no_two_keys_collide(cells: dict[str, str], others: dict[str, str]) -> None:
    """Different keys are different campaigns."""
    clean = [
        {name: unicodedata.normalize("NFC", text).strip() for name, text in one.items()} for one in (cells, others)
    ]
    make = maker("a", "b", "hs_name", key=("a", "b")).make
    one, two = (record(make(row({**each, "hs_name": "n"}))).identity for each in (cells, others))
    assert (one == two) is (clean[0] == clean[1])


@settings(deadline=None)
@given(text=st.text("abc|=\x1f,0", min_size=2), at=st.integers(1, 40), also_at=st.integers(1, 40))
def test_moving_characters_between_columns_makes_another_campaign(text: str, at: int, also_at: int) -> None:
    """Cut one text into two key columns at two places: the identities differ, since every part carries its length."""
    cuts = [cut % (len(text) - 1) + 1 for cut in (at, also_at)]
    assume(cuts[0] != cuts[1])
    make = maker("a", "b", "hs_name", key=("a", "b")).make
    made = [make(row({"a": text[:cut], "b": text[cut:], "hs_name": "n"})) for cut in cuts]
    assume(all(isinstance(one, Record) for one in made))  # a part of white space alone is a blank key
    cells = [{name: str(one.row.cells[name]).strip() for name in "ab"} for one in made if one.row.cells]
    assume(cells[0] != cells[1])
    assert record(made[0]).identity != record(made[1]).identity


def test_key_spaces_and_column_names_keep_keys_apart() -> None:
    """The same id in another key space, or in another column, is another campaign."""
    identities = [
        record(maker(key, "hs_name", key=(key,), key_space=space).make(row({key: "1", "hs_name": "n"}))).identity
        for key, space in (("Id", ""), ("Id", "a"), ("Id", "b"), ("No", "a"))
    ]
    assert len(set(identities)) == len(identities)


def test_keyless_rows_are_all_that_is_sent() -> None:
    """Without a key any property that is sent makes another campaign; blank cells and unsent columns do not."""
    make = maker().make
    one = record(make(row({"hs_name": "n", "hs_notes": "a"})))
    assert record(make(row({"hs_name": "n", "hs_notes": "b"}))).identity != one.identity
    assert record(make(row({"hs_name": "n"}))).identity != one.identity
    assert record(make(row({"hs_name": "n ", "hs_notes": "a", "hs_utm": " ", "_error": "x"}))).identity == one.identity


def test_json_and_csv_spell_one_key() -> None:
    """The number 7 and the text "7" are one key."""
    make = maker("Id", "hs_name", key=("Id",)).make
    assert len({record(make(row({"Id": key, "hs_name": "n"}))).identity for key in (7, "7", " 7")}) == 1


def test_identities_do_not_change_between_versions() -> None:
    """Ledgers hold identities for years: these change only with SCHEME_VERSION."""
    cells = {"Id": "701Ec", "hs_name": "Café 🎉"}
    assert (
        record(maker(*cells, key=("Id",), key_space="sf").make(row(cells))).identity
        == "cc6198b5497e31bae2242678314e1cd5"
    )
    assert record(maker("hs_name").make(row({"hs_name": "Café 🎉"}))).identity == "6681885ce804f305374847e59550ec2f"
    assert occurrence("0" * 32, 1) == "553e6c44223ed74272d16b9ae8871367"


def test_occurrences() -> None:
    """The 0-th repetition is the plain identity; all others differ, from each other and between identities."""
    assert occurrence("0" * 32, 0) == "0" * 32
    made = {occurrence(f"{one:032x}", n) for one in range(20) for n in range(20)}
    assert len(made) == 400


def test_twins_carry_their_own_correlation() -> None:
    """A repetition of a row is a record with its own identity, which its correlation property holds."""
    at_work = maker("hs_name", correlation="import_key")
    first = record(at_work.make(row({"hs_name": "n"})))
    second = at_work.twin(first, 1)
    assert at_work.twin(first, 0) is first
    assert first.properties == {"hs_name": "n", "import_key": first.identity}
    assert second.properties == {"hs_name": "n", "import_key": occurrence(first.identity, 1)}
    assert (second.identity, second.content) == (occurrence(first.identity, 1), first.content)
    plain = maker("hs_name")
    assert plain.twin(record(plain.make(row({"hs_name": "n"}))), 2).properties == {"hs_name": "n"}


def test_correlation_is_no_part_of_identity_or_content() -> None:
    """Switching the correlation property on makes no other campaigns and no changed ones."""
    cells = row({"hs_name": "n", "hs_notes": "x"})
    with_it, without = record(maker(correlation="import_key").make(cells)), record(maker().make(cells))
    assert (with_it.identity, with_it.content) == (without.identity, without.content)


# Scheme


def test_scheme_of_a_key() -> None:
    """The scheme names key space and key columns in their order, and how a property of the key is made."""
    at_work = mapped('hs_name = { column = "A", default = "x" }', "A Id", key=("hs_name", "Id"), key_space="s")
    assert at_work.scheme == {
        "version": 2,
        "key_space": "s",
        "key": [{"column": "Id"}, {"property": "hs_name", "rule": {"column": "A", "default": "x"}}],
    }
    assert at_work.scheme == json.loads(json.dumps(at_work.scheme))


def test_keyless_scheme_is_how_the_name_is_made() -> None:
    """Without a key the scheme changes with the rule of the name and with nothing else."""
    plain, noted, other = (
        bind(parse_mapping(tomllib.loads("[properties]\n" + text), name="m"), ["A", "B"])
        for text in ('hs_name = "A"', 'hs_name = "A"\nhs_notes = "B"', 'hs_name = "B"')
    )
    schemes = [scheme(RecordPolicy(), bound) for bound in (plain, noted, other)]
    assert schemes[0] == {"version": 2, "key_space": "", "key": [], "name_rule": {"column": "A"}}
    assert schemes[0] == schemes[1] != schemes[2]
