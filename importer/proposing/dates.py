"""Which date format a column has, by the evidence of its values. This module is pure."""

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from importer.codecs import Codec, date_codec
from importer.model import Problem

_DAYS: Final = (
    *("iso", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    *("%b %d, %Y", "%d %b %Y", "%d. %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d %Y", "%a, %d %b %Y", "%a, %b %d, %Y"),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%m-%d-%y"),
)
_TIMES: Final = (
    *("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M%p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S", ", %I:%M %p"),
    *("T%H:%M:%S", "T%H:%M:%S%z", " %H:%M:%S %Z", " %H:%M Uhr", " um %H:%M", " at %I:%M %p"),
)
#: Formats of one shape which differ in the order of day and month.
_TWINS: Final = {
    one: other
    for pair in (("%d/%m/%Y", "%m/%d/%Y"), ("%d-%m-%Y", "%m-%d-%Y"), ("%d/%m/%y", "%m/%d/%y"), ("%d-%m-%y", "%m-%d-%y"))
    for one, other in (pair, pair[::-1])
}


class Reading(NamedTuple):
    """One way to read all dates of a column."""

    day: str  #: the format of the day alone, which tells order and separator
    formats: tuple[str, ...]  #: with the times that are there
    rival: tuple[str, ...] = ()  #: the other order of day and month, where it reads all values, too, and differently

    @property
    def day_first(self) -> bool | None:
        """Whether the day stands before the month; None where the shape has one order only."""
        return self.day.startswith("%d") if self.day in _TWINS else None


def readings(values: Sequence[str]) -> list[Reading]:
    """Return every way in which one day format, with or without times, reads all of `values`, the likeliest first.

    At most two: those that differ in the order of day and month name each other as rivals.
    """
    if not values or not all(any(one.isdigit() for one in value) for value in values):
        return []
    found = [(day, formats) for day in _DAYS if (formats := _formats(day, values))]
    if not found:
        return []
    day, formats = found[0]
    twin = next((other for name, other in found[1:] if name == _TWINS.get(day)), None)
    if twin is None or days(formats, values) == days(twin, values):
        return [Reading(day, formats)]
    return [Reading(day, formats, twin), Reading(_TWINS[day], twin, formats)]


def days(formats: Sequence[str], values: Sequence[str]) -> list[str | Problem]:
    """Return what each value is under `formats`."""
    codec = date_codec(formats)
    return [codec(value) for value in values]


def _formats(day: str, values: Sequence[str]) -> tuple[str, ...]:
    """Return `day` with as many of the times as it takes to read all values; nothing when they do not suffice."""
    if all(isinstance(codec(values[0]), Problem) for _, codec in _codecs(day)):
        return ()
    left = list(values)
    used: list[str] = []
    for form, codec in _codecs(day):
        unread = [value for value in left if isinstance(codec(value), Problem)]
        if len(unread) < len(left):
            used.append(form)
            left = unread
        if not left:
            return tuple(used)
    return ()


@cache
def _codecs(day: str) -> tuple[tuple[str, Codec], ...]:
    """Return each format that a day makes with the times, and its codec."""
    return tuple((day + time, date_codec([day + time])) for time in (("",) if day == "iso" else _TIMES))
