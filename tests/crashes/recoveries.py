"""Crashes during recovery, all of them: wound a ledger in a named way, kill the next run at each of its calls.

    python -m tests.crashes.recoveries --jobs 3
    python -m tests.crashes.recoveries --every 10 --wound "torn intent"

A wound is one crash or two, each at a call of the disk or the network, which leaves its own kind of debris: a torn
header, half a finding, half a row, a request nobody noted. The run after it is logged once, and so are all points it
passes; then it is killed at each of them in turn, in a fresh account with a fresh wound, and the import is run to its
end. The account holds twins of the first rows from the day before, which nobody may take for ours. Judge and auditor
look at each ledger. Prints a table; exit status 1 on any violation.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, TimeoutExpired
from typing import Any, Final

import anyio

from importer.simulator.clock import Clock
from importer.simulator.policy import SimulatorPolicy
from importer.simulator.server import Simulator
from tests.crashes.audit import audit
from tests.kills.checker import judge
from tests.kills.crash_loop import Score, finish
from tests.kills.grounds import ENVIRONMENT, Import, inputs
from tests.warm import Warm

ROWS: Final = 80  #: two batches
TWINS: Final = 60
DAY_S: Final = 86_400.0
MARK: Final = "wound"
#: Some doubt of each kind; late commits land before --timeout and --settle are over.
SWITCHES: Final = ("latency=uniform:0.005-0.02", "rate=100000", "half_commit:0.05", "reset_after_commit:0.05",
                   "504_after_commit:0.05", "late_commit_reset:0.05:0.2")  # fmt: skip

#: name → the points of the crashes which make the wound, one run each
WOUNDS: Final = {
    "torn header": ("write:journal.jsonl/half/1",),
    "header only": ("sync:journal.jsonl/after/1",),
    "half a reserve": ("write:reserve/half/1",),
    "torn intent": ("write:journal.jsonl/half/3",),
    "intent, nothing sent": ("create/before/1",),
    "made, not noted": ("create/after/2",),
    "torn outcome": ("write:journal.jsonl/half/4",),
    "half a row": ("write:results.jsonl/half/1",),
    "torn finding": ("create/after/2", "write:journal.jsonl/half/2"),
    "half a row of a finding": ("create/after/2", "write:results.jsonl/half/1"),
    "tail cut, not noted": ("write:journal.jsonl/half/3", "truncate:journal.jsonl/after/1"),
    "done, index not sealed": ("close:results.jsonl/before/1",),
}
_SERVE: Final = (
    "import sys\n"
    "from pathlib import Path\n"
    "from importer.simulator.policy import SimulatorPolicy\n"
    "from importer.simulator.server import serve\n"
    "policy = SimulatorPolicy.from_strings(sys.argv[2:])\n"
    "serve(policy, ready=lambda url: print(url, flush=True), state=Path(sys.argv[1]))\n"
)


@contextmanager
def aged_account(folder: Path, rows: Sequence[dict[str, str]], *switches: str) -> Iterator[str]:
    """Serve an account in which somebody made `rows` a day ago; yield its base URL."""

    async def age() -> None:
        yesterday = Clock(now=lambda: time.time() - DAY_S)
        async with Simulator(SimulatorPolicy(), state=folder, clock=yesterday) as account:
            for row in rows:
                account.add_foreign(row)

    folder.mkdir()
    anyio.run(age)
    with Warm([sys.executable, "-c", _SERVE, str(folder), *switches], stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def records(base_url: str, name: str) -> list[dict[str, Any]]:
    """Return the simulator's truth, or its log of requests."""
    with urllib.request.urlopen(f"{base_url}/__simulator__/{name}") as reply:  # noqa: S310 - loopback
        return [json.loads(line) for line in reply.read().splitlines()]


