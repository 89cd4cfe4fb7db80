"""Failed rows as a file to mend and import again: the source's own columns, and beside them what is wrong.

The columns `_code`, `_error`, `_line` and `_identity` are known to every import and never become properties. With
`_identity` a mended row is told from a new one. In CSV, TSV and Excel, cells that a spreadsheet would run are guarded;
reading a file with these columns takes the guard off again.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TextIO

import orjson

from importer.errors import LedgerError
from importer.formulas import guard
from importer.inspecting import latest_passes
from importer.ledger.opening import read_header
from importer.ledger.projections import FAILURES
from importer.workbook import write_workbook

OWN: Final = ("_code", "_error", "_line", "_identity")

Format = Literal["csv", "tsv", "jsonl"]
_DELIMITERS: Final = {"csv": ",", "tsv": "\t"}


def failed_rows(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield each row that failed in the latest complete pass over its source, as the source held it, with `OWN` added.

    A source that was never read to its end counts with its latest run. Rows that cannot be told (unresolved) are no
    rows to mend and are left out.

    Raises:
        LedgerError: there is no ledger in `folder`, or its failures cannot be read.
    """
    read_header(folder)
    passes = {source: latest["run"] for source, latest in latest_passes(folder).items()}
    latest_run: dict[str, int] = {}
    for failure in _failures(folder):
        latest_run[failure["source"]] = failure["run"]
    for failure in _failures(folder):
        source = failure["source"]
        if failure["state"] == "failed" and failure["run"] == passes.get(source, latest_run[source]):
            yield _as_row(failure)


def _failures(folder: Path) -> Iterator[dict[str, Any]]:
    path = folder / FAILURES
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


def write_rows(rows: Callable[[], Iterator[dict[str, Any]]], file: TextIO, form: Format, *, raw: bool = False) -> int:
    """Write rows and return how many; `raw` leaves formulas as they are. `rows` is read twice: columns, then cells."""
    if form == "jsonl":
        return sum(bool(file.write(orjson.dumps(row).decode() + "\n")) for row in rows())
    columns = _columns(rows())
    # Both characters of the line's end are quoted in cells: Python before 3.13 forgets a lone carriage return else.
    writer = csv.writer(file, delimiter=_DELIMITERS[form], lineterminator="\r\n")
    writer.writerow(columns)
    count = 0
    for cells in _cells(rows(), columns, raw=raw):
        writer.writerow(cells)
        count += 1
    return count


def write_sheet(rows: Callable[[], Iterator[dict[str, Any]]], path: Path, *, raw: bool = False) -> int:
    """Write rows to a new workbook at `path` and return how many; else as `write_rows`. Raises as `write_workbook`."""
    columns = _columns(rows())
    return write_workbook(path, columns, _cells(rows(), columns, raw=raw))


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
