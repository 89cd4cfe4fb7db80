"""What durability costs: records a second with every sync, divided by the same without any.

    python -m benchmarks.durability [--records 100000] [--rounds 5]

The stub answers at once and has no limit, so the disk is as much in the way as it can be; at HubSpot's limits a sync is
hidden by the wait for the next request. Runs with and without syncs alternate, and take turns at being first. The exit
status is 1 when the ratio of the means is below the goal.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import campaigns
from benchmarks.processes import cores, measured, stub

GOAL: Final = 0.90
KINDS: Final = {"with syncs": (), "without": ("--no-sync",)}


def run_once(source: Path, folder: Path, options: Sequence[str], python: str = sys.executable) -> dict[str, Any]:
    """Import once in a process of its own, see `inside`; the ledger is gone afterwards.

    Raises:
        RuntimeError: the import did not end well.
    """
    ledger = folder / "inside.ledger"
    with stub() as served:
        line = [python, "-m", "benchmarks.inside", served.base_url, str(source), str(ledger), *options]
        used = measured(line, core=cores()[0])
    if used.status != 0:
        raise RuntimeError(f"the import ended with {used.status}: {used.errors}")
    shutil.rmtree(ledger)
    seen: dict[str, Any] = json.loads(used.output)
    return seen


def compare(source: Path, folder: Path, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Return for each of `KINDS` what its runs saw."""
    seen: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for number in range(rounds):
        for kind in KINDS if number % 2 else reversed(KINDS):
            seen[kind].append(run_once(source, folder, KINDS[kind]))
    return seen


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the ratio and its spread."""
    parser = argparse.ArgumentParser(description="What durability costs.")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "campaigns.csv"
        campaigns.write(source, args.records)
        run_once(source, Path(name), ())  # warms up
        seen = compare(source, Path(name), args.rounds)
    speeds = {kind: [args.records / one["seconds"] for one in runs] for kind, runs in seen.items()}
    for kind, values in speeds.items():
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        print(f"{kind:<12} {statistics.mean(values):>9,.0f} records a second, ± {spread:,.0f}")  # noqa: T201 - its output
    ratio = statistics.mean(speeds["with syncs"]) / statistics.mean(speeds["without"])
    ratios = [synced / unsynced for synced, unsynced in zip(speeds["with syncs"], speeds["without"], strict=True)]
    rounds = f"rounds from {min(ratios):.3f} to {max(ratios):.3f}, the goal is {GOAL}"
    print(f"{'ratio':<12} {ratio:>9.3f} ({rounds})")  # noqa: T201 - its output
    return int(ratio < GOAL)


if __name__ == "__main__":
    sys.exit(main())
