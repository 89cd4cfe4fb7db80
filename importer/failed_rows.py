"""Failed rows as a file to mend and import again: the source's own columns, and beside them what is wrong.

The columns `_code`, `_error`, `_line` and `_identity` are known to every import and never become properties. With
`_identity` a mended row is told from a new one. In CSV, TSV and Excel, cells that a spreadsheet would run are guarded;
reading a file with these columns takes the guard off again.

What a sheet held as a day, a time, a truth value or an error is held so by the workbook of its failed rows. The ledger
keeps cells as plain values, so this is told by their form: whatever has that form is read back as the same value.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Literal, TextIO

import orjson

from importer.errors import LedgerError
from importer.formulas import guard
from importer.inspecting import latest_passes
from importer.ledger.opening import read_header
from importer.ledger.projections import FAILURES, RESULTS
from importer.model import CellError
from importer.workbook import SHEET, Cell, is_writable, write_workbook

OWN: Final = ("_code", "_error", "_line", "_identity")

Format = Literal["csv", "tsv", "jsonl", "json"]
_WORKBOOKS: Final = (".xlsx", ".xlsm")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_ERRORS: Final = {error.value: error for error in CellError}


def failed_rows(folder: Path, *, typed: bool = False) -> Iterator[dict[str, Any]]:
    """Yield each row that is left to mend, as the source held it, with `OWN` added. Memory: a mark of each.

    Left to mend is what failed in the latest complete pass over its source, but for what a later run made, or met again
    in another file: that of the failed rows themselves, mended in part.

    `typed`: the cells of sheets are those of a sheet, for `write_sheet`.

    A source that was never read to its end counts with its latest run. Rows that cannot be told (unresolved) are no
    rows to mend and are left out, and so are budget and spend items: their campaigns are made.

    Raises:
        LedgerError: there is no ledger in `folder`, or its failures cannot be read.
    """
    for failure in left_to_mend(folder):
        row = _as_row(failure)
        yield _as_cells(row) if typed and failure["source"].lower().endswith(_WORKBOOKS) else row


def left_to_mend(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the failures of these rows, as they stand in the ledger. Raises as `failed_rows`."""
    read_header(folder)
    newest: dict[str | bytes, int] = {}
    for failure in _latest(folder):
        mark = _mark(failure)
        newest[mark] = max(failure["run"], newest.get(mark, 0))
    if newest:
        for result in _lines(folder / RESULTS):
            if result["identity"] in newest:
                newest[result["identity"]] = max(result["run"], newest[result["identity"]])
    for failure in _latest(folder):
        if failure["run"] == newest.get(_mark(failure)):  # a run at work may have added some
            yield failure


