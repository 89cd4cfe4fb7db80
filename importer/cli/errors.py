"""What an error looks like: one line and a hint; a traceback only in a log."""

import os
import tempfile
from pathlib import Path

from importer.cli.screen import Screen
from importer.errors import ImporterError, InternalError
from importer.logs import make_log
from importer.report.summary import refusal_text


def show_error(error: ImporterError, screen: Screen, *, as_json: bool = False) -> int:
    """Say what ended a command before it began: one line and a hint. Return its exit status."""
    screen.say(f"error: {error.message}", style="red")
    if error.hint:
        screen.say(f"hint: {error.hint}")
    if as_json:
        screen.data(refusal_text(error))
    return int(error.exit_status)


def internal_error(error: Exception, where: Path) -> InternalError:
    """Return what people are told of an error that nobody foresaw; its traceback is in the file `where`."""
    return InternalError(
        f"internal error ({type(error).__name__}); the log is {where}",
        hint="The ledger is as safe as after a kill: the same command goes on. Please report this.",
    )


def crash_report(error: Exception, *secrets: str) -> Path:
    """Write a traceback, without `secrets`, where there is no ledger to hold it; return the file's path."""
    number, name = tempfile.mkstemp(prefix="importer-", suffix=".log")
    with os.fdopen(number, "w", encoding="utf-8") as file:
        make_log(file.write, secrets=secrets).error("internal error", exc_info=error)
    return Path(name)
