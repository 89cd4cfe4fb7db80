"""The same kills over an importer as it is often written: what the protocol is worth.

python -m tests.kills.naive_loop --kills 100
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.kills.crash_loop import KILLS_A_LEDGER, ROWS
from tests.kills.grounds import ENVIRONMENT, SWITCHES, Import, inputs, simulated, truth


def kill_naive(folder: Path, base_url: str, *, kills: int, seed: int, number: int) -> tuple[int, int, int, int]:
    """Kill one naive import again and again, run it to its end; return kills, inputs, lost, twice."""
    rng, mark = random.Random(f"{seed}/{number}"), f"naive-{seed}-{number}"
    rows = inputs(mark, ROWS, twins=False)
    work = Import(folder=folder / mark, form="csv", base_url=base_url, rows=rows)
    work.folder.mkdir()
    work.write()
    line = [sys.executable, "-m", "tests.kills.naive", str(work.source), str(work.folder / "done"), base_url]
    struck = 0
    for _ in range(kills):
        with subprocess.Popen(line, env=ENVIRONMENT) as run:
            time.sleep(rng.uniform(0.15, 0.5))
            struck += run.poll() is None
            run.kill()
    for _ in range(3):
        if subprocess.run(line, check=False, env=ENVIRONMENT).returncode == 0:
            break
    time.sleep(0.5)  # late commits land
    made = Counter(campaign["properties"]["hs_name"] for campaign in truth(base_url, mark))
    twice = sum(count - 1 for count in made.values())
    return struck, len(rows), sum(row["hs_name"] not in made for row in rows), twice


def main(argv: Sequence[str] | None = None) -> int:
    """Kill, print the figures."""
    parser = argparse.ArgumentParser(description="the baseline")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    totals = [0, 0, 0, 0]
    with tempfile.TemporaryDirectory() as name, simulated(f"seed={args.seed}", *SWITCHES) as base_url:
        for number, start in enumerate(range(0, args.kills, KILLS_A_LEDGER)):
            kills = min(KILLS_A_LEDGER, args.kills - start)
            found = kill_naive(Path(name), base_url, kills=kills, seed=args.seed, number=number)
            totals = [sum(pair) for pair in zip(totals, found, strict=True)]
    for label, count in zip(("kills while at work", "inputs", "lost", "made twice"), totals, strict=True):
        print(f"{label:<24} {count:>9,}")  # noqa: T201 - its output
    return 0


if __name__ == "__main__":
    sys.exit(main())
