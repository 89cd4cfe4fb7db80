"""XLSX → rows: one sheet, its header found below titles, cells as people would type them.

`workbook` has counted the cells before the library loads them, so memory is bounded by the caps of the policy.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import IO, Any, Final

from importer.errors import SourceError, UsageError
from importer.model import Rejection, Row
from importer.near_miss import did_you_mean
from importer.sources import extras
from importer.sources.gathering import Gathering
from importer.sources.header import HEADER_ROWS, header_row, spread_down
from importer.sources.opening import RawInput
from importer.sources.typed_values import plain_value
from importer.sources.workbook import Extent, Workbook

_MEND_HEADER: Final = "Mend that row of the sheet: it names the columns."


class SheetReader:
    """Reads the rows of one sheet; row numbers are the sheet's own."""

    def __init__(self, raw: RawInput, file: IO[bytes], gathering: Gathering) -> None:
        """Choose the sheet and find its header.

        Raises `UsageError` for what is no workbook or has no such sheet, `SourceError` for a damaged or too large one.
        """
        self._raw = raw
        self._gathering = gathering
        self.notices: tuple[str, ...] = ()
        self._workbook = Workbook(file, gathering.name, gathering.policy)
        library = extras.load("python_calamine", extra="excel", what="XLSX")
        file.seek(0)
        with _told(gathering.name):
            self._book = library.CalamineWorkbook.from_filelike(file)
            self._visible, self._hidden = _names(self._book, library)
        self.columns: tuple[str, ...] | None = None
        self._rows: Iterator[list[Any]] = iter(())
        self._extent = Extent(0, 0, {})
        self._header: list[str] = []
        self._nameless: tuple[int, ...] = ()
        self._first = 0  # index of the row after the header
        self._sheet_name, sheet = self._chosen()
        if sheet is not None:
            self._find_header(sheet)

    def chunks(self) -> Iterator[list[Row | Rejection]]:
        """Yield full chunks; what is left stays in the gathering. Raises `SourceError`."""
        gathering, size = self._gathering, self._raw.size_bytes or self._raw.bytes_read
        height, errors = max(self._extent.rows, 1), self._extent.errors
        for line, cells in enumerate(self._rows, self._first):
            values = [plain_value(cell) for cell in cells]
            if errors:
                values = [errors.get((line, place), value) for place, value in enumerate(values)]
            if any(values):
                self._take(line, values)
            if gathering.full:
                self._raw.bytes_read = size * (line + 1) // height  # of a sheet in memory, for the progress
                yield gathering.take()
        self._raw.bytes_read = size

    def _take(self, line: int, values: list[Any]) -> None:
        width = len(self._header)
        for place in chain(self._nameless, range(width, len(values))):
            if place < len(values) and values[place] not in {"", None}:
                raise SourceError(
                    f"{self._place}, row {line + 1}: column {column_letters(place)} holds data but has no name in the"
                    f" header (row {self._first})",
                    hint=_MEND_HEADER,
                )
        cells = {name: value for name, value in zip(self._header, values, strict=False) if name}
        self._gathering.accept(line, 0, cells)

    @property
    def _place(self) -> str:
        return f'{self._gathering.name}, sheet "{self._sheet_name}"'

    def _chosen(self) -> tuple[str, Any]:
        """Return name and cells of the sheet that was asked for, else of the first visible one with data."""
        asked, name = self._gathering.policy.sheet, self._gathering.name
        if asked is not None:
            everything = [*self._visible, *self._hidden]
            found = next((one for one in everything if one.strip().casefold() == asked.strip().casefold()), None)
            if found is None:
                raise UsageError(
                    f'{name} has no sheet "{asked}"{did_you_mean(asked, everything)}',
                    hint=f"Its sheets: {', '.join(everything)}.",
                )
            return found, self._loaded(found)
        said = [f'the hidden sheet "{hidden}" is not read' for hidden in self._hidden]
        for candidate in self._visible:
            sheet = self._loaded(candidate)
            if sheet.start is not None:
                others = [one for one in self._visible if one != candidate]
                if others:
                    said.insert(
                        0, f'read is the sheet "{candidate}", not {_listed(others)}; --sheet NAME reads another'
                    )
                self.notices = tuple(said)
                return candidate, sheet
        self.notices = tuple(said)
        return "", None

    def _loaded(self, sheet: str) -> Any:
        self._extent = self._workbook.extent(sheet)
        with _told(self._gathering.name):
            return self._book.get_sheet_by_name(sheet)

    def _find_header(self, sheet: Any) -> None:
        rows = _rows_of(sheet, self._gathering.name)
        top = [list(row) for row in islice(rows, HEADER_ROWS)]
        spread = [list(row) for row in top]
        spread_down(spread, sheet.merged_cell_ranges or ())
        at = header_row(spread)
        if at is None:
            return
        self._header = [_name(cell) for cell in spread[at]]
        while self._header and not self._header[-1]:
            self._header.pop()
        self._check_header(at)
        self._nameless = tuple(place for place, name in enumerate(self._header) if not name)
        self.columns = tuple(name for name in self._header if name)
        self._rows, self._first = chain(top[at + 1 :], rows), at + 1
        if at > 0:
            self.notices = (*self.notices, f"the columns are named in row {at + 1}; what stands above is left out")

    def _check_header(self, at: int) -> None:
        named = [name for name in self._header if name]
        twice = next((name for name in named if named.count(name) > 1), None)
        if twice is not None:
            raise SourceError(f"{self._place}, row {at + 1}: two columns are called {twice!r}", hint=_MEND_HEADER)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn what the library raises into a `SourceError`: a panic of its native code too."""
    try:
        yield
    except (SourceError, UsageError):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise SourceError(
            f"{name} cannot be read as a workbook: {error}", hint="Open it in Excel and save it again."
        ) from error


def _rows_of(sheet: Any, name: str) -> Iterator[list[Any]]:
    with _told(name):
        yield from sheet.iter_rows()


def _names(book: Any, library: Any) -> tuple[list[str], list[str]]:
    """Return the names of the visible and of the hidden sheets which hold cells (charts and macros do not)."""
    kinds, seen = library.SheetTypeEnum, library.SheetVisibleEnum
    sheets = [sheet for sheet in book.sheets_metadata if sheet.typ == kinds.WorkSheet]
    visible = [sheet.name for sheet in sheets if sheet.visible == seen.Visible]
    return visible, [sheet.name for sheet in sheets if sheet.visible != seen.Visible]


def _name(cell: Any) -> str:
    value = plain_value(cell)
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f'"{name}"' for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} or {len(names) - 3} more"


def column_letters(place: int) -> str:
    """Return what a spreadsheet calls the column at `place`, counted from 0."""
    letters, number = "", place + 1
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(65 + letter) + letters
    return letters
