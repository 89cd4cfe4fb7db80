"""Value codecs: dates, choices, templates, plain text."""

import locale
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.codecs import Template, choice_codec, date_codec, parse_template, plain, shown
from importer.model import Problem

FORMATS = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y%m%d",
    "%d %B %Y",
    "%A, %d. %b %Y",
    "%b %d, %Y %I:%M %p",
    "%Y-%m-%dT%H:%M:%S.%f%z",
)
YEARS = st.dates(min_value=date(1000, 1, 1))
BLANKS = st.text(" \t", max_size=3)


def problem(made: str | Problem) -> Problem:
    """Return `made` as the problem that it must be."""
    assert isinstance(made, Problem)
    return made


# Plain text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (" Sale \n", "Sale"),
        (None, ""),
        ("\t ", ""),
        (1, "1"),
        (2.50, "2.5"),
        (True, "true"),
        (False, "false"),
        (-7, "-7"),
    ],
)
def test_plain_values(cell: Any, text: str) -> None:
    """Every plain JSON value has one text; white space around it and None say nothing."""
    assert plain(cell) == text


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        (["a"], "a list"),
        ({"a": 1}, "an object"),
        (float("nan"), "no finite number"),
        (float("inf"), "no finite number"),
    ],
)
def test_what_is_not_plain(cell: Any, kind: str) -> None:
    """Lists, objects and numbers that are none are a problem which names their kind."""
    found = problem(plain(cell))
    assert found.code == "not_plain"
    assert kind in found.message


def test_shown_is_short_and_harmless() -> None:
    """A value in a message is cut to 80 characters, and nothing in it can steer a terminal."""
    assert shown("x" * 81) == '"' + "x" * 80 + '…"'
    assert shown("a\x1b[31m\u202eb\x00") == '"a\\u001b[31m\\u202eb\\u0000"'


# Dates


@settings(deadline=None)
@given(day=YEARS, form=st.sampled_from(FORMATS), before=BLANKS, after=BLANKS)
def test_dates_round_trip(day: date, form: str, before: str, after: str) -> None:
    """What Python writes in a format is read back as the same day, whatever the case and the space around it."""
    written = before + datetime.combine(day, time(21, 46), UTC).strftime(form) + after
    for text in (written, written.upper(), written.lower()):
        assert date_codec([form])(text) == day.isoformat()


@settings(deadline=None)
@given(
    day=st.dates(), clock=st.sampled_from(["", "T09:30", " 23:59:59", "T00:00:00Z", "T01:02:03.456+0000", "t1200+02"])
)
def test_iso_gives_the_written_day(day: date, clock: str) -> None:
    """The day of an ISO date-time is the one that is written, whatever its zone."""
    assert date_codec(["iso"])(day.isoformat() + clock) == day.isoformat()


@settings(deadline=None)
@given(text=st.text(st.characters(codec="utf-8")), form=st.sampled_from((*FORMATS, "iso")))
def test_any_text_is_a_day_or_a_problem(text: str, form: str) -> None:
    """No text breaks the codec: it gives a real day or a problem."""
    made = date_codec([form])(text)
    assert isinstance(made, Problem) or date.fromisoformat(made).isoformat() == made


def test_mailchimp_date() -> None:
    """Mailchimp's dates are read, with lower-case am and pm and days of one digit."""
    read = date_codec(["%b %d, %Y %I:%M %p"])
    assert read("Jun 01, 2023 09:46 pm") == "2023-06-01"
    assert read("Sept 3,  2024 9:05 AM") == "2024-09-03"


def test_locale_does_not_matter() -> None:
    """Month names are English whatever the locale: no locale is asked."""
    before = locale.setlocale(locale.LC_TIME)
    try:
        for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "C"):
            try:
                locale.setlocale(locale.LC_TIME, name)
            except locale.Error:
                continue
            assert date_codec(["%d %B %Y"])("1 March 2026") == "2026-03-01"
    finally:
        locale.setlocale(locale.LC_TIME, before)


def test_short_years_turn_at_69() -> None:
    """Two-digit years follow POSIX: 69 is 1969, 68 is 2068."""
    read = date_codec(["%d.%m.%y"])
    assert (read("01.02.69"), read("01.02.68")) == ("1969-02-01", "2068-02-01")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("31/02/2026", "is no day of the calendar"),
        ("2026.02.01", "is not a date like 31/03/2026"),
        ("2026-02-30", "is not a date like 31/03/2026"),
        ("1/2/26", "is not a date like"),
        ("٣١/٠٣/٢٠٢٦", "is not a date like"),
        ("31/03/2026 09:00", "is not a date like"),
    ],
)
def test_bad_dates_say_why(text: str, cause: str) -> None:
    """A text that is no date says whether its shape or the calendar is against it, and shows the shape."""
    found = problem(date_codec(["%d/%m/%Y"])(text))
    assert (found.code, found.fix) == ("invalid_date", "Write it like 31/03/2026.")
    assert cause in found.message


def test_iso_dates_are_read_beside_any_format() -> None:
    """Typed dates of workbooks come in ISO form, whatever the format of texts; a format that matches goes first."""
    assert date_codec(["%d/%m/%Y"])("2026-02-01") == "2026-02-01"
    assert date_codec(["%b %d, %Y"])("2026-02-01T09:30:00") == "2026-02-01"
    assert date_codec(["%Y-%d-%m"])("2026-02-01") == "2026-01-02"
    assert problem(date_codec(["%Y-%d-%m"])("2026-02-13")).code == "invalid_date"


