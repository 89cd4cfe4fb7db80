"""`report`: a run's report.html, made anew."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from importer.cli.errors import show_error
from importer.cli.screen import Screen, clean
from importer.errors import ExitStatus, ImporterError, UsageError
from importer.reporting import write_report


def report(ledger: str, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Make the report of a run of `ledger`, and open it when asked to; return the exit status."""
    del argv
    screen = Screen()
    try:
        output = flags.get("output")
        path = _written(Path(ledger), _number(flags.get("run")), Path(output) if output else None)
    except ImporterError as error:
        return show_error(error, screen)
    screen.data(clean(str(path)))
    if flags.get("open"):
        import webbrowser  # noqa: PLC0415 - it loads much, and is seldom asked for

        if not webbrowser.open(path.resolve().as_uri()):
            screen.say("no browser was found to open it with", style="yellow")
    return int(ExitStatus.OK)


def _written(ledger: Path, run: int | None, output: Path | None) -> Path:
    try:
        return write_report(ledger, run, output)
    except OSError as error:
        raise UsageError(
            f"the report cannot be written: {error.strerror or error}", hint="Name a file with --output."
        ) from None


def _number(typed: str | None) -> int | None:
    if typed is None:
        return None
    if not typed.isascii() or not typed.isdecimal():
        raise UsageError(f"--run must be the number of a run, not {typed!r}")
    return int(typed)
