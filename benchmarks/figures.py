"""What was measured, as values, and the figures that follow from it. Nothing here measures, reads or writes.

A ratio is that of the means of its two sides, whose runs alternated. A figure whose runs were not made, or were made
with fewer rows than its name says, is None.
"""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MILLION: Final = 1_000_000
MIB: Final = 2**20

IMPORTER: Final = "importer"
BARE: Final = "bare"
#: Every way to send, as the tables call it.
CLIENTS: Final = {
    IMPORTER: "importer",
    BARE: "bare aiohttp loop",
    "pipelined": "bare socket, pipelined",
    "api_request": "hubspot-api-client, `api_request`",
    "sdk": "hubspot-sdk, asynchronous",
    "typed": "hubspot-api-client, typed call",
}


class Case(NamedTuple):
    """Runs of one case may be averaged."""

    client: str  #: a key of `CLIENTS`
    form: str  #: csv, jsonl, jsonl.gz
    latency_ms: float  #: of the stub
    workers: int
    python: str  #: version of the interpreter


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one client against a stub of its own."""

    case: Case
    records: int
    seconds: float  #: the importer's from the start of its process, the others' from the first row
    cpu_s: float  #: user and system, over the same time
    peak_bytes: int  #: resident, of the whole process
    stub_cpu_s: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds


@dataclass(slots=True, kw_only=True)
class Measured:
    """Everything that one benchmark saw."""

    runs: list[Run] = field(default_factory=list)
    largest: list[Run] = field(default_factory=list)  #: the import that shows whether memory is flat
    rerun_records: int = 0
    rerun_s: list[float] = field(default_factory=list)  #: of a finished import, once more
    reread_s: list[float] = field(default_factory=list)  #: the same with another setting: the file is read
    rerun_creates: int | None = None  #: creating requests of all re-runs
    synced: list[float] = field(default_factory=list)  #: records a second
    unsynced: list[float] = field(default_factory=list)  #: records a second, without any sync
    lags_s: list[float] = field(default_factory=list)  #: worst lag of the event loop, for each run
    first_request_s: list[float] = field(default_factory=list)  #: from the start of the process
    help_s: list[float] = field(default_factory=list)
    bare_start_s: list[float] = field(default_factory=list)  #: of an interpreter that does nothing

    def of(self, client: str, *, latency_ms: float = 0) -> list[Run]:
        """Return the runs of `client` over CSV with the interpreter that came first."""
        found = [run for run in self.runs if run.case[:3] == (client, "csv", latency_ms)]
        return [run for run in found if run.case.python == self.runs[0].case.python]


def mean_rate(runs: Iterable[Run]) -> float | None:
    """Return the mean records a second; None of no runs."""
    return _mean([run.rate for run in runs])


def _mean(values: Sequence[float]) -> float | None:
    return statistics.mean(values) if values else None


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None


def _against(client: str) -> Callable[[Measured], float | None]:
    return lambda seen: _ratio(mean_rate(seen.of(IMPORTER)), mean_rate(seen.of(client)))


def _hidden(seen: Measured) -> float | None:
    """Return the rate at 100 ms as a share of what so many workers can reach: each 50 records in 0.1 s."""
    runs = seen.of(IMPORTER, latency_ms=100)
    return _ratio(mean_rate(runs), runs[0].case.workers * 50 / 0.1) if runs else None


def _peak(runs: Sequence[Run], records: int) -> float | None:
    return max((run.peak_bytes / MIB for run in runs if run.records == records), default=None)


class Goal(NamedTuple):
    """One line of the table of goals."""

    name: str
    goal: float
    more: bool  #: whether more is better
    shown: str  #: how a value is written
    value: Callable[[Measured], float | None]

    def met(self, value: float | None) -> str:
        """Return "yes", "no" or, of what was not measured, a hyphen."""
        if value is None:
            return "-"
        return "yes" if (value >= self.goal if self.more else value <= self.goal) else "no"

    def write(self, value: float | None) -> str:
        """Return `value` as the table shows it."""
        return "-" if value is None else self.shown.format(value)


GOALS: Final = (
    Goal("records/s ÷ bare aiohttp loop", 0.15, True, "{:.3f}", _against(BARE)),
    Goal("records/s ÷ hubspot-sdk", 8, True, "{:.1f}", _against("sdk")),
    Goal("records/s ÷ hubspot-api-client, typed call", 6, True, "{:.1f}", _against("typed")),
    Goal("records/s ÷ hubspot-api-client, `api_request`", 1.5, True, "{:.2f}", _against("api_request")),
    Goal("records/s on one core, CSV", 60_000, True, "{:,.0f}", lambda seen: mean_rate(seen.of(IMPORTER))),
    Goal("latency of 100 ms hidden by 16 workers", 0.92, True, "{:.3f}", _hidden),
    Goal("peak memory, 1,000,000 rows", 90, False, "{:.0f} MiB", lambda seen: _peak(seen.of(IMPORTER), MILLION)),
    Goal("peak memory, 10,000,000 rows ÷ 1,000,000", 1.15, False, "{:.2f}",
         lambda seen: _ratio(_peak(seen.largest, 10 * MILLION), _peak(seen.of(IMPORTER), MILLION))),
    Goal("records/s with every sync ÷ without", 0.90, True, "{:.3f}",
         lambda seen: _ratio(_mean(seen.synced), _mean(seen.unsynced))),
    Goal("worst lag of the event loop", 50, False, "{:.0f} ms",
         lambda seen: max((lag * 1_000 for lag in seen.lags_s), default=None)),
    Goal("process start to first request", 0.6, False, "{:.2f} s", lambda seen: _median(seen.first_request_s)),
    Goal("`importer --help` ÷ an interpreter that does nothing", 5, False, "{:.1f}",
         lambda seen: _ratio(_median(seen.help_s), _median(seen.bare_start_s))),
    Goal("finished import of 1,000,000 rows, run again", 15, False, "{:.1f} s",
         lambda seen: _mean(seen.rerun_s) if seen.rerun_records == MILLION else None),
    Goal("the same, but each row read and looked up", 15, False, "{:.1f} s",
         lambda seen: _mean(seen.reread_s) if seen.rerun_records == MILLION else None),
    Goal("creating requests of these re-runs", 0, False, "{:.0f}", lambda seen: seen.rerun_creates),
)  # fmt: skip
