"""Rows as an Excel workbook of one sheet: every cell is text, so that nothing in it runs and no id loses a digit."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from importer.errors import UsageError

ROWS_MAX: Final = 1_048_576  #: of a sheet
COLUMNS_MAX: Final = 16_384
CHARACTERS_MAX: Final = 32_767  #: of a cell
_TEXT: Final = 49  #: Excel's own number of its format for text
_WIDTHS: Final = (8, 48)  #: of a column, in characters


def write_workbook(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Write a new workbook, 0600, in constant memory; return how many rows it has below its heading.

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
            sheet = book.add_worksheet("failed rows")
            text = book.add_format({"num_format": _TEXT})  # as text, also when somebody edits the cell
            head = book.add_format({"num_format": _TEXT, "bold": True})
            _fit(columns, 0)
            for at, name in enumerate(columns):
                sheet.set_column(at, at, min(max(len(name) + 2, _WIDTHS[0]), _WIDTHS[1]), text)
                sheet.write_string(0, at, name, head)
            sheet.freeze_panes(1, 0)
            for number, cells in enumerate(rows, 1):
                _fit(cells, number)
                for at, cell in enumerate(cells):
                    if cell:
                        sheet.write_string(number, at, cell, text)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    return number


def _fit(cells: Sequence[str], row: int) -> None:
    """Raise `UsageError` where a sheet would lose something."""
    longest = max(map(len, cells), default=0)
    if row >= ROWS_MAX or len(cells) > COLUMNS_MAX or longest > CHARACTERS_MAX:
        what = (
            f"a cell of {longest:,} characters" if longest > CHARACTERS_MAX
            else f"{len(cells):,} columns" if len(cells) > COLUMNS_MAX
            else f"more than {ROWS_MAX - 1:,} rows"
        )  # fmt: skip
        raise UsageError(f"{what} do not fit into a sheet of Excel", hint="Write .csv instead.")
