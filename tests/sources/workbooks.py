"""Workbooks as people make them, written by a library that has no part in reading."""

import io
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import xlsxwriter

Fill = Callable[[Any, Any], None]  #: takes the workbook and its first sheet

_FORMS = {date: "dd/mm/yyyy", datetime: "dd/mm/yyyy hh:mm:ss", time: "hh:mm", timedelta: "[h]:mm:ss"}


def workbook(fill: Fill, *, name: str = "Data", **options: Any) -> bytes:
    """Return a workbook whose first sheet is called `name` and filled by `fill`."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(
        made, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False} | options
    ) as book:
        fill(book, book.add_worksheet(name))
    return made.getvalue()


def table(rows: Sequence[Sequence[Any]], *, row: int = 0, column: int = 0, **options: Any) -> bytes:
    """Return a workbook of one sheet, its cells typed as Python's values are, from `row` and `column` on."""
    return workbook(lambda book, sheet: write(book, sheet, rows, row, column), **options)


def write(book: Any, sheet: Any, rows: Iterable[Sequence[Any]], row: int = 0, column: int = 0) -> None:
    """Write typed cells; None and blank text leave a cell out."""
    forms = {kind: book.add_format({"num_format": form}) for kind, form in _FORMS.items()}
    for down, cells in enumerate(rows, row):
        for across, cell in enumerate(cells, column):
            if type(cell) in forms:
                sheet.write_datetime(down, across, cell, forms[type(cell)])
            elif isinstance(cell, str) and cell:
                sheet.write_string(down, across, cell)
            elif isinstance(cell, bool):
                sheet.write_boolean(down, across, cell)
            elif isinstance(cell, int | float):
                sheet.write_number(down, across, cell)