@contextmanager
def wounded(folder: Path, wound: str, seed: int) -> Iterator[tuple[Import, bool]]:
    """Make a wound; yield the import, its simulator running, and whether every crash hit."""
    folder.mkdir()
    rows = inputs(MARK, ROWS, twins=True)
    with aged_account(folder / "account", rows[:TWINS], f"seed={seed}", *SWITCHES) as base_url:
        work = Import(folder=folder, form="csv", base_url=base_url, rows=rows, workers=1)
        work.write()
        hit = True
        for point in WOUNDS[wound]:
            hit &= _crash(work, point)
        yield work, hit


def _crash(work: Import, point: str) -> bool:
    """Start the command that kills itself at `point`; return whether it did."""
    run = work.start(point=point)
    try:
        run.communicate(timeout=120)
    finally:
        run.kill()  # one that hangs
    return run.returncode == -signal.SIGKILL


def points_of_recovery(folder: Path, wound: str, seed: int) -> list[str]:
    """Return every point that the run after `wound` passes, in order; judge that run as well."""
    log = folder / f"{wound}.log"
    with wounded(folder / wound, wound, seed) as (work, hit):
        if not hit:
            return []
        work.start(log=log).communicate(timeout=120)
    return log.read_text().splitlines()


def recover(folder: Path, wound: str, point: str, seed: int) -> Score:
    """Wound, kill the recovery at `point`, run to the end, let judge and auditor look."""
    score = Score(imports=1, inputs=ROWS)
    with wounded(folder, wound, seed) as (work, hit):
        score.strikes["wounds" if hit else "wounds missed"] += 1
        try:
            struck = _crash(work, point)
            score.strikes["kills in recovery" if struck else "point not passed again"] += 1
            violations = _finished(work, score)
        except (AssertionError, KeyError, OSError, ValueError, TimeoutExpired) as error:
            violations = [f"unreadable: {error!r}"]
    score.violations += [f"{sentence} ({wound}, {point}, seed {seed})" for sentence in violations]
    return score


def _finished(work: Import, score: Score) -> list[str]:
    """Run to the end and return what judge and auditor say against it; either raises where it cannot even read."""
    status, said = finish(work)
    made = [one for one in records(work.base_url, "truth") if not one["foreign"]]
    found = judge(work.ledger, work.rows, made)
    score.unresolved += found.unresolved
    requests = records(work.base_url, "requests")
    violations = [
        *found.violations,
        *audit(work.ledger, requests, made, secret=ENVIRONMENT["HUBSPOT_ACCESS_TOKEN"]),
    ]
    if status != (6 if found.unresolved else 0):
        violations.append(f"status: {status} at the end: {said[-500:].decode(errors='replace')}")
    return violations


def _one(folder: Path, wound: str, point: str, seed: int) -> Score:
    """Recover in a folder of its own, which is removed."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        return recover(Path(name) / "one", wound, point, seed)


def main(argv: Sequence[str] | None = None) -> int:
    """Wound and kill, print the table, return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--wound", choices=WOUNDS, action="append", help="only this one; may be given again")
    parser.add_argument("--every", type=int, default=1, help="only each N-th point")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args(argv)
    score, began, enumerated = Score(), time.monotonic(), 0
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(args.jobs) as pool:
        folder, wounds = Path(name), args.wound or list(WOUNDS)
        logged = pool.map(lambda wound: points_of_recovery(folder, wound, args.seed), wounds)
        waiting = []
        for wound, points in zip(wounds, list(logged), strict=True):
            print(f"{wound:<24} {len(points):>9,} points", flush=True)  # noqa: T201 - its output
            if not points:
                score.violations.append(f"wound: {wound!r} was not made")
            enumerated += len(points)
            waiting += [pool.submit(_one, folder, wound, point, args.seed + n)
                        for n, point in enumerate(points) if n % args.every == args.seed % args.every]  # fmt: skip
        for one in waiting:
            score.add(one.result())
    seconds = time.monotonic() - began
    print(f"{'points enumerated':<24} {enumerated:>9,}", score.table(), f"{'seconds':<24} {seconds:>9.0f}", sep="\n")  # noqa: T201
    print(*score.violations[:20], sep="\n")  # noqa: T201 - its output
    return int(bool(score.violations))


if __name__ == "__main__":
    sys.exit(main())
