"""Whether a column's values suit a property, and by which rule they become its values. This module is pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from importer.codecs import shown
from importer.hubspot.definitions import Definition
from importer.properties import CURRENCY, END_DATE, NAME, START_DATE, STATUS
from importer.proposing.columns import Column
from importer.proposing.dates import days
from importer.proposing.orders import Order, in_order
from importer.proposing.words import squeezed

_SHOWN_MAX = 3


class Fit(NamedTuple):
    """How values become the property's."""

    how: Mapping[str, Any]  #: what stands beside `column` in the mapping's rule
    doubts: tuple[str, ...] = ()  #: sentences


class Misfit(NamedTuple):
    """Why a column cannot feed a property."""

    reason: str  #: a clause


def fit(prop: str, column: Column, order: Order, definition: Definition | None) -> Fit | Misfit:
    """Return the rule by which `column` feeds `prop`, or why it cannot."""
    if column.nested:
        return Misfit("it holds lists or objects")
    kind = definition.type if definition is not None else ""
    if prop in {START_DATE, END_DATE} or kind in {"date", "datetime"}:
        return _date(column, order)
    if prop == STATUS:
        return _choice(column, column.statuses, "a status of HubSpot's")
    if kind == "enumeration" and definition is not None and definition.options:
        by_word = {squeezed(word): one.value for one in definition.options for word in (one.value, one.label) if word}
        labels = {value: by_word[squeezed(value)] for value in column.distinct if squeezed(value) in by_word}
        return _choice(column, labels, "a choice of this property in your account")
    if prop == CURRENCY and column.filled and not column.all_currencies:
        return _not_all(column, "codes of currencies such as EUR")
    if kind == "number" and not column.all_numbers:
        return _not_all(column, "numbers")
    if prop == NAME and not column.filled:
        return _not_all(column, "names")
    return Fit({})


def _date(column: Column, order: Order) -> Fit | Misfit:
    if not column.filled:
        return Fit({"date": list(order.usual)}, ("it is blank in all sampled rows: is this how its dates will look?",))
    odd = column.odd_dates
    if not column.dates and not odd:
        return _not_all(column, "dates in one format that is known")
    values = [value for value in column.distinct if value not in odd]
    reading = in_order(column.sound_dates, day_first=order.day_first)
    doubts = tuple(f"{shown(value)} is no such date: its row fails until it is mended." for value in odd)
    if reading.rival and not order.certain:
        value = next(one for one, a, b in zip(values, days(reading.formats, values),
                     days(reading.rival, values), strict=True) if a != b)  # fmt: skip
        taken, other = days(reading.formats, [value])[0], days(reading.rival, [value])[0]
        doubts += (
            f"{shown(value)} is taken for {taken}, and could be {other}: {order.because}."
            f" If that is wrong: date = {list(reading.rival)}.".replace("'", '"'),
        )
    return Fit({"date": list(reading.formats)}, doubts)


def _choice(column: Column, labels: Mapping[str, str], what: str) -> Fit | Misfit:
    if not labels:
        return _not_all(column, f"{what}, as far as is known")
    unknown = [value for value in column.distinct if value not in labels]
    doubts = tuple(
        f"{shown(value)} is not {what} that is known: it is left out until you write one." for value in unknown
    )
    values = {value: labels.get(value, "") for value in column.distinct}
    return Fit({"values": values, "otherwise": "fail"}, doubts)


def _not_all(column: Column, wanted: str) -> Misfit:
    if not column.filled:
        return Misfit(f"it is blank in all {len(column.values)} sampled rows")
    examples = ", ".join(shown(value) for value in column.distinct[:_SHOWN_MAX])
    return Misfit(f"its values are not all {wanted}: {examples}")
