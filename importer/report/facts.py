"""What a report shows, as frozen values; how they are gathered is not known here. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from importer.errors import ExitStatus
from importer.report.books import Books
from importer.report.timeline import Sample

FAILURES_MAX: Final = 20_000  #: rows that a page holds; more are in failures.jsonl
GROUP_ROWS_MAX: Final = 3  #: first rows shown with each code
DOUBTS_MAX: Final = 200  #: requests in doubt that a page lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of the run."""

    name: str  #: as an option
    value: str
    origin: str | None  #: option, variable or file that set it; None: the default


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to do next."""

    why: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A row that failed or cannot be told."""

    source: str
    line: int | None  #: 1-based; None where the format has no lines
    ordinal: int  #: 0-based
    name: str
    code: str
    column: str
    message: str

    @property
    def place(self) -> str:
        """Where the row stands, as editors take it."""
        at = f"{self.source}:{self.line}" if self.line is not None else f"{self.source} row {self.ordinal}"
        return f"{at} {self.column}" if self.column else at


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """The rows of a run that failed or cannot be told."""

    rows: tuple[Failure, ...] = ()  #: the first `FAILURES_MAX`, in the order of the ledger
    total: int = 0
    first: Mapping[str, tuple[Failure, ...]] = field(default_factory=dict)  #: code → its first few rows
    counts: Mapping[str, int] = field(default_factory=dict)  #: code → rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A request after which it was not known what HubSpot had made."""

    at: float  #: wall clock, epoch seconds
    records: int
    why: str
    settled: tuple[str, ...]  #: what was found out, a sentence each; none while it is open
    names: tuple[str, ...]  #: of the first few records
    earlier: bool  #: whether an earlier run sent it


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the report of one run shows."""

    run: int
    ledger: str
    tool: str | None  #: version of the importer that ran
    account: str  #: in words
    simulated: bool
    sources: tuple[str, ...]
    started_at: str | None  #: ISO 8601
    seconds: float | None
    status: ExitStatus | None  #: None: the run left no summary
    reason: str | None
    hint: str | None
    books: Books | None
    counts: Mapping[str, Any] = field(default_factory=dict)  #: the other counts of the summary
    samples: tuple[Sample, ...] = ()
    settings: tuple[Setting, ...] = ()
    next_steps: tuple[Step, ...] = ()
    failures: Failures = field(default_factory=Failures)
    doubts: tuple[Doubt, ...] = ()  #: the first `DOUBTS_MAX`
    doubts_total: int = 0
