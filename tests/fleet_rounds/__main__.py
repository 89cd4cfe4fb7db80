"""Strike a fleet on a Dask cluster at a random moment, run the command to its end, and judge; again and again.

    python -m tests.fleet_rounds --rounds 200 --seed 1

Struck are a worker, the scheduler, the driver, all of them at once (SIGKILL, the driver sometimes SIGTERM), or a worker
with its imports is frozen for longer than worker_ttl and wakes up again. Whatever ended is started again, and so is
the command, until it is done. Judged by the ledgers' files and the simulator's own record: nothing lost, nothing made
twice, no two runs on an account at one time, no request refused with 429, never more requests in any 10 s than
permitted. Prints a line a round and a table; status 1 after any violation, and the round's folder is kept.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.fleet.cluster import Cluster, end, running_cluster
from tests.fleet.fleet_ground import ENOUGH_S, Ground
from tests.fleet.in_proc import family
from tests.kills.grounds import simulated

KINDS: Final = ("worker", "scheduler", "driver", "all", "frozen")
LIMIT: Final = 20  #: requests of an account in any 10 s: so few that it binds
WINDOW_S: Final = 10.0
TTL_S: Final = 5
WORKERS: Final = 3
RUNS_MAX: Final = 8
SEEDS_APART: Final = 1_000_003
OPTIONS: Final = 'options = { workers = 2, grace = 0.3, timeout = 3, settle = 0.5, duplicates = "create" }'
_COLUMNS: Final = ("rounds", "runs", "campaigns", "losses", "held", "requests", "seconds")


@dataclass(slots=True)
class Score:
    """What became of a round, or of all of a kind together."""

    rounds: int = 0
    runs: int = 0  #: of the command
    campaigns: int = 0
    losses: int = 0
    held: int = 0  #: looks at an account that another process had
    requests: int = 0
    seconds: int = 0
    violations: list[str] = field(default_factory=list)

    def add(self, other: "Score") -> None:
        """Take in what another round found."""
        for name in (*_COLUMNS, "violations"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def line(self) -> str:
        """Return the figures in the order of the table's head."""
        return "".join(f"{getattr(self, name):>11,}" for name in _COLUMNS) + f"{len(self.violations):>12,}"


def run_round(ground: Ground, cluster: Cluster, kind: str, rng: random.Random) -> Score:
    """Run one round: begin, strike, start again what ended, run on to the end, judge."""
    score, began = Score(rounds=1), time.monotonic()
    cluster.start(WORKERS)
    process = ground.start("--insecure")
    _wait_for_moment(ground, rng)
    _strike(ground, cluster, kind, rng)
    while True:
        _wait(process, cluster)
        out, err = process.communicate()
        score.runs += 1
        (ground.folder / f"run-{score.runs}.log").write_text(f"status {process.returncode}\n{out}{err}")
        if process.returncode == 0 or score.runs == RUNS_MAX:
            break
        if process.returncode not in {7, -signal.SIGKILL, 143}:
            score.violations.append(f"ended badly: run {score.runs} with status {process.returncode}")
        cluster.start(WORKERS)
        process = ground.start("--insecure")
    if process.returncode != 0:
        score.violations.append(f"ended badly: not done after {score.runs} runs")
    score.violations += [*ground.violations(), *_limits(ground, score)]
    for line in ground.history():
        score.losses += line["state"] == "waiting"
        score.held += line["state"] == "held"
    score.campaigns = len(ground.names()) * ground.rows
    score.seconds = round(time.monotonic() - began)
    return score


