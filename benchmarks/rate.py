"""How much of HubSpot's rate limit is used in real time, how many 429, and what it costs of one core.

    python -m benchmarks.rate [--seconds 60] [--latency uniform:0.1-0.3]

The simulated HubSpot is a process of its own and permits 190 requests in any 10 s, as to a professional account. The
importer runs in this process, set up as by its command, with all its defaults, and is asked to stop after a first
window and the seconds.

Use is counted from the arrivals in the simulator's log, without the burst of the first window: arrivals n, n + 190,
n + 380, ... lie 10 s apart when all is used, so use is 10 s times the number of whole limits from arrival 191 on,
divided by the time that they took. (Counted up to the end of the time, it would depend on whether the end meets a
burst.) CPU is that of the importer's process, all threads, over the same seconds. The exit status is 1 when a goal is
missed.
"""

import argparse
import json
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio

from importer.cli.interpreter import tune
from importer.errors import ExitStatus
from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.transport import HubSpotTransport
from importer.model import State
from importer.pipeline import run_plan
from importer.plan import Plan
from importer.report.books import Tally
from importer.stopping import Stop
from tests.kills.grounds import simulated

LIMIT: Final = 190
WINDOW_S: Final = 10.0
USE_GOAL: Final = 0.97
CPU_GOAL: Final = 0.05


@dataclass(slots=True)
class Measured:
    """What was measured while it ran at the rate."""

    cpu: float = 0.0  #: part of one core
    records_per_s: float = 0.0
    workers: int = 0  #: allowed at the end


async def run_for(seconds: float, source: Path, ledger: Path, base_url: str) -> Measured:
    """Import for a first window and `seconds`, then stop; return what the time between took."""
    plan = Plan(sources=(str(source),), ledger=ledger, token=lambda: "token",
                transport=TransportPolicy(base_url=base_url))  # fmt: skip
    transport, tally, stop, measured = HubSpotTransport(plan.token, plan.transport), Tally(), Stop(), Measured()

    async def watch() -> None:
        await anyio.sleep(WINDOW_S)
        before = time.process_time(), time.perf_counter(), tally.ended[State.CREATED]
        await anyio.sleep(seconds)
        after = time.process_time(), time.perf_counter(), tally.ended[State.CREATED]
        cpu_s, real_s, records = (late - early for early, late in zip(before, after, strict=True))
        measured.cpu, measured.records_per_s, measured.workers = cpu_s / real_s, records / real_s, tally.workers
        stop.request("enough", ExitStatus.INTERRUPTED)

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            summary = await run_plan(plan, transport, tally=tally, stop=stop)
    finally:
        await transport.aclose()
    assert summary.status == ExitStatus.INTERRUPTED, summary.reason
    return measured


def requests(base_url: str) -> list[tuple[float, int]]:
    """Return arrival and status of every request, in the order of arrival."""
    with urllib.request.urlopen(f"{base_url}/__simulator__/requests") as reply:  # noqa: S310 - loopback
        seen = [json.loads(line) for line in reply.read().splitlines()]
    return sorted((one["arrived"], one["status"]) for one in seen)


def use(arrived: Sequence[float]) -> float:
    """Return the part of the permitted rate that was used, counted as the head of this file says."""
    whole = (len(arrived) - 1) // LIMIT - 1
    return WINDOW_S * whole / (arrived[LIMIT * (whole + 1)] - arrived[LIMIT])


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(description="How much of the rate limit is used, and what it costs.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--latency", default="uniform:0.1-0.3", help="as the simulator's switch of this name")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name, simulated(f"rate={LIMIT}", f"latency={args.latency}") as base_url:
        source = Path(name) / "campaigns.csv"
        rows = int(1_000 * (args.seconds + 4 * WINDOW_S))
        source.write_text("hs_name,hs_notes\n" + "".join(f"C {n},Note {n % 9}\n" for n in range(rows)))
        tune()
        measured = anyio.run(run_for, args.seconds, source, Path(name) / "ledger", base_url)
        seen = requests(base_url)
    refused = sum(status == 429 for _, status in seen)
    used = use([arrived for arrived, _ in seen])
    print(f"use of the permitted rate  {used:.4f} (goal {USE_GOAL})")  # noqa: T201 - its output
    print(f"answers 429                {refused} of {len(seen)} (goal 0)")  # noqa: T201 - its output
    print(f"records a second           {measured.records_per_s:,.0f}, {measured.workers} workers")  # noqa: T201 - its output
    print(f"CPU of the importer        {measured.cpu:.3f} of a core (goal {CPU_GOAL})")  # noqa: T201 - its output
    return int(used < USE_GOAL or refused > 0 or measured.cpu > CPU_GOAL)


if __name__ == "__main__":
    sys.exit(main())
