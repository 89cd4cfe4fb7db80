"""The canonical form: what counts as the same content, and what does not."""

import sys
import unicodedata
from datetime import date
from typing import Literal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from importer import canonical

FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
QUICK = settings(deadline=None, max_examples=200)
names = st.sampled_from(["hs_name", "hs_notes", "hs_start_date", "hs_currency_code", "hs_business_unit_ids"])
values = st.text(st.sampled_from("aB \t\n\u00a0\u2003e\u0301\u00e9\u212b0-T1:"), max_size=12) | st.text(max_size=8)
properties = st.dictionaries(names, values)


@QUICK
@given(values)
def test_text_is_a_fixed_point(value: str) -> None:
    """Taking the form twice changes nothing, and it holds no outer or double white space."""
    form = canonical.text(value)

    assert canonical.text(form) == form
    assert form == " ".join(form.split())


@QUICK
@given(values, st.sampled_from(FORMS), st.sampled_from(["", " ", "\t\u00a0"]))
def test_spelling_does_not_count(value: str, normal_form: Literal["NFC", "NFD"], padding: str) -> None:
    """Normal form, padding and the kind of white space make no other text."""
    respelt = unicodedata.normalize(normal_form, value)

    assert canonical.text(f"{padding}{respelt}{padding}") == canonical.text(value)
    assert canonical.text(value.replace(" ", "\u2003 ")) == canonical.text(value)


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2024-05-01", "2024-05-01"),
        (" 2024-05-01 ", "2024-05-01"),
        ("2024-05-01T23:59:59+02:00", "2024-05-01"),
        ("2024-05-01 08:00", "2024-05-01"),
        ("1714521600000", "2024-05-01"),
        ("1714521600", "1714521600"),
        ("2024-05-01x", "2024-05-01x"),
        ("1. Mai 2024", "1. Mai 2024"),
        ("", ""),
    ],
)
def test_a_date_is_its_day(value: str, day: str) -> None:
    """Date-times and epoch milliseconds are cut to the day; what is no date stays text."""
    assert canonical.day(value) == day


@QUICK
@given(st.dates(min_value=date(1974, 1, 1)))
def test_every_spelling_of_a_day_is_that_day(day: date) -> None:
    """Any day written as a date-time is that day."""
    assert canonical.day(f"{day}T00:00:00.000Z") == canonical.day(str(day)) == str(day)


def test_only_codes_lose_their_case() -> None:
    """EUR and eur are one currency; Spring and spring are two names, though one name key."""
    assert canonical.value_of("hs_currency_code", "EUR") == canonical.value_of("hs_currency_code", " eur")
    assert canonical.value_of("hs_name", "Spring") != canonical.value_of("hs_name", "spring")
    assert canonical.name_key(" Spring") == canonical.name_key("spring")


@QUICK
@given(properties)
def test_a_form_is_a_fixed_point_without_empties(sent: dict[str, str]) -> None:
    """The form of a form is itself, holds no empty value and nothing that was left out."""
    form = canonical.form(sent)

    assert canonical.form(form) == form
    assert all(form.values())
    assert canonical.NOT_ECHOED.isdisjoint(form)


@QUICK
@given(properties, properties)
def test_digests_are_equal_when_forms_are(one: dict[str, str], other: dict[str, str]) -> None:
    """The digest tells contents apart exactly as the whole form does, in any order of properties."""
    same = canonical.form(one, without=()) == canonical.form(other, without=())

    assert (canonical.digest(one) == canonical.digest(other)) is same
    assert canonical.digest(dict(reversed(one.items()))) == canonical.digest(one)


def test_a_digest_keeps_names_and_values_apart() -> None:
    """Where a value ends and the next name starts is part of the digest."""
    assert canonical.digest({"a": "b", "c": "d"}) != canonical.digest({"a": "bc", "d": ""})
    assert canonical.digest({"ab": "c"}) != canonical.digest({"a": "bc"})


def test_characters_said_to_be_in_nfc_are() -> None:
    """Every character that is passed without a look is in NFC, and changes nothing that stands beside it."""
    for code in (*range(0xD800), *range(0xE000, sys.maxunicode + 1)):
        if canonical.is_plainly_nfc(written := chr(code).encode()):
            assert unicodedata.normalize("NFC", chr(code)) == chr(code)
            assert unicodedata.combining(chr(code)) == 0
            assert canonical.nfc(written) == written


@QUICK
@given(st.text())
def test_bytes_come_to_nfc_as_texts_do(text: str) -> None:
    """UTF-8 in, the UTF-8 of the text's NFC out."""
    assume(text.isprintable())
    assert canonical.nfc(text.encode()) == unicodedata.normalize("NFC", text).encode()


@QUICK
@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(st.text(max_size=3), min_size=width, max_size=width), min_size=1)
    )
)
def test_rows_are_framed_as_mappings_are(table: list[list[str]]) -> None:
    """A table is framed as each of its rows would be, its blanks left out."""
    names = ["a", "b", "ç", "ñ"][: len(table[0])]
    table = [[cell if cell.isprintable() else "" for cell in row] for row in table]
    want = [canonical.framed({name: cell for name, cell in zip(names, row, strict=True) if cell}) for row in table]
    assert canonical.framed_rows(names, list(zip(*table, strict=True))) == want