def _wait_for_moment(ground: Ground, rng: random.Random) -> None:
    """Return at a moment that is drawn: after some requests, and some time more; or as the command has ended."""
    (process,) = ground.started
    wanted = rng.randrange(len(ground.names()) * ground.rows // 50)
    numbers = range(1, ground.accounts + 1)
    while process.poll() is None and sum(ground.sent(number) for number in numbers) < wanted:
        time.sleep(0.02)  # the simulator's count is asked for: nobody tells when it grows
    time.sleep(rng.uniform(0.0, 1.0))  # a strike is to come at any moment


def _wait(process: "subprocess.Popen[str]", cluster: Cluster) -> None:
    """Return when the command has ended; bring back workers that are gone, as a unit of systemd does."""
    until = time.monotonic() + ENOUGH_S * 3
    while process.poll() is None:
        if cluster.scheduler is not None and cluster.scheduler.poll() is None:
            cluster.start(WORKERS)
        assert time.monotonic() < until
        time.sleep(0.2)  # the command is not waited for, so that workers can be brought back


def _strike(ground: Ground, cluster: Cluster, kind: str, rng: random.Random) -> None:
    assert cluster.scheduler is not None
    (process,) = ground.started
    victim = rng.choice(cluster.workers)
    if kind == "worker":
        end(victim)
    elif kind == "scheduler":
        end(cluster.scheduler)
    elif kind == "driver":
        process.send_signal(rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
    elif kind == "all":
        heads = [process.pid, *(one.pid for one in cluster.processes)]
        for pid in set[int]().union(*map(family, heads)):
            _send(pid, signal.SIGKILL)
        cluster.stop()
    else:
        host = sorted(family(victim.pid))
        for pid in host:
            _send(pid, signal.SIGSTOP)
        time.sleep(TTL_S * rng.uniform(1.3, 2.0))  # frozen for longer than it may be silent
        for pid in rng.sample(host, len(host)):
            _send(pid, signal.SIGCONT)


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _limits(ground: Ground, score: Score) -> Iterator[str]:
    """Yield where an account's limit was not kept, and count requests, by the simulator's record of arrivals."""
    for number in range(1, ground.accounts + 1):
        address = f"{ground.base_url}/__simulator__/requests?account=account-{number}"
        with urllib.request.urlopen(address) as reply:  # noqa: S310 - loopback
            seen = [json.loads(line) for line in reply.read().splitlines()]
        score.requests += len(seen)
        refused = sum(one["status"] == 429 for one in seen)
        if refused:
            yield f"429: {refused} of account {number}"
        times = sorted(one["arrived"] for one in seen)
        if any(late - early < WINDOW_S for early, late in zip(times, times[LIMIT:], strict=False)):
            yield f"over the limit: account {number}"


def _in_folder(folder: Path, cluster: Cluster, kind: str, rng: random.Random) -> Score:
    """Run one round in a folder of its own, against a simulator of its own."""
    folder.mkdir()
    latency = f"latency=uniform:0.05-{rng.choice([0.1, 0.4, 0.8])}"
    with simulated("accounts=99", latency, f"rate={LIMIT}") as base_url:
        ground = Ground(
            folder=folder, base_url=base_url, accounts=4, each=2, rows=rng.choice([150, 300, 450]), at_once=50,
            engine=cluster.address, tokens="file", more=(f"worker_ttl = {TTL_S}", "retries = 20"), options=OPTIONS,
        )  # fmt: skip
        ground.write()
        try:
            return run_round(ground, cluster, kind, rng)
        finally:
            ground.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the rounds, print a line each and the table; return 1 after a violation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    scores: dict[str, Score] = {kind: Score() for kind in KINDS}
    kept = []
    top = Path(tempfile.mkdtemp(prefix="fleet-rounds-"))
    with running_cluster(top, WORKERS, threads=2) as cluster:
        for number in range(args.rounds):
            kind, folder = KINDS[number % len(KINDS)], top / f"round-{number}"
            score = _in_folder(folder, cluster, kind, random.Random(args.seed * SEEDS_APART + number))
            scores[kind].add(score)
            verdict = "; ".join(score.violations[:3]) or "well"
            print(f"{number:>4} {kind:<10}{score.runs} runs {score.seconds:>4} s: {verdict}", flush=True)  # noqa: T201 - its output
            if score.violations:
                kept.append(folder)
            else:
                shutil.rmtree(folder)
    total = Score()
    for score in scores.values():
        total.add(score)
    print(" " * 10 + "".join(f"{name:>11}" for name in _COLUMNS) + f"{'violations':>12}")  # noqa: T201 - its output
    for kind, score in {**scores, "together": total}.items():
        print(f"{kind:<10}{score.line()}")  # noqa: T201 - its output
    print(*(f"kept: {folder}" for folder in kept), sep="\n")  # noqa: T201 - its output
    if not kept:
        shutil.rmtree(top)
    return int(bool(kept))


if __name__ == "__main__":
    sys.exit(main())
