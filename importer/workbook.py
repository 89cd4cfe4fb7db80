"""Rows as an Excel workbook of one sheet.

A text is a cell of text, so that nothing in it runs and no id loses a digit. Days, moments, truth values and errors are
cells of their own kind.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from importer.errors import UsageError
from importer.model import CellError

ROWS_MAX: Final = 1_048_576  #: of a sheet
COLUMNS_MAX: Final = 16_384
CHARACTERS_MAX: Final = 32_767  #: of a cell
_TEXT: Final = 49  #: Excel's own number of its format for text
_WIDTHS: Final = (8, 48)  #: of a column, in characters
SHEET: Final = "failed rows"  #: name of the sheet, where no other is wanted
_NAME_CHARACTERS_MAX: Final = 31
_NOT_IN_NAMES: Final = frozenset("[]:*?/\\")
_FIRST_DAY: Final = date(1900, 3, 1)  #: before it, Excel counts a day that never was

Cell = str | bool | date | CellError  #: a `datetime` is a date, too


def is_writable(moment: date) -> bool:
    """Return whether a sheet can hold a day or a moment."""
    day = moment.date() if isinstance(moment, datetime) else moment
    return day >= _FIRST_DAY


def write_workbook(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, sheet: str = SHEET) -> int:
    """Write a new workbook, 0600, in constant memory; return how many rows it has below its heading.

    Its sheet is called `sheet`, where Excel takes that for a name.

    Raises:
        UsageError: the extra `excel` is not installed, the rows do not fit into a sheet, or `path` is there already.
        OSError: it cannot be written.
    """
    try:
        import xlsxwriter  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise UsageError(
            "writing .xlsx needs the extra excel", hint="pip install 'campaign-importer[excel]', or write .csv."
        ) from None
    path.touch(mode=0o600, exist_ok=False)
    options = {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False,
    }  # fmt: skip
    number = 0
    try:
        with xlsxwriter.Workbook(path, options) as book:
            page = book.add_worksheet(sheet if _is_name(sheet) else SHEET)
            text = book.add_format({"num_format": _TEXT})  # as text, also when somebody edits the cell
            kinds = _Kinds(text, book.add_format({"num_format": "yyyy-mm-dd"}),
                           book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}))  # fmt: skip
            head = book.add_format({"num_format": _TEXT, "bold": True})
            _fit(columns, 0)
            for at, name in enumerate(columns):
                page.set_column(at, at, min(max(len(name) + 2, _WIDTHS[0]), _WIDTHS[1]), text)
                page.write_string(0, at, name, head)
            page.freeze_panes(1, 0)
            for number, cells in enumerate(rows, 1):
                _fit(cells, number)
                for at, cell in enumerate(cells):
                    kinds.write(page, number, at, cell)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    return number


class _Kinds(NamedTuple):
    """The format of each kind of cell."""

    text: Any
    day: Any
    moment: Any

    def write(self, page: Any, row: int, column: int, cell: Cell) -> None:
        """Write a cell as what it is."""
        if isinstance(cell, str):
            if cell:
                page.write_string(row, column, cell, self.text)
        elif isinstance(cell, CellError):
            page.write_formula(row, column, f"={cell.value}", None, cell.value)
        elif isinstance(cell, bool):
            page.write_boolean(row, column, cell)
        else:
            page.write_datetime(row, column, cell, self.moment if isinstance(cell, datetime) else self.day)


def _is_name(sheet: str) -> bool:
    """Return whether Excel takes `sheet` for the name of a sheet."""
    fits = 0 < len(sheet) <= _NAME_CHARACTERS_MAX and not _NOT_IN_NAMES & set(sheet)
    return fits and not sheet.startswith("'") and not sheet.endswith("'") and sheet.casefold() != "history"


def _fit(cells: Sequence[Cell], row: int) -> None:
    """Raise `UsageError` where a sheet would lose something."""
    longest = max((len(cell) for cell in cells if isinstance(cell, str)), default=0)
    if row >= ROWS_MAX or len(cells) > COLUMNS_MAX or longest > CHARACTERS_MAX:
        what = (
            f"a cell of {longest:,} characters" if longest > CHARACTERS_MAX
            else f"{len(cells):,} columns" if len(cells) > COLUMNS_MAX
            else f"more than {ROWS_MAX - 1:,} rows"
        )  # fmt: skip
        raise UsageError(f"{what} do not fit into a sheet of Excel", hint="Write .csv instead.")
