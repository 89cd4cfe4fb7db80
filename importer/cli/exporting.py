"""`failures`: the failed rows of a ledger as a file to mend and import again."""

import io
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

from importer import platforms
from importer.cli.errors import show_error
from importer.cli.pasting import quoted
from importer.cli.screen import Screen
from importer.errors import ExitStatus, ImporterError, UsageError
from importer.failed_rows import Format, failed_rows, is_ascii, left_to_mend, write_rows, write_sheet
from importer.ledger.opening import read_header
from importer.report.details import DETAILS, Details, read_details
from importer.report.words import many
from importer.sources import ReadPolicy, open_source
from importer.sources.encoding import canonical_encoding
from importer.sources.policy import spelt_out
from importer.workbook import SHEET

_FORMATS: Final = get_args(Format)
_EXCEL: Final = ".xlsx"
_UTF8: Final = "utf-8"

Rows = Callable[..., Iterator[dict[str, Any]]]


def failures(ledger: str, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Write the failed rows of `ledger` to --output, or to stdout as CSV; return the exit status."""
    del argv
    screen, rows = Screen(), partial(failed_rows, Path(ledger))
    raw, output = bool(flags.get("raw")), flags.get("output")
    try:
        read_header(Path(ledger))  # says so where there is no ledger, before anything is looked for in it
        like = _like(Path(ledger))
        if output is None:
            text = io.StringIO(_mark(screen, like))
            text.seek(0, io.SEEK_END)
            write_rows(rows, text, "csv", raw=raw, delimiter=like.told)
            screen.data(text.getvalue().removesuffix("\r\n"))
        else:
            count = _written(rows, Path(output), raw=raw, like=like)
            how = "; import it with the same --ledger and mapping" if count else ""
            screen.say(f"{output}: {many(count, 'failed row') if count else 'no failed rows'} to mend{how}")
            if count and (command := _importing(ledger, output)) is not None:
                screen.say(f"once mended: {command}")
    except ImporterError as error:
        return show_error(error, screen)
    return int(ExitStatus.OK)


def _importing(ledger: str, output: str) -> str | None:
    """Return the command that imports the mended file: that of the latest run, where it says which rows failed.

    None where another run came after, or where its sources cannot be told from its options.
    """
    details = _details(Path(ledger))
    steps = details.next_steps if details is not None else ()
    command = next((step.command for step in steps if " run " in step.command), "")
    sources = {failure["source"] for failure in left_to_mend(Path(ledger))}
    if "…" in command or "$'" in command:  # a secret that was left out, or what no shell but bash spells so
        return None
    words = shlex.split(command)
    kept = [word for word in words if word not in sources]
    if kept == words:
        return None
    kept = list(_without_format(kept))  # the name of the file says it
    kept += [] if any(word.split("=")[0] == "--ledger" for word in kept) else ["--ledger", ledger]
    return " ".join(map(quoted, [*kept, output]))


def _without_format(words: Iterable[str]) -> Iterator[str]:
    left = iter(words)
    for word in left:
        if word == "--format":
            next(left, None)
        elif not word.startswith("--format="):
            yield word


def _details(ledger: Path) -> Details | None:
    """Return what the latest run left behind; None where that is nothing."""
    runs = sorted((ledger / "runs").glob("*/" + DETAILS), reverse=True)
    return read_details(runs[0]) if runs else None


class _Like(NamedTuple):
    """How the sources are written: the command that read them is to find the mended file written so, too."""

    sheet: str
    delimiter: str | None  #: where it was named
    told: str | None  #: that, or the one in a source
    encoding: str | None  #: where it was named, and is another than UTF-8


def _like(ledger: Path) -> _Like:
    """Return what the latest run was told by its options and else, where they still are there, what the sources say."""
    details = _details(ledger)
    named = {one.name: one.value for one in (details.settings if details is not None else ()) if one.origin is not None}
    sources = dict.fromkeys(failure["source"] for failure in left_to_mend(ledger))
    encoding = canonical_encoding(named.get("--encoding", _UTF8))
    delimiter = spelt_out(named.get("--delimiter"))
    found = (_delimiter(source, ReadPolicy(encoding=encoding)) for source in sources)
    return _Like(
        sheet=named.get("--sheet", SHEET), delimiter=delimiter, told=delimiter or next(filter(None, found), None),
        encoding=None if encoding == _UTF8 else encoding,
    )  # fmt: skip


def _mark(screen: Screen, like: _Like) -> str:
    """Return what stdout begins with, so that who reads it as the encoding of the source is told that it is another."""
    return "\ufeff" if like.encoding is not None and screen.data_is_utf8 else ""


def _delimiter(source: str, policy: ReadPolicy) -> str | None:
    """Return what stands between the cells of a source; None where that cannot be told."""
    if not Path(source).is_file() or Path(source).suffix.lower() != ".csv":
        return None
    try:
        with open_source(source, policy) as opened:
            return opened.delimiter
    except ImporterError:
        return None  # it may be another file by now


def _written(rows: Rows, path: Path, *, raw: bool, like: _Like) -> int:
    """Write rows into a new file, 0600 as the ledger's own: it holds the same data. One that is there stays as it is.

    A byte order mark stands before letters beyond ASCII, which a spreadsheet takes for others without it, and where the
    same command would read the file in another encoding, whatever the file's format.

    Raises:
        UsageError: the file is there, cannot be written, or is of a kind that nobody knows.
    """
    try:
        if path.suffix.lower() == _EXCEL:
            return write_sheet(partial(rows, typed=True), path, raw=raw, sheet=like.sheet)
        form = _form(str(path))
        descriptor = os.open(path, platforms.opening(os.O_WRONLY | os.O_CREAT | os.O_EXCL), 0o600)
        marked = like.encoding is not None or (form in {"csv", "tsv"} and not is_ascii(rows()))
        with os.fdopen(descriptor, "w", encoding="utf-8-sig" if marked else "utf-8", newline="") as file:
            delimiter = like.told if form == "csv" else like.delimiter
            return write_rows(rows, file, form, raw=raw, delimiter=delimiter)
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
