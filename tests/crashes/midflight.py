"""Kills that are aimed: each waits until this run has written so and so much of its journal, and strikes then.

    python -m tests.crashes.midflight --kills 1000 --jobs 3

A kill at a random time mostly hits the start or the settling, and more so the busier the machine is. The journal grows
with the work, so a kill by its size hits intents, answers and findings on any machine. The table says how many strikes
left batches whose fate nobody knew. Judge, `verify` and auditor look at each ledger; exit status 1 on any violation.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import Popen
from typing import Final

from tests.crashes.audit import audit
from tests.crashes.recoveries import records
from tests.kills.crash_loop import Score, settle
from tests.kills.grounds import ENVIRONMENT, FORMATS, SWITCHES, Import, inputs, simulated

KILLS_A_LEDGER: Final = 20
ROWS_A_KILL: Final = 200
GROWTH_BYTES: Final = 80_000  #: of the journal, between two strikes: eight batches, or some less and their findings
WAYS: Final = ("kill",) * 14 + ("term", "int", "term term", "int int", "stop kill")


def size(path: Path) -> int:
    """Return how much there is of a file; 0 for none."""
    return path.stat().st_size if path.exists() else 0


def strike(run: "Popen[bytes]", way: str, journal: Path, rng: random.Random) -> bool:
    """Strike when the journal has grown by a random number of bytes; return whether the run was still at work."""
    enough = size(journal) + rng.uniform(1, GROWTH_BYTES)
    while run.poll() is None and size(journal) < enough:
        time.sleep(0.001)
    alive = run.poll() is None
    for name in way.split():
        if run.poll() is None:
            run.send_signal(getattr(signal, f"SIG{name.upper()}"))
            time.sleep(rng.uniform(0.0, 0.1) if name != "kill" else 0.0)
    run.kill()
    run.communicate()
    return alive


def open_batches(journal: Path) -> int:
    """Return how many batches the latest run announced and did not close."""
    announced: set[int] = set()
    for line in journal.read_bytes().split(b"\n")[:-1]:
        entry = json.loads(line)
        if entry["t"] == "run":
            announced.clear()
        elif entry["t"] == "intent":
            announced.add(entry["n"])
        elif entry["t"] == "outcome":
            announced.discard(entry["of"])
    return len(announced)


def aimed(folder: Path, *, kills: int, seed: int, number: int) -> Score:
    """Strike one import `kills` times, or until it is done; run it to its end; judge and audit it."""
    rng, mark, score = random.Random(f"aimed/{seed}/{number}"), f"aimed-{seed}-{number}", Score()
    rows = inputs(mark, ROWS_A_KILL * kills, twins=number % 2 == 1)
    with simulated(f"seed={seed * 1000 + number}", *SWITCHES) as base_url:
        work = Import(folder=folder / mark, form=FORMATS[number % 3], base_url=base_url, rows=rows)
        work.folder.mkdir()
        work.write()
        journal = work.ledger / "journal.jsonl"
        for _ in range(kills):
            way = rng.choice(WAYS)
            if not strike(work.start(), way, journal, rng):
                score.strikes["done before the last strike"] += 1
                break
            score.strikes[f"struck: {way}"] += 1
            score.strikes["left batches in doubt"] += open_batches(journal) > 0
        try:
            settle(work, mark, score)
            made, requests = records(base_url, "truth"), records(base_url, "requests")
            audited = audit(work.ledger, requests, made, secret=ENVIRONMENT["HUBSPOT_ACCESS_TOKEN"])
        except (AssertionError, KeyError, OSError, ValueError) as error:
            audited = [f"unreadable: {error!r}"]
    score.violations += [f"{sentence} ({mark})" for sentence in audited]
    return score


def main(argv: Sequence[str] | None = None) -> int:
    """Strike, print the table, return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args(argv)
    score, began = Score(), time.monotonic()
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(args.jobs) as pool:
        ledgers = [min(KILLS_A_LEDGER, args.kills - n) for n in range(0, args.kills, KILLS_A_LEDGER)]
        waiting = [pool.submit(aimed, Path(name), kills=kills, seed=args.seed, number=number)
                   for number, kills in enumerate(ledgers)]  # fmt: skip
        for one in waiting:
            score.add(one.result())
    print(score.table(), f"{'seconds':<24} {time.monotonic() - began:>9.0f}", *score.violations[:20], sep="\n")  # noqa: T201 - its output
    return int(bool(score.violations))


if __name__ == "__main__":
    sys.exit(main())
