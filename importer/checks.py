"""Checks: whether HubSpot can take a property's value, and the form in which it is sent. Pure."""

import re
from collections.abc import Callable
from datetime import date
from typing import Final

from importer import canonical
from importer.codecs import shown
from importer.model import Problem
from importer.near_miss import nearest
from importer.properties import (
    CURRENCY,
    END_DATE,
    NAME,
    NAME_CHARACTERS_MAX,
    START_DATE,
    STATUS,
    TEXT_CHARACTERS_MAX,
)

#: Takes a property's value; returns it as it is sent, or the problem it has.
Check = Callable[[str], str | Problem]

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # controls, lone surrogates
_CURRENCY: Final = re.compile("[A-Za-z]{3}")


def property_checks(statuses: frozenset[str] | None) -> tuple[tuple[str, Check], ...]:
    """Return the properties which have a form of their own, and the check of each.

    `statuses` are the permitted values of `hs_campaign_status`, in lower case; None permits any.
    """
    return (
        (NAME, _name),
        (START_DATE, _day),
        (END_DATE, _day),
        (CURRENCY, _currency),
        (STATUS, _status_check(statuses)),
    )


def text_problems(name: str, value: str) -> list[Problem]:
    """Return what is wrong with any text: too long, or with characters that cannot be sent."""
    problems: list[Problem] = []
    if len(value) > TEXT_CHARACTERS_MAX:
        cause = f"{name} has {len(value):,} characters; {TEXT_CHARACTERS_MAX:,} are the limit: {shown(value)}"
        problems.append(Problem("value_too_long", cause))
    match = _FORBIDDEN.search(value)
    if match is not None:
        code = ord(match[0])
        near = shown(value[max(0, match.start() - 20) : match.end() + 20])
        fix = "Is the source's encoding another one? See --encoding." if 0x80 <= code <= 0x9F else None
        problems.append(Problem("invalid_character", f"{name} holds the character U+{code:04X}: {near}", fix=fix))
    return problems


def _name(value: str) -> str | Problem:
    if NAME_CHARACTERS_MAX < len(value) <= TEXT_CHARACTERS_MAX:
        cause = f"{NAME} has {len(value):,} characters; {NAME_CHARACTERS_MAX:,} are the limit: {shown(value)}"
        return Problem("value_too_long", cause)
    return value


def _day(value: str) -> str | Problem:
    """Return a real date as YYYY-MM-DD: HubSpot refuses date-times."""
    if _is_day(value):
        return value
    day = canonical.day(value)
    fix = f'Did you mean "{day}"?' if _is_day(day) else None
    if fix is not None and value.startswith(day):
        fix += ' In a mapping, date = ["iso"] cuts a date-time to its day.'
    shaped = re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value)
    cause = "is no day of the calendar" if shaped else "is not a date like 2026-03-31"
    return Problem("invalid_date", f"{shown(value)} {cause}", fix=fix)


def _is_day(value: str) -> bool:
    if len(value) != 10 or value[4] != "-" or value[7] != "-":
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _currency(value: str) -> str | Problem:
    if _CURRENCY.fullmatch(value):
        return value.upper()
    return Problem("invalid_currency", f"{shown(value)} is not three letters such as EUR")


def _status_check(statuses: frozenset[str] | None) -> Check:
    """Return the check of `hs_campaign_status`: sent in lower case; None permits any value as it stands."""
    if statuses is None:
        return str

    def check(value: str) -> str | Problem:
        lowered = value.lower()
        if lowered in statuses:
            return lowered
        near = nearest(value, statuses)
        fix = f'Did you mean "{near}"?' if near is not None else None
        return Problem("invalid_choice", f"{shown(value)} is not one of {', '.join(sorted(statuses))}", fix=fix)

    return check