def test_dates_without_separators_need_two_digits() -> None:
    """2026111 could be two days, so digits without separators must be complete."""
    read = date_codec(["%Y%m%d"])
    assert read("20261101") == "2026-11-01"
    assert isinstance(read("2026111"), Problem)


def test_first_fitting_format_counts() -> None:
    """Several formats are tried in their order."""
    read = date_codec(["iso", "%d.%m.%Y"])
    assert (read("2026-03-31"), read("31.03.2026")) == ("2026-03-31", "2026-03-31")


@pytest.mark.parametrize(
    ("formats", "what"),
    [
        ([], "at least one"),
        (["%Y-%j"], "%j"),
        (["%Y-%m-%d %"], "holds %"),
        (["%Y-%m"], "day exactly once"),
        (["%d-%m"], "year exactly once"),
        (["%Y %y %m %d"], "year exactly once"),
        (["%Y-%m-%d %d"], "twice"),
        (["%d/%m/%Y", "%m/%d/%Y"], "ambiguous"),
        (["%d.%m.%y", "%y.%m.%d"], "ambiguous"),
    ],
)
def test_bad_formats_are_refused(formats: list[str], what: str) -> None:
    """A format that cannot name a day, or that another contradicts, is refused with the reason."""
    with pytest.raises(ValueError, match=what):
        date_codec(formats)


# Choices


def test_labels_in_any_case_and_spacing() -> None:
    """Labels are compared trimmed, with inner spaces collapsed, and whatever their case."""
    translate = choice_codec({"In Progress": "in_progress", "Dropped": ""})
    assert translate("  in   PROGRESS") == "in_progress"
    assert translate("dropped") == ""


def test_unknown_label_fails_with_a_near_miss() -> None:
    """An unknown label is a problem which names the nearest label."""
    found = problem(choice_codec({"Completed": "completed"})("Complete"))
    assert found.code == "invalid_choice"
    assert found.fix is not None
    assert 'Did you mean "Completed"?' in found.fix
    assert problem(choice_codec({"Completed": "completed"})("xyz")).fix is None


@pytest.mark.parametrize(("otherwise", "made"), [("keep", "Other"), ("drop", ""), ({"value": "active"}, "active")])
def test_otherwise(otherwise: Any, made: str) -> None:
    """An unknown label is kept, dropped or replaced, as the mapping says."""
    assert choice_codec({"A": "b"}, otherwise)("Other") == made


@pytest.mark.parametrize(
    ("values", "otherwise", "what"),
    [
        ({}, "fail", "at least one label"),
        ({"A": "x", "a ": "y"}, "fail", "twice"),
        ({"A": "x"}, "kep", 'did you mean "keep"'),
    ],
)
def test_bad_choices_are_refused(values: dict[str, str], otherwise: str, what: str) -> None:
    """Labels that contradict each other, or an unknown otherwise, are refused with the reason."""
    with pytest.raises(ValueError, match=what):
        choice_codec(values, otherwise)


def test_one_label_in_two_spellings_of_one_value() -> None:
    """Two spellings of one label may stand there if they say the same."""
    assert choice_codec({"A": "x", "a": "x"})("A") == "x"


# Templates


@pytest.mark.parametrize(
    ("template", "cells", "text"),
    [
        ("{Name} ({Type})", {"Name": "Sale", "Type": "Email"}, "Sale (Email)"),
        ("{Name}[ ({Type})]", {"Name": "Sale", "Type": ""}, "Sale"),
        ("{Name}[ ({Type})]", {"Name": "", "Type": "Email"}, "(Email)"),
        ("Notes: {Name}[ ({Type})]", {"Name": "", "Type": ""}, ""),
        ("[{A}, {B}][; {C}]", {"A": "a", "B": "", "C": "c"}, "; c"),
        ("{{{A}}} [[x]]", {"A": "a"}, "{a} [x]"),
        ("{ A }\n{A}", {"A": "a"}, "a\na"),
        ("{A}[!]", {"A": "a"}, "a!"),
        ("{A.__class__}", {"A.__class__": "just a column"}, "just a column"),
    ],
)
def test_templates(template: str, cells: dict[str, str], text: str) -> None:
    """Columns, optional stretches and literal marks are filled in; all blank is blank."""
    assert parse_template(template).fill(cells) == text


@pytest.mark.parametrize("template", ["", "plain", "{A", "A}", "{}", "{ }", "[{A}", "{A}]", "[a[{A}]]", "{{A}}"])
def test_bad_templates_are_refused(template: str) -> None:
    """Marks without their other half, nested brackets and templates without a column are refused."""
    with pytest.raises(ValueError, match="template"):
        parse_template(template)


@settings(deadline=None)
@given(literal=st.text(st.characters(codec="utf-8")), value=st.text(min_size=1))
def test_values_are_never_read_as_marks(literal: str, value: str) -> None:
    """Escaped literals and the values of cells, braces and brackets included, come out as they went in."""
    escaped = "".join(one * 2 if one in "{}[]" else one for one in literal)
    made: Template = parse_template("<{A}>" + escaped)
    assert made.fill({"A": value}) == f"<{value}>{literal}".strip()
