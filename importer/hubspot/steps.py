"""What an exchange means and what to do next, as values: the vocabulary of `verdicts`. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from importer.errors import ImporterError, PausedError
from importer.hubspot.wire import BatchReply
from importer.model import RemoteError

T = TypeVar("T")


class Outcome(StrEnum):
    """What is known of an attempt once its exchange is over."""

    ANSWERED = "answered"  #: a complete, readable answer; each record is told by pairing
    REFUSED = "refused"  #: an answer that proves that nothing was made
    NOT_SENT = "not_sent"  #: no byte of the request was on the wire
    UNKNOWN = "unknown"  #: everything else: what is not told otherwise is in doubt


@dataclass(frozen=True, slots=True)
class Settle:
    """Pair the results with the inputs; with an `UNKNOWN` outcome, what is left over is in doubt."""

    batch: BatchReply


@dataclass(frozen=True, slots=True)
class Bisect:
    """Something in the batch is refused: cut it in halves until the poison records stand alone."""


@dataclass(frozen=True, slots=True)
class SplitBySize:
    """The request is too large: halve it by bytes; a record alone is `failed: too_large`."""


@dataclass(frozen=True, slots=True)
class Resend:
    """Send the same again."""

    after_s: float | None  #: seconds from now; None leaves the wait to the caller's `Backoff`
    whole_client: bool  #: whether nobody may send for that long, not just this request


@dataclass(frozen=True, slots=True)
class Pause:
    """End the run, resumable; or sleep through, when the user asked for that."""

    error: PausedError
    wait_s: float | None  #: seconds until it makes sense to go on; None when HubSpot does not say


@dataclass(frozen=True, slots=True)
class LookUp:
    """The batch is in doubt: settle, then look what became of it."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing that this run sends will fare better: end it; the records are as they were before."""

    error: ImporterError  #: with exit status and hint


@dataclass(frozen=True, slots=True)
class Use(Generic[T]):
    """The answer to a question is here."""

    data: T


Step = Settle | Bisect | SplitBySize | Resend | Pause | LookUp | Stop
ReadStep = Use[T] | Resend | Pause | Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is worth keeping of an exchange besides its meaning."""

    code: str  #: short stable word of the table's row, for ledgers and logs
    message: str  #: HubSpot's first message, or what happened on the way; one sentence
    status: int | None  #: HTTP status; None without an answer
    correlation_id: str | None  #: HubSpot's id of the request, which its support asks for
    errors: tuple[RemoteError, ...]  #: HubSpot's errors, flattened


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Circumstances):
    """The meaning of an attempt to create."""

    outcome: Outcome
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadVerdict(Circumstances, Generic[T]):
    """The meaning of a question: a list, a read, the account's details. Asking again is always safe."""

    step: ReadStep[T]


class TableRow(NamedTuple):
    """One row of the table of verdicts, for the documentation."""

    what: str
    outcome: str
    step: str
    sentence: str
