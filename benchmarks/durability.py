"""What durability costs: records a second with every sync, divided by the same without any.

    python -m benchmarks.durability [--records 100000] [--rounds 5]

The simulated HubSpot runs in a process of its own and has no limit, so the disk is as much in the way as it can be; at
HubSpot's limits a sync is hidden by the wait for the next request. Runs with and without syncs alternate, and take
turns at being first, since the account grows. The exit status is 1 when the ratio of the means is below the goal.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import anyio

from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.transport import HubSpotTransport
from importer.ledger.disk import Disk, OsDisk
from importer.pacing import RatePolicy
from importer.pipeline import run_plan
from importer.plan import Plan
from importer.report.books import Tally
from importer.stopping import Stop
from tests.kills.grounds import simulated

GOAL = 0.90


class ForgetfulDisk(OsDisk):
    """The real disk without syncs."""

    def sync(self, fd: int) -> None:
        """Do nothing."""

    def sync_folder(self, path: Path) -> None:
        """Do nothing."""


async def run_once(source: Path, ledger: Path, base_url: str, disk: Disk) -> float:
    """Import once; return the seconds it took."""
    plan = Plan(sources=(str(source),), ledger=ledger, token=lambda: "token", workers=16,
                transport=TransportPolicy(base_url=base_url), rate=RatePolicy(requests=100_000))  # fmt: skip
    transport = HubSpotTransport(plan.token, plan.transport)
    began = time.perf_counter()
    try:
        summary = await run_plan(plan, transport, tally=Tally(), stop=Stop(), disk=disk)
    finally:
        await transport.aclose()
    assert summary.status == 0, summary.reason
    return time.perf_counter() - began


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the ratio and its spread."""
    parser = argparse.ArgumentParser(description="What durability costs.")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args(argv)
    speeds: dict[str, list[float]] = {"with syncs": [], "without": []}
    with tempfile.TemporaryDirectory() as name, simulated() as base_url:
        source = Path(name) / "campaigns.csv"
        source.write_text("hs_name,hs_notes\n" + "".join(f"C {n},Note {n % 9}\n" for n in range(args.records)))
        for number in range(args.rounds + 1):  # the first round warms up
            kinds = [("with syncs", OsDisk()), ("without", ForgetfulDisk())]
            for kind, disk in kinds if number % 2 else reversed(kinds):
                seconds = anyio.run(run_once, source, Path(name) / f"{number}-{kind}", base_url, disk)
                if number:
                    speeds[kind].append(args.records / seconds)
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
