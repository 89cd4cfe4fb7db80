"""The errors that end a run.

    ImporterError
    ├── UsageError             2   options, configuration, mapping
    │   └── IdentityChangedError      another identity scheme than the ledger's
    ├── SourceError            3   unreadable, truncated, changed, nothing valid in it
    ├── AccessError            4   credentials, scope, another account or base URL
    ├── LedgerError            5   damaged, not writable, disk full
    │   └── LedgerHeldError   10   another run has it
    ├── AccountHeldError      10   another run has the account
    ├── FleetHeldError        10   another driver has the fleet
    ├── PausedError            7   quota, migration, outage: resumable
    └── InternalError         70   a bug of ours, or an API that is gone
        └── BooksError        71   the books do not balance

What is wrong with one record is a value (`model.Rejection`, `model.Failed`), not an exception. Messages are one
sentence and free of secrets; `hint` says what to do next. This module is pure.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Final, TypeVar

_Error = TypeVar("_Error", bound=BaseException)

AGAIN: Final = "Nothing is lost: free some space or mend the disk, and run the same command again."


class ExitStatus(IntEnum):
    """Exit statuses of the command line; when several hold, `PRECEDENCE` decides."""

    OK = 0  #: every record created, updated or skipped
    SOME_FAILED = 1  #: finished; some records failed
    USAGE = 2  #: usage, configuration, or another identity scheme than the ledger's
    SOURCE = 3  #: source unreadable, truncated or changed while it was read, or nothing in it valid
    ACCESS = 4  #: credentials, scope, another account or base URL than the ledger's
    LEDGER = 5  #: ledger damaged, not writable, disk full
    UNRESOLVED = 6  #: finished; some records unresolved, or unexpected campaigns in the replies
    PAUSED = 7  #: paused and resumable: daily quota, migration, outage
    THRESHOLD = 8  #: stopped by the failure threshold
    DIFFERENCES = 9  #: verify found differences, or probe an assumption that does not hold
    HELD = 10  #: ledger or account held by another run
    INTERNAL = 70  #: internal error
    BOOKS = 71  #: the books do not balance
    INTERRUPTED = 130  #: interrupted (SIGINT); resumable
    TERMINATED = 143  #: terminated (SIGTERM); resumable


#: The first of these that holds is the exit status.
PRECEDENCE = (
    ExitStatus.BOOKS,
    ExitStatus.INTERNAL,
    ExitStatus.HELD,
    ExitStatus.LEDGER,
    ExitStatus.ACCESS,
    ExitStatus.INTERRUPTED,
    ExitStatus.TERMINATED,
    ExitStatus.USAGE,
    ExitStatus.SOURCE,
    ExitStatus.THRESHOLD,
    ExitStatus.PAUSED,
    ExitStatus.DIFFERENCES,
    ExitStatus.UNRESOLVED,
    ExitStatus.SOME_FAILED,
    ExitStatus.OK,
)


class ImporterError(Exception):
    """Something ended the run."""

    exit_status = ExitStatus.INTERNAL

    def __init__(self, message: str | None = None, *, hint: str | None = None) -> None:
        """Take a one-sentence message (default: the class's docstring) and what to do next."""
        super().__init__(message or (type(self).__doc__ or "").strip().rstrip("."))
        self.hint = hint

    @property
    def message(self) -> str:
        """The sentence for people."""
        return str(self.args[0])


class UsageError(ImporterError):
    """The options or the configuration do not make sense."""

    exit_status = ExitStatus.USAGE


class IdentityChangedError(UsageError):
    """The records would get other identities than the ledger gave them before."""


class SourceError(ImporterError):
    """The source cannot be read to its end."""

    exit_status = ExitStatus.SOURCE


class AccessError(ImporterError):
    """HubSpot does not let us in."""

    exit_status = ExitStatus.ACCESS


class LedgerError(ImporterError):
    """The ledger cannot be trusted or written."""

    exit_status = ExitStatus.LEDGER


class LedgerHeldError(LedgerError):
    """Another run holds the ledger."""

    exit_status = ExitStatus.HELD


class AccountHeldError(ImporterError):
    """Another run holds the account."""

    exit_status = ExitStatus.HELD


class FleetHeldError(ImporterError):
    """Another driver is at work on the fleet."""

    exit_status = ExitStatus.HELD


class PausedError(ImporterError):
    """The run stopped in a way that the same command continues."""

    exit_status = ExitStatus.PAUSED

    def __init__(self, message: str | None = None, *, hint: str | None = None, wait_s: float | None = None) -> None:
        """Take message and hint, and the seconds after which it may go on, where somebody named them."""
        super().__init__(message, hint=hint)
        self.wait_s = wait_s


class InternalError(ImporterError):
    """A bug of the importer."""

    exit_status = ExitStatus.INTERNAL


class BooksError(InternalError):
    """The books do not balance."""

    exit_status = ExitStatus.BOOKS


def leaves(error: _Error | BaseExceptionGroup[_Error]) -> Iterator[_Error]:
    """Yield the errors that a group is made of, however it is nested, or the one error that is no group."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error
