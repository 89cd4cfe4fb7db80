"""`explain`: what a code or an exit status means, offline."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from importer.cli.errors import show_error
from importer.cli.screen import Screen
from importer.errors import ExitStatus, UsageError
from importer.near_miss import did_you_mean
from importer.problems import CODES

#: What each exit status means, for people; a test holds that none is missing.
STATUSES: Final[Mapping[ExitStatus, str]] = {
    ExitStatus.OK: "every record was created, updated or skipped",
    ExitStatus.SOME_FAILED: "finished; some records failed, or rows ended as else --fail-on names; or an undo left what"
    " somebody had changed",
    ExitStatus.USAGE: "usage, configuration, or another identity scheme than the ledger's",
    ExitStatus.SOURCE: "the source is unreadable, truncated or changed while it was read, or nothing in it is valid",
    ExitStatus.ACCESS: "credentials, scope, another account or base URL than the ledger's",
    ExitStatus.LEDGER: "the ledger is damaged or not writable, or the disk is full",
    ExitStatus.UNRESOLVED: "finished; some records unresolved, or unexpected campaigns in the answers; or a probe, an"
    " undo or a comparison left something unanswered or unarchived",
    ExitStatus.PAUSED: "paused, and the same command goes on: daily quota or our share of it, migration,"
    " outage, the time that was permitted",
    ExitStatus.THRESHOLD: "stopped by the failure threshold, or it was passed when the run ended (--max-failures)",
    ExitStatus.DIFFERENCES: "verify found differences in the ledger or with HubSpot, or probe an assumption that does"
    " not hold",
    ExitStatus.HELD: "the ledger is held by another run: look again later",
    ExitStatus.INTERNAL: "internal error",
    ExitStatus.BOOKS: "the books do not balance",
    ExitStatus.INTERRUPTED: "interrupted (SIGINT); the same command goes on",
    ExitStatus.TERMINATED: "terminated (SIGTERM); the same command goes on",
}


def explain(code: str | None, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Say what `code` means, or list all codes and statuses; return the exit status."""
    del flags, argv
    screen = Screen()
    if code is None:
        for name, meaning in values():
            screen.data(f"{name:<22} {meaning}")
        return int(ExitStatus.OK)
    if code in CODES:
        screen.data(f"{code}: {CODES[code].meaning}\n{CODES[code].fix}")
        return int(ExitStatus.OK)
    if code.isdigit() and int(code) in set(ExitStatus):
        screen.data(f"{code}: {STATUSES[ExitStatus(int(code))]}")
        return int(ExitStatus.OK)
    error = UsageError(f'there is no code "{code}"{did_you_mean(code, CODES)}', hint="importer explain lists them.")
    return show_error(error, screen)


def values() -> list[tuple[str, str]]:
    """Return every code and exit status with its meaning."""
    statuses = [(str(int(status)), meaning) for status, meaning in STATUSES.items()]
    return [*((name, CODES[name].meaning) for name in CODES), *statuses]
