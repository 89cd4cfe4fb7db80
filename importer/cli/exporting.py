"""`failures`: the failed rows of a ledger as a file to mend and import again."""

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, get_args

from importer import platforms
from importer.cli.errors import show_error
from importer.cli.screen import Screen
from importer.errors import ExitStatus, ImporterError, UsageError
from importer.failed_rows import Format, failed_rows, write_rows, write_sheet
from importer.report.details import DETAILS, read_details
from importer.workbook import SHEET

_FORMATS: Final = get_args(Format)
_EXCEL: Final = ".xlsx"

Rows = Callable[..., Iterator[dict[str, Any]]]


def failures(ledger: str, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Write the failed rows of `ledger` to --output, or to stdout as CSV; return the exit status."""
    del argv
    screen, rows = Screen(), partial(failed_rows, Path(ledger))
    raw, output = bool(flags.get("raw")), flags.get("output")
    try:
        if output is None:
            text = io.StringIO()
            write_rows(rows, text, "csv", raw=raw)
            screen.data(text.getvalue().removesuffix("\r\n"))
        else:
            count = _written(rows, Path(output), raw=raw, sheet=_sheet_of(Path(ledger)))
            screen.say(f"{output}: {count:,} failed rows to mend; import it with the same --ledger and mapping")
    except ImporterError as error:
        return show_error(error, screen)
    return int(ExitStatus.OK)


def _sheet_of(ledger: Path) -> str:
    """Return the sheet that --sheet named for the latest run: the same command is to find it in the mended file."""
    runs = sorted((ledger / "runs").glob("*/" + DETAILS), reverse=True)
    details = read_details(runs[0]) if runs else None
    settings = details.settings if details is not None else ()
    return next((one.value for one in settings if one.name == "--sheet" and one.origin is not None), SHEET)


def _written(rows: Rows, path: Path, *, raw: bool, sheet: str) -> int:
    """Write rows into a new file, 0600 as the ledger's own: it holds the same data. One that is there stays as it is.

    Raises:
        UsageError: the file is there, cannot be written, or is of a kind that nobody knows.
    """
    try:
        if path.suffix.lower() == _EXCEL:
            return write_sheet(partial(rows, typed=True), path, raw=raw, sheet=sheet)
        form = _form(str(path))
        descriptor = os.open(path, platforms.opening(os.O_WRONLY | os.O_CREAT | os.O_EXCL), 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            return write_rows(rows, file, form, raw=raw)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already", hint="Name another file, or remove it.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error


def _form(output: str) -> Format:
    form: Any = Path(output).suffix.removeprefix(".").lower()
    if form == "parquet":
        raise UsageError(
            f"{output}: failed rows are to be mended by hand, and nothing that people use writes Parquet",
            hint="Name a file that ends in .jsonl, which keeps the types of the cells, or in .xlsx or .csv.",
        )
    if form not in _FORMATS:
        raise UsageError(
            f"{output} is not one of {', '.join((*_FORMATS, 'xlsx'))}", hint="Name a file that ends in .csv."
        )
    return form  # type: ignore[no-any-return] # checked against the Literal above
