"""One import by `importer run` against the stub: records a second, CPU seconds per million records, peak memory.

    python -m benchmarks.importing [--records 1000000] [--format csv] [--latency 0] [--workers 16] [--rounds 1]

The importer has one core and the stub another, where the system lets one choose. The seconds are those of the whole
process, from its start to its end, with the ledger on the disk of the temporary folder (TMPDIR).
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import campaigns
from benchmarks.processes import Used, cores, measured, stub

FORMATS: Final = ("csv", "jsonl", "jsonl.gz")
WORKERS: Final = 16
NO_LIMIT: Final = 100_000  #: requests in 10 s: far above what any import reaches


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import, measured."""

    records: int
    used: Used
    counts: dict[str, Any]  #: what the stub counted, and the CPU seconds it took
    port: int  #: of the stub; a re-run has to find it there, since a ledger belongs to one account

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.used.seconds

    @property
    def cpu_per_million(self) -> float:
        """CPU seconds of the importer for a million records."""
        return self.used.cpu_s / self.records * 1_000_000


def import_line(source: Path, ledger: Path, base_url: str, *, workers: int, python: str) -> list[str]:
    """Return the command line of an import without a limit."""
    line = [python, "-m", "importer", "run", str(source), "--ledger", str(ledger), "--base-url", base_url,
            "--rate", str(NO_LIMIT), "--yes", "--quiet", "--json"]  # fmt: skip
    return [*line, "--workers", str(workers)] if workers else line


def import_once(
    source: Path, ledger: Path, records: int, *, latency_ms: float = 0.0, workers: int = WORKERS,
    python: str = sys.executable, port: int = 0, more: Sequence[str] = (),
) -> Import:  # fmt: skip
    """Import `source` and check that the stub was asked for each record once, or not at all on a re-run.

    `more` are options for the importer.

    Raises:
        RuntimeError: the import did not end well.
    """
    with stub(latency_ms, port) as served:
        line = import_line(source, ledger, served.base_url, workers=workers, python=python)
        used = measured([*line, *more], core=cores()[0])
    if used.status != 0:
        raise RuntimeError(f"importer run ended with {used.status}: {used.errors}")
    books = json.loads(used.output)["books"]
    if books["created"] + books["skipped"] != records or served.counts["inputs"] != books["created"]:
        raise RuntimeError(f"{records} rows, the stub counted {served.counts}, the importer {books}")
    return Import(records=records, used=used, counts=served.counts, port=served.port)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="One import against the stub.")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--format", choices=FORMATS, default="csv")
    parser.add_argument("--latency", type=float, default=0.0, metavar="MILLISECONDS")
    parser.add_argument("--workers", type=int, default=WORKERS, help="0: what the importer chooses")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--python", default=sys.executable, help="interpreter of an environment with the importer")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / f"campaigns.{args.format}"
        campaigns.write(source, args.records)
        for number in range(args.rounds):
            done = import_once(
                source, Path(name) / f"ledger-{number}", args.records,
                latency_ms=args.latency, workers=args.workers, python=args.python,
            )  # fmt: skip
            print(  # noqa: T201 - its output
                f"{done.rate:>9,.0f} records/s  {done.cpu_per_million:>6.1f} CPU s per million  "
                f"{done.used.peak_bytes / 2**20:>6.1f} MiB peak  (stub: {done.counts['cpu_s']:.1f} CPU s)"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
