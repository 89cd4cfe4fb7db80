"""Typed cells → the plain values of a row: what a person would have typed into a text file. Pure."""

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any


def plain_value(cell: Any) -> Any:
    """Return text, a whole number, a boolean or None for a typed cell; lists and mappings keep their shape.

    Whole numbers have no `.0`, no number has an exponent. A day is YYYY-MM-DD, and so is midnight without a time zone;
    other times are ISO 8601. Numbers that are none (NaN) stay as they are: they are a problem of whoever uses them.
    """
    kind = type(cell)
    if kind is str or cell is None or kind is bool or kind is int:
        return cell
    if kind is float:
        return number_text(cell) if math.isfinite(cell) else cell
    if isinstance(cell, datetime):
        midnight = cell.tzinfo is None and cell.time() == time()
        return cell.date().isoformat() if midnight else cell.isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, Decimal):
        return format(cell, "f") if cell.is_finite() else str(cell)
    if isinstance(cell, timedelta):
        return _duration(cell)
    if isinstance(cell, bytes):
        return _text_of(cell)
    if isinstance(cell, list | tuple):
        return [plain_value(item) for item in cell]
    if isinstance(cell, dict):
        return {str(name): plain_value(item) for name, item in cell.items()}
    return str(cell)


def number_text(number: float) -> str:
    """Return a finite number as people type it: the shortest digits that give it back, no exponent, no `.0`."""
    if number.is_integer():
        return str(int(Decimal(repr(number))))
    return format(Decimal(repr(number)), "f")


def _duration(duration: timedelta) -> str:
    """Return hours, minutes and seconds, as a spreadsheet shows them."""
    seconds = round(duration.total_seconds())
    sign = "-" if seconds < 0 else ""
    minutes, second = divmod(abs(seconds), 60)
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{second:02}"


def _text_of(data: bytes) -> Any:
    """Return bytes as the text they are in UTF-8; else as an object, which no property takes."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"bytes": data[:64].hex()}
