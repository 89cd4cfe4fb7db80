"""Whether day or month comes first in dates that could be read both ways: by evidence, or by what is usual. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from importer.properties import END_DATE, START_DATE
from importer.proposing.columns import Column
from importer.proposing.dates import Reading, days
from importer.proposing.words import DAY_FIRST, HEADINGS, squeezed


class Order(NamedTuple):
    """Which comes first, and how that is known."""

    day_first: bool
    because: str  #: a clause
    certain: bool  #: whether the dates themselves say so
    usual: tuple[str, ...] = ("iso",)  #: the formats of the first column of dates


def order_of(columns: Sequence[Column]) -> Order:
    """Return the order in which the file writes day and month."""
    order = _order_of(columns)
    first = next((one.sound_dates for one in columns if one.sound_dates), None)
    return order._replace(usual=in_order(first, day_first=order.day_first).formats) if first else order


def _order_of(columns: Sequence[Column]) -> Order:
    told = [
        (one.name, one.sound_dates[0].day_first)
        for one in columns
        if len(one.sound_dates) == 1 and one.sound_dates[0].day_first is not None
    ]
    orders = {day_first for _, day_first in told}
    if len(orders) == 1:
        name, day_first = told[0]
        return Order(bool(day_first), f'"{name}" can be read in this order only', certain=True)
    spans = _by_spans(columns)
    if spans is not None:
        return Order(spans, "in the other order some campaigns would end before they begin", certain=True)
    if any(squeezed(one.name) in DAY_FIRST for one in columns):
        return Order(True, "the headings are in a language that writes the day first", certain=False)
    if any("%d-" in one.sound_dates[0].day for one in columns if one.sound_dates):
        return Order(True, "dates with hyphens usually have the day first", certain=False)
    return Order(False, "English headings and slashes are usual where the month comes first", certain=False)


def _by_spans(columns: Sequence[Column]) -> bool | None:
    """Return the order under which every campaign ends after it begins, where the other one breaks that."""
    begins = _ambiguous(columns, START_DATE)
    ends = _ambiguous(columns, END_DATE)
    if begins is None or ends is None:
        return None
    pairs = [(a, b) for a, b in zip(begins.values, ends.values, strict=True) if a and b]
    sound = {day_first for day_first in (True, False) if _ordered(begins, ends, pairs, day_first=day_first)}
    return sound.pop() if len(sound) == 1 else None


def _ambiguous(columns: Sequence[Column], prop: str) -> Column | None:
    headings = {squeezed(heading) for heading in (prop, *HEADINGS[prop])}
    return next((one for one in columns if squeezed(one.name) in headings and len(one.dates) == 2), None)


def _ordered(begins: Column, ends: Column, pairs: Sequence[tuple[str, str]], *, day_first: bool) -> bool:
    first = days(in_order(begins.dates, day_first=day_first).formats, [a for a, _ in pairs])
    last = days(in_order(ends.dates, day_first=day_first).formats, [b for _, b in pairs])
    return all(str(a) <= str(b) for a, b in zip(first, last, strict=True))


def in_order(found: Sequence[Reading], *, day_first: bool) -> Reading:
    """Return the reading which has the order; the first where none differs."""
    return next((one for one in found if one.day_first == day_first), found[0])