def _latest(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the failures of each source's latest complete pass."""
    passes = {source: latest["run"] for source, latest in latest_passes(folder).items()}
    latest_run: dict[str, int] = {}
    for failure in _failures(folder):
        latest_run[failure["source"]] = failure["run"]
    for failure in _failures(folder):
        source = failure["source"]
        if failure["state"] == "failed" and failure["run"] == passes.get(source, latest_run[source]):
            yield failure


def _mark(failure: dict[str, Any]) -> str | bytes:
    """Return what tells a row from others: its identity or, where it has none, what its cells say in a file of text.

    A file of failed rows has more columns than some row, and numbers as texts: they tell no rows apart.
    """
    if failure["identity"] is not None:
        return str(failure["identity"])
    held = failure["row"]
    cells = held
    if isinstance(held, dict):
        cells = {name: text for name, cell in held.items() if name not in OWN and (text := _text(cell))}
    return blake2b(orjson.dumps(cells, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def _failures(folder: Path) -> Iterator[dict[str, Any]]:
    return (failure for failure in _lines(folder / FAILURES) if "item" not in failure)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):  # a run that is at work may be writing the last one
                    yield orjson.loads(line)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise LedgerError(f"{path} cannot be read: {error}", hint="importer verify says what is wrong.") from error


def _as_row(failure: dict[str, Any]) -> dict[str, Any]:
    held = failure["row"] or failure.get("properties") or {"hs_name": failure["name"]}
    cells = held if isinstance(held, dict) else {"_row": held}
    at = failure["ordinal"] if failure["line_number"] is None else failure["line_number"]
    told = {"_code": failure["code"], "_error": failure["message"], "_line": at, "_identity": failure["identity"]}
    return {name: cell for name, cell in cells.items() if name not in OWN} | told


def _as_cells(row: dict[str, Any]) -> dict[str, Any]:
    return {name: cell if name in OWN else _as_cell(cell) for name, cell in row.items()}


def _as_cell(cell: Any) -> Any:
    """Return the day, moment or error that a text of a sheet's row stands for, where a sheet can hold it."""
    if not isinstance(cell, str):
        return cell
    found: Any = None
    with suppress(ValueError):
        if _DAY.fullmatch(cell):
            found = date.fromisoformat(cell)
        elif _MOMENT.fullmatch(cell) and not cell.endswith("T00:00:00"):
            found = datetime.fromisoformat(cell)
    if found is not None and is_writable(found):
        return found
    return _ERRORS.get(cell, cell)


def write_rows(
    rows: Callable[[], Iterator[dict[str, Any]]], file: TextIO, form: Format, *, raw: bool = False,
    delimiter: str | None = None,
) -> int:  # fmt: skip
    """Write rows and return how many; `raw` leaves formulas as they are. `rows` is read twice: columns, then cells.

    `delimiter` is that of CSV and TSV; None: a comma, a tab.
    """
    if form == "jsonl":
        return sum(bool(file.write(orjson.dumps(row).decode() + "\n")) for row in rows())
    if form == "json":
        return _write_array(rows(), file)
    columns = _columns(rows())
    delimiter = delimiter or ("\t" if form == "tsv" else ",")
    # Both characters of the line's end are quoted in cells: Python before 3.13 forgets a lone carriage return else.
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(columns)
    count = 0
    for cells in _cells(rows(), columns, raw=raw):
        writer.writerow(cells)
        count += 1
    return count


def is_ascii(rows: Iterator[dict[str, Any]]) -> bool:
    """Return whether no letter of the rows, or of their columns, is beyond ASCII."""
    return all(name.isascii() and _text(cell).isascii() for row in rows for name, cell in row.items())


def _write_array(rows: Iterator[dict[str, Any]], file: TextIO) -> int:
    file.write("[")
    count = 0
    for count, row in enumerate(rows, 1):
        file.write(("\n" if count == 1 else ",\n") + orjson.dumps(row).decode())
    file.write("\n]\n")
    return count


def write_sheet(
    rows: Callable[[], Iterator[dict[str, Any]]], path: Path, *, raw: bool = False, sheet: str = SHEET
) -> int:  # fmt: skip
    """Write rows to the only sheet of a new workbook at `path` and return how many; else as `write_rows`.

    Raises as `write_workbook`.
    """
    columns = _columns(rows())
    return write_workbook(path, columns, _typed_cells(rows(), columns, raw=raw), sheet=sheet)


def _typed_cells(rows: Iterator[dict[str, Any]], columns: Sequence[str], *, raw: bool) -> Iterator[list[Cell]]:
    for row in rows:
        yield [_typed(row.get(column), raw=raw) for column in columns]


def _typed(cell: Any, *, raw: bool) -> Cell:
    if isinstance(cell, bool | date | CellError):
        return cell
    return _text(cell) if raw else guard(_text(cell))


def _cells(rows: Iterator[dict[str, Any]], columns: Sequence[str], *, raw: bool) -> Iterator[list[str]]:
    for row in rows:
        cells = [_text(row.get(column)) for column in columns]
        yield cells if raw else [guard(cell) for cell in cells]


def _columns(rows: Iterator[dict[str, Any]]) -> Sequence[str]:
    seen = dict.fromkeys(name for row in rows for name in row)
    return [*(name for name in seen if name not in OWN), *OWN]


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else orjson.dumps(cell).decode()
