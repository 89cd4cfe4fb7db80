"""The measurements, one after the other: which runs are made, how many rows they get, and in which order.

Runs that are compared alternate (A B A B …), each against a fresh stub. The slower clients get fewer rows, since rates
are compared; the runs' table says how many.
"""

import itertools
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import campaigns, durability
from benchmarks.figures import BARE, IMPORTER, MILLION, Case, Measured, Run
from benchmarks.importing import FORMATS, WORKERS, Import, import_once
from benchmarks.machine import python_version
from benchmarks.processes import cores, measured, stub

_LATENCY_MS: Final = 100.0
_BYTES_PER_ROW: Final = 4_000  #: sources, journal, ledgers and index together, with room to spare
#: hubspot-api-client is synchronous: one after the other is quickest without latency, threads with it.
_SYNCHRONOUS: Final = frozenset({"typed", "api_request"})
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured."""

    rows: int  #: of the importer's runs without latency
    rounds: int
    others: Mapping[str, int]  #: other client → records without latency
    late_rows: int  #: of the importer's runs with latency
    late_others: Mapping[str, int]
    inside_rows: int  #: of the runs for syncs and lag
    starts: int  #: pairs of starts
    largest: int | None = None  #: rows of one more import


_MANY: Final = {BARE: MILLION, "pipelined": MILLION, "api_request": 100_000, "sdk": 30_000, "typed": 20_000}
_LATE: Final = {BARE: 100_000, "api_request": 50_000, "sdk": 20_000, "typed": 20_000}
USUAL: Final = Effort(rows=MILLION, rounds=3, others=_MANY, late_rows=500_000, late_others=_LATE, inside_rows=200_000,
                      starts=15)  # fmt: skip
EFFORTS: Final = {
    "smoke": Effort(rows=2_000, rounds=1, others={BARE: 2_000, "pipelined": 2_000}, late_rows=2_000,
                    late_others={BARE: 2_000}, inside_rows=2_000, starts=1),
    "quick": Effort(rows=50_000, rounds=2, late_rows=20_000, inside_rows=20_000, starts=7,
                    others={BARE: 500_000, "pipelined": 500_000, "api_request": 30_000, "sdk": 5_000, "typed": 5_000},
                    late_others={BARE: 20_000, "api_request": 10_000, "sdk": 5_000, "typed": 5_000}),
    "usual": USUAL,
    "full": Effort(rows=MILLION, rounds=5, others=_MANY, late_rows=MILLION, late_others=_LATE, inside_rows=MILLION,
                   starts=31, largest=10 * MILLION),
}  # fmt: skip


def measure(effort: Effort, folder: Path, pythons: Sequence[str], say: Say) -> Measured:
    """Make all runs in `folder`, with each of `pythons` what depends on the interpreter; the first makes the rest.

    Raises:
        RuntimeError: a run did not end well, or the disk is too small.
    """
    wanted = _BYTES_PER_ROW * max(effort.rows, effort.largest or 0)
    if shutil.disk_usage(folder).free < wanted:
        raise RuntimeError(f"{folder} has not the {wanted / 2**30:.0f} GiB that this takes; set TMPDIR")
    bench = _Bench(effort, folder, say)
    bench.starts()
    for python in pythons:
        bench.formats(python)
    bench.late()
    bench.inside()
    if effort.largest:
        bench.largest(effort.largest)
    return bench.seen


class _Bench:
    """One benchmark: its folder, and what it has seen."""

    def __init__(self, effort: Effort, folder: Path, say: Say) -> None:
        self.seen = Measured()
        self._effort = effort
        self._folder = folder
        self._say = say
        self._numbers = itertools.count()

    def starts(self) -> None:
        """Pairs of `--help` and an interpreter that does nothing; and the first request of a small import."""
        source = self._source("csv", 50)
        for _ in range(self._effort.starts):
            self.seen.bare_start_s.append(measured([sys.executable, "-c", "pass"], core=cores()[0]).seconds)
            self.seen.help_s.append(measured([sys.executable, "-m", "importer", "--help"], core=cores()[0]).seconds)
            done, ledger = self._import(source, 50)
            shutil.rmtree(ledger)
            self.seen.first_request_s.append(done.counts["first_at"] - done.used.began)
        self._say(f"{self._effort.starts} starts")

    def formats(self, python: str) -> None:
        """The importer in every format and, with CSV, the others in turn with it; then the finished import again."""
        first = not self.seen.runs
        for form in FORMATS:
            source = self._source(form, self._effort.rows)
            others = self._effort.others if first else {BARE: self._effort.others[BARE]}
            rounds = self._effort.rounds if first and form == "csv" else min(2, self._effort.rounds)
            for last in [False] * (rounds - 1) + [True]:
                ledger, port = self._run_import(source, form, self._effort.rows, python)
                if form == "csv":
                    for client, records in others.items():
                        self._run_client(client, source, records, 0.0, python)
                    if last and first:
                        self._again(source, ledger, port)
                shutil.rmtree(ledger)
            source.unlink()

    def late(self) -> None:
        """Everybody again with 100 ms between request and answer."""
        source = self._source("csv", self._effort.late_rows)
        for _ in range(min(2, self._effort.rounds)):
            ledger, _ = self._run_import(source, "csv", self._effort.late_rows, sys.executable, _LATENCY_MS)
            shutil.rmtree(ledger)
            for client, records in self._effort.late_others.items():
                self._run_client(client, source, records, _LATENCY_MS, sys.executable)

    def inside(self) -> None:
        """The cost of syncs, and the lag of the event loop."""
        source = self._source("csv", self._effort.inside_rows)
        both = durability.compare(source, self._folder, self._effort.rounds)
        self.seen.synced += [self._effort.inside_rows / one["seconds"] for one in both["with syncs"]]
        self.seen.unsynced += [self._effort.inside_rows / one["seconds"] for one in both["without"]]
        self.seen.lags_s += [one["lag_max_s"] for one in both["with syncs"]]
        self._say(f"syncs and lag, {2 * self._effort.rounds} runs")

    def largest(self, rows: int) -> None:
        """One import that shows whether memory is flat."""
        ledger, _ = self._run_import(self._source("csv", rows), "csv", rows, sys.executable)
        shutil.rmtree(ledger)
        self.seen.largest.append(self.seen.runs.pop())

    def _again(self, source: Path, ledger: Path, port: int) -> None:
        otherwise = ("--format", "csv")  # said instead of told by the name: settings that are not those of before
        for more, seconds in (((), self.seen.rerun_s), (otherwise, self.seen.reread_s)):
            done = import_once(source, ledger, self._effort.rows, port=port, more=more)
            seconds.append(done.used.seconds)
            self.seen.rerun_records = done.records
            self.seen.rerun_creates = (self.seen.rerun_creates or 0) + done.counts["creates"]
            self._say(f"{done.records:,} rows again: {seconds[-1]:.1f} s, {done.counts['creates']} creating requests")

    def _source(self, form: str, rows: int) -> Path:
        path = self._folder / f"{rows}.{form}"
        if not path.exists():
            campaigns.write(path, rows)
        return path

    def _import(
        self, source: Path, records: int, *, latency_ms: float = 0.0, python: str = sys.executable
    ) -> tuple[Import, Path]:
        ledger = self._folder / f"{next(self._numbers)}.ledger"
        return import_once(source, ledger, records, latency_ms=latency_ms, python=python), ledger

    def _run_import(
        self, source: Path, form: str, records: int, python: str, latency_ms: float = 0.0
    ) -> tuple[Path, int]:
        """Import once, keep what was measured; return the ledger, and the port of the stub it belongs to."""
        done, ledger = self._import(source, records, latency_ms=latency_ms, python=python)
        case = Case(IMPORTER, form, latency_ms, WORKERS, python_version(python))
        self._keep(
            Run(
                case=case,
                records=records,
                seconds=done.used.seconds,
                cpu_s=done.used.cpu_s,
                peak_bytes=done.used.peak_bytes,
                stub_cpu_s=done.counts["cpu_s"],
            )
        )
        return ledger, done.port

    def _run_client(self, client: str, source: Path, records: int, latency_ms: float, python: str) -> None:
        workers = 1 if client in _SYNCHRONOUS and not latency_ms else WORKERS
        with stub(latency_ms) as served:
            line = [python, "-m", "benchmarks.clients", client, served.base_url, str(source),
                    "--records", str(records), "--workers", str(workers)]  # fmt: skip
            used = measured(line, core=cores()[0])
        if used.status != 0:
            raise RuntimeError(f"{client} ended with {used.status}: {used.errors}")
        took = json.loads(used.output)
        if served.counts["unknown"] or served.counts["inputs"] < took["records"]:
            raise RuntimeError(f"{client} sent {took['records']}, the stub counted {served.counts}")
        self._keep(
            Run(
                case=Case(client, "csv", latency_ms, workers, python_version(python)),
                records=took["records"],
                seconds=took["seconds"],
                cpu_s=took["cpu_s"],
                peak_bytes=used.peak_bytes,
                stub_cpu_s=served.counts["cpu_s"],
            )
        )

    def _keep(self, run: Run) -> None:
        self.seen.runs.append(run)
        case = run.case
        self._say(f"{case.client:<12} {case.form:<9} {case.latency_ms:>4.0f} ms  {run.records:>10,} records  "
                  f"{run.rate:>9,.0f} records/s  {run.peak_bytes / 2**20:>5.0f} MiB")  # fmt: skip
