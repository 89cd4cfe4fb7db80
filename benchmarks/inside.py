"""An import as a library, in a process set up as the command does it, with what only the inside can tell.

    python -m benchmarks.inside BASE_URL SOURCE LEDGER [--workers 16] [--no-sync]

That is how late its event loop is. A task wakes every 5 ms; how much later than asked it wakes is the lag of the loop,
which is how long a request, an answer or a wish to stop may be kept waiting. It prints one JSON object. `--no-sync`
leaves out every fsync and fdatasync, to see what they cost.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio

from importer.cli.interpreter import tune
from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.transport import HubSpotTransport
from importer.ledger.disk import OsDisk
from importer.pacing import RatePolicy
from importer.pipeline import run_plan
from importer.plan import Plan
from importer.report.books import Summary, Tally
from importer.stopping import Stop

TICK_S: Final = 0.005


class ForgetfulDisk(OsDisk):
    """The real disk without syncs."""

    def sync(self, fd: int) -> None:
        """Do nothing."""

    def sync_folder(self, path: Path) -> None:
        """Do nothing."""


async def watch(lags: list[float]) -> None:
    """Add the lag of each tick, in seconds, until cancelled."""
    while True:
        due = time.perf_counter() + TICK_S
        await anyio.sleep(TICK_S)
        lags.append(time.perf_counter() - due)


async def run(plan: Plan, disk: OsDisk, lags: list[float]) -> Summary:
    """Import what `plan` names, with the loop watched."""
    transport = HubSpotTransport(plan.token, plan.transport)
    try:
        async with anyio.create_task_group() as watching:
            watching.start_soon(watch, lags)
            summary = await run_plan(plan, transport, tally=Tally(), stop=Stop(), disk=disk)
            watching.cancel_scope.cancel()
    finally:
        await transport.aclose()
    return summary


def main(argv: Sequence[str] | None = None) -> int:
    """Import, print what was seen."""
    parser = argparse.ArgumentParser(description="An import with its event loop watched.")
    parser.add_argument("base_url")
    parser.add_argument("source")
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--no-sync", action="store_true")
    args = parser.parse_args(argv)
    plan = Plan(sources=(args.source,), ledger=args.ledger, token=lambda: "a-token", workers=args.workers,
                transport=TransportPolicy(base_url=args.base_url), rate=RatePolicy(requests=100_000))  # fmt: skip
    tune()
    lags: list[float] = []
    began = time.perf_counter()
    summary = anyio.run(run, plan, ForgetfulDisk() if args.no_sync else OsDisk(), lags)
    seconds = time.perf_counter() - began
    lags.sort()
    print(  # noqa: T201 - its output
        json.dumps(
            {
                "seconds": seconds,
                "status": int(summary.status),
                "created": summary.books.created,
                "ticks": len(lags),
                "lag_max_s": lags[-1],
                "lag_median_s": lags[len(lags) // 2],
            }
        )
    )
    return int(summary.status)


if __name__ == "__main__":
    sys.exit(main())
