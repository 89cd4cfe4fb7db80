"""Rules: what a mapping file may say, and what is told when it says it wrongly."""

import tomllib

import pytest

from importer.errors import UsageError
from importer.mapping import CampaignMapping, parse_mapping


def parsed(text: str, name: str = "test") -> CampaignMapping:
    """Return the mapping of TOML text."""
    return parse_mapping(tomllib.loads(text), name=name)


def test_short_and_long_forms_are_one() -> None:
    """A bare column name and a table with a column say the same."""
    short, long = parsed('properties.hs_name = "A"'), parsed('properties.hs_name = { column = "A" }')
    assert short.rules == long.rules
    assert short.rules[0].described == {"column": "A"}


def test_name_key_and_ignore() -> None:
    """The file's name stands in for a missing name; a single key may stand without a list."""
    made = parsed('key = "Id"\nignore = ["X", "X"]\nproperties.hs_name = "A"', name="file")
    assert (made.name, made.key, made.ignore) == ("file", ("Id",), frozenset({"X"}))
    assert parsed('name = "mine"\nproperties.hs_name = "A"', name="file").name == "mine"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "properties.hs_name is missing"),
        ("properties = 3", "properties.hs_name is missing"),
        ('[properties]\nhs_notes = "A"', "properties.hs_name is missing"),
        ('propertys.hs_name = "A"\nproperties.hs_name = "A"', 'unknown key "propertys" .did you mean "properties"'),
        ("name = 3\nproperties.hs_name = 'A'", "name: is not text"),
        ("key = 3\nproperties.hs_name = 'A'", "key: is not a list"),
        ("key = [3]\nproperties.hs_name = 'A'", "key: is not text"),
        ("key = ['']\nproperties.hs_name = 'A'", "key: is blank"),
        ("properties.hs_name = 3", "properties.hs_name: is neither the name of a column nor a table"),
        ("properties.hs_name = ' '", "properties.hs_name.column: is blank"),
        ("properties.hs_name = { colunm = 'A' }", 'unknown key "colunm" .did you mean "column"'),
        ("properties.hs_name = { optional = true }", "has none"),
        ("properties.hs_name = { column = 'A', constant = 'B' }", "has column and constant"),
        ("properties.hs_name = { column = 'A', optional = 'yes' }", "neither true nor false"),
        ("properties.hs_name = { constant = 5 }", "constant: is not text; write it in quotes"),
        ("properties.hs_name = { constant = 'A', default = 'B' }", "default does not go with constant"),
        ("properties.hs_name = { template = '{A}', date = 'iso' }", "date does not go with template"),
        ("properties.hs_name = { template = 'A' }", "names no column"),
        ("properties.hs_name = { column = 'A', date = 'iso', values = {} }", "date does not go with values"),
        ("properties.hs_name = { column = 'A', otherwise = 'keep' }", "there is no values"),
        ("properties.hs_name = { column = 'A', date = '%Q' }", "holds %Q"),
        ("properties.hs_name = { column = 'A', date = 3 }", "date: is not a list"),
        ("properties.hs_name = { column = 'A', values = 'B' }", "values: is not a table"),
        ("properties.hs_name = { column = 'A', values = { B = 1 } }", "values.B: is not text"),
        ("properties.hs_name = { column = 'A', values = { B = 'c' }, otherwise = 'fial' }", 'did you mean "fail"'),
        ("properties.hs_name = { column = 'A', values = { B = 'c' }, otherwise = 3 }", "otherwise: is not fail"),
        ("properties.hs_name = { column = 'A', values = { B = 'c' }, otherwise = { v = 'x' } }", 'unknown key "v"'),
        ("properties.hs_name = { column = 'A', values = { B = 'c' }, otherwise = {} }", "otherwise.value: is not text"),
    ],
)
def test_wrong_mappings_are_refused(text: str, what: str) -> None:
    """Everything wrong in a mapping is refused with the mapping's name, the place, the cause and a remedy."""
    with pytest.raises(UsageError, match=what) as caught:
        parsed(text)
    assert caught.value.message.startswith('mapping "test": ')
    assert caught.value.hint
