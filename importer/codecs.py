"""Value codecs: how the text of a cell becomes the value of a property.

A codec takes trimmed text that is not blank and returns the value (blank: the property is left out), or the `Problem`
it has with the text; whoever calls it fills in the column. What is wrong with a codec's own description raises
`ValueError`, for the mapping to say where. This module is pure and knows English only: no locale is asked.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from importer import canonical
from importer.model import CellError, Problem
from importer.near_miss import did_you_mean, nearest

Codec = Callable[[str], str | Problem]

_SHOWN_CHARACTERS_MAX: Final = 80
_DATES_REMEMBERED: Final = 4_096  #: distinct dates whose reading is kept; a file of any size holds few

_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTH_NUMBERS: Final = {
    **{name: number for number, name in enumerate(_MONTHS, 1)},
    **{name[:3]: number for number, name in enumerate(_MONTHS, 1)},
    "sept": 9,
}
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY: Final = "(?:" + "|".join(f"{name}|{name[:3]}" for name in _DAYS) + ")"
_ONE_OR_TWO: Final = "[0-9]{1,2}"

#: Directive → what it matches. The day is what counts; times and zones must be there, and are then left aside.
_DIRECTIVES: Final[dict[str, str]] = {
    "%Y": "(?P<year>[0-9]{4})",
    "%y": "(?P<short_year>[0-9]{2})",
    "%m": f"(?P<month>{_ONE_OR_TWO})",
    "%B": r"(?P<month_name>[a-z]{3,9})\.?",
    "%b": r"(?P<month_name>[a-z]{3,9})\.?",
    "%d": f"(?P<day>{_ONE_OR_TWO})",
    "%A": _WEEKDAY,
    "%a": _WEEKDAY,
    "%H": "(?:[01]?[0-9]|2[0-3])",
    "%I": "(?:0?[1-9]|1[0-2])",
    "%M": "[0-5]?[0-9]",
    "%S": "[0-5]?[0-9]",
    "%f": "[0-9]{1,9}",
    "%p": r"(?:[ap]m|[ap]\.m\.)",
    "%z": "(?:z|[+-][0-9]{2}:?[0-9]{2})",
    "%Z": "[a-z]{1,5}",
    "%%": "%",
}
_TOKEN: Final = re.compile(r"%.?|[^%]+", re.DOTALL)
_ADJACENT: Final = re.compile(r"%[YymdHIMSf]%[YymdHIMSf]")
_ISO: Final = re.compile(
    "(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    "(?:[T ][0-9]{2}:?[0-9]{2}(?::?[0-9]{2}(?:[.,][0-9]{1,9})?)? ?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?",
    re.IGNORECASE,
)
_PARTS: Final = (("year", "short_year"), ("month", "month_name"), ("day",))
_EXAMPLE: Final = date(2026, 3, 31)  #: shown to people: no part can be taken for another
_PROBE: Final = date(2001, 2, 3)  #: every part can be taken for another


def shown(value: object) -> str:
    """Return `value` quoted for a message: shortened to 80 characters, what does not print escaped."""
    text = value if isinstance(value, str) else repr(value)
    cut = text[:_SHOWN_CHARACTERS_MAX] + ("…" if len(text) > _SHOWN_CHARACTERS_MAX else "")
    return '"' + "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in cut) + '"'


def plain(value: object) -> str | Problem:
    """Return the text of a cell, trimmed: numbers and booleans as JSON writes them, None as blank.

    Lists, objects and numbers that are none are a `not_plain` problem, errors of a spreadsheet a `cell_error`.
    """
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    if isinstance(value, CellError):
        return Problem("cell_error", f"{value.value} is an error of the spreadsheet, not a value")
    kind = {dict: "an object", list: "a list", float: "no finite number"}.get(type(value), type(value).__name__)
    return Problem("not_plain", f"{shown(value)} is {kind}, not a plain value")


# Dates


def date_codec(formats: Sequence[str]) -> Codec:
    """Return a codec that reads dates in any of `formats` and writes their day as YYYY-MM-DD.

    A format is `iso` (a day or a date-time; its day as written, whatever its time zone) or is made of strptime's
    directives. What none of them matches is tried as `iso`, too: so come the typed dates of workbooks. Month and
    weekday names are English, full or short; case and the number of spaces do not matter.
    Raises `ValueError` for an unknown directive, a missing part, or two formats which read one text as two days.
    """
    if not formats:
        raise ValueError("at least one date format is needed")
    patterns = [_pattern(one) for one in formats]
    for one in formats:
        days = {_day(pattern, _written(one, _PROBE)) for pattern in patterns} - {None}
        if len(days) > 1:
            raise ValueError(f"the formats read one date as two days: {_written(one, _PROBE)} is ambiguous")
    examples = " or ".join(_written(one, _EXAMPLE) for one in formats[:3])

    @lru_cache(maxsize=_DATES_REMEMBERED)
    def read(text: str) -> str | Problem:
        words = " ".join(text.split())
        found = next((day for pattern in patterns if (day := _day(pattern, words))), None)
        if found is not None:
            return found
        matched = any(pattern.fullmatch(words) for pattern in patterns)
        if not matched and (day := _day(_ISO, words)) is not None:
            return day  # as the typed dates of workbooks are written, whatever the mapping says of text
        cause = "is no day of the calendar" if matched else f"is not a date like {examples}"
        return Problem("invalid_date", f"{shown(text)} {cause}", fix=f"Write it like {examples}.")

    return read


def _pattern(form: str) -> re.Pattern[str]:
    """Return the pattern of one format; raise `ValueError` unless it holds a year, a month and a day once each."""
    if form == "iso":
        return _ISO
    tokens = _TOKEN.findall(" ".join(form.split()))
    unknown = [one for one in tokens if one.startswith("%") and one not in _DIRECTIVES]
    if unknown:
        raise ValueError(f'the date format "{form}" holds {unknown[0]}; known are {" ".join(_DIRECTIVES)} and iso')
    try:
        pattern = re.compile("".join(_DIRECTIVES.get(one) or re.escape(one) for one in tokens), re.IGNORECASE)
    except re.error:
        raise ValueError(f'the date format "{form}" names one part of the date twice') from None
    for names in _PARTS:
        if sum(name in pattern.groupindex for name in names) != 1:
            raise ValueError(f'the date format "{form}" does not hold the {names[0]} exactly once')
    if _ADJACENT.search(form):  # digits without a separator can be told apart only if each part has two
        return re.compile(pattern.pattern.replace(_ONE_OR_TWO, "[0-9]{2}"), re.IGNORECASE)
    return pattern


def _day(pattern: re.Pattern[str], text: str) -> str | None:
    """Return the day that `text` names, as YYYY-MM-DD, or None."""
    match = pattern.fullmatch(text)
    if match is None:
        return None
    parts = match.groupdict()
    if "short_year" in parts:  # POSIX: 69 to 99 are of the last century
        short = int(parts["short_year"])
        year = short + (1900 if short >= 69 else 2000)
    else:
        year = int(parts["year"])
    month = _MONTH_NUMBERS.get(parts["month_name"].lower(), 0) if "month_name" in parts else int(parts["month"])
    try:
        return date(year, month, int(parts["day"])).isoformat()
    except ValueError:
        return None


def _written(form: str, day: date) -> str:
    """Return `day` at 09:30 as the format writes it."""
    month, weekday = _MONTHS[day.month - 1].title(), _DAYS[day.weekday()].title()
    directives = {
        "%Y": f"{day.year:04}", "%y": f"{day.year % 100:02}", "%m": f"{day.month:02}", "%d": f"{day.day:02}",
        "%B": month, "%b": month[:3], "%A": weekday, "%a": weekday[:3], "%H": "09", "%I": "09", "%M": "30",
        "%S": "00", "%f": "000000", "%p": "am", "%z": "+0000", "%Z": "UTC", "%%": "%",
    }  # fmt: skip
    form = "%Y-%m-%d" if form == "iso" else " ".join(form.split())
    return "".join(directives.get(one, one) for one in _TOKEN.findall(form))


# Choices


def choice_codec(values: Mapping[str, str], otherwise: str | Mapping[str, str] = "fail") -> Codec:
    """Return a codec that translates labels; they are compared trimmed and whatever their case.

    `otherwise` says what becomes of an unknown label: `fail` (a problem), `keep` (sent as it stands), `drop` (the
    property is left out) or `{"value": "…"}`. Raises `ValueError` for another `otherwise`, no labels, or two labels
    that are one.
    """
    known: dict[str, str] = {}
    for label, value in values.items():
        if known.setdefault(canonical.name_key(label), value.strip()) != value.strip():
            raise ValueError(f'the label "{label}" stands there twice, with two values')
    if not known:
        raise ValueError("at least one label is needed")
    if isinstance(otherwise, str) and otherwise not in {"fail", "keep", "drop"}:
        near = did_you_mean(otherwise, ("fail", "keep", "drop"))
        raise ValueError(f'otherwise is "{otherwise}"{near}, not fail, keep, drop or {{ value = "…" }}')

    def unknown(text: str) -> str | Problem:
        if not isinstance(otherwise, str):
            return otherwise["value"]
        if otherwise != "fail":
            return text if otherwise == "keep" else ""
        near = nearest(text, values)
        fix = f'Did you mean "{near}"? Else add the label to the mapping\'s values.' if near else None
        return Problem("invalid_choice", f"{shown(text)} is not among the mapping's values", fix=fix)

    def translate(text: str) -> str | Problem:
        value = known.get(canonical.name_key(text))
        return value if value is not None else unknown(text)

    return translate


# Templates


class Section(NamedTuple):
    """A stretch of a template."""

    pieces: tuple[tuple[str, bool], ...]  #: literal text (False) or the name of a column (True), in order
    optional: bool  #: left out when one of its columns is blank


class Template(NamedTuple):
    """Text with the values of columns in it."""

    sections: tuple[Section, ...]
    columns: tuple[str, ...]  #: every column named, once each, in order

    def fill(self, cells: Mapping[str, str]) -> str:
        """Return the filled text, trimmed; blank when every column is blank. `cells` holds all `columns`."""
        if not any(cells[column] for column in self.columns):
            return ""
        written: list[str] = []
        for pieces, optional in self.sections:
            if not optional or all(cells[piece] for piece, is_column in pieces if is_column):
                written.extend(cells[piece] if is_column else piece for piece, is_column in pieces)
        return "".join(written).strip()


_TEMPLATE_TOKEN: Final = re.compile(r"\{\{|\}\}|\[\[|\]\]|\{(?P<column>[^{}]*)\}|[^{}\[\]]+|.", re.DOTALL)


def parse_template(text: str) -> Template:
    """Read a template: `{Column}`, `[a stretch left out when a column in it is blank]`; doubled marks are literal.

    Raises `ValueError` for marks without their other half, nested brackets, or no column at all.
    """
    sections: list[Section] = []
    pieces: list[tuple[str, bool]] = []
    inside = False

    for match in _TEMPLATE_TOKEN.finditer(text):
        mark = match[0]
        if mark in {"[", "]"}:
            if inside is (mark == "["):
                raise ValueError(f'the template "{text}" has a "{mark}" too many; write [[ or ]] for a bracket')
            sections.append(Section(tuple(pieces), inside))
            pieces, inside = [], not inside
        elif mark in {"{", "}"}:
            raise ValueError(f'the template "{text}" has a "{mark}" without its other half; write {{{{ or }}}}')
        elif match["column"] is not None:
            pieces.append((match["column"].strip(), True))
        else:
            pieces.append((mark[0] if mark in {"{{", "}}", "[[", "]]"} else mark, False))
    if inside:
        raise ValueError(f'the template "{text}" has a "[" without its "]"')
    sections.append(Section(tuple(pieces), False))
    columns = tuple(dict.fromkeys(piece for one in sections for piece, is_column in one.pieces if is_column))
    if not columns or "" in columns:
        raise ValueError(f'the template "{text}" names no column; write {{Column}}, or use constant')
    return Template(tuple(sections), columns)
