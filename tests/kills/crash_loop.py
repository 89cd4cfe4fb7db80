"""Kill the importer again and again, run it to its end, and let the judge compare the ledger with the server.

    python -m tests.kills.crash_loop --kills 1000 --seed 1 --jobs 2
    python -m tests.kills.crash_loop --points

The first strikes at random moments: SIGKILL, and sometimes SIGTERM, SIGINT, two of them, or a pause (SIGSTOP). The
second enumerates every call of a small import to disk and network, and kills before, in the half of and after each.
Prints a table; exit status 1 if anything was lost, made twice or paired wrongly.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests import warm
from tests.kills.checker import judge
from tests.kills.grounds import ENVIRONMENT, FORMATS, SWITCHES, Import, inputs, simulated, truth

KILLS_A_LEDGER: Final = 20
ROWS: Final = 2_000
POINT_ROWS: Final = 130
ENDS_MAX: Final = 6
_WAYS: Final = ("kill",) * 14 + ("term", "int", "term term", "int int", "stop kill", "stop cont")


@dataclass(slots=True)
class Score:
    """What became of all imports together."""

    imports: int = 0
    inputs: int = 0
    strikes: Counter[str] = field(default_factory=Counter)
    unresolved: int = 0
    violations: list[str] = field(default_factory=list)

    def add(self, other: "Score") -> None:
        """Take in what another loop found."""
        self.imports += other.imports
        self.inputs += other.inputs
        self.strikes += other.strikes
        self.unresolved += other.unresolved
        self.violations += other.violations

    def table(self) -> str:
        """Return the figures, one a line."""
        kinds = Counter(sentence.split(":")[0] for sentence in self.violations)
        rows = [("imports", self.imports), ("inputs", self.inputs), *sorted(self.strikes.items())]
        rows += [(name, kinds.pop(name, 0)) for name in ("lost", "twice", "mispaired")]
        rows += [("other violations", sum(kinds.values())), ("unresolved", self.unresolved)]
        return "\n".join(f"{name:<24} {count:>9,}" for name, count in rows)


def strike(run: "subprocess.Popen[bytes]", way: str, rng: random.Random) -> bool:
    """Wait a random while and strike; return whether the run was still at work."""
    time.sleep(rng.uniform(0.25, 1.6))
    alive = run.poll() is None
    for name in way.split():
        if run.poll() is None:
            run.send_signal(getattr(signal, f"SIG{name.upper()}"))
            time.sleep(rng.uniform(0.02, 0.3))
    if way == "stop cont" or run.poll() is None:
        run.kill()
    run.communicate()
    return alive


def finish(work: Import) -> tuple[int, bytes]:
    """Run to the end, undisturbed, as often as it takes; return the last status and what was said."""
    said = b""
    for _ in range(ENDS_MAX):
        run = work.start()
        said = run.communicate(timeout=120)[1]
        if run.returncode in {0, 6}:
            break
    return run.returncode, said


def settle(work: Import, mark: str, score: Score) -> None:
    """Run an import to its end and judge it."""
    status, said = finish(work)
    found = judge(work.ledger, work.rows, truth(work.base_url, mark))
    score.imports += 1
    score.inputs += len(work.rows)
    score.unresolved += found.unresolved
    score.violations += [f"{sentence} ({mark})" for sentence in found.violations]
    if status != (6 if found.unresolved else 0):
        score.violations.append(f"status: {status} at the end ({mark}): {said[-500:].decode(errors='replace')}")
    verified = warm.run(
        [sys.executable, "-m", "importer", "verify", str(work.ledger)],
        check=False,
        env=ENVIRONMENT,
        capture_output=True,
    )
    if verified.returncode != 0:
        score.violations.append(f"verify: {verified.stdout.decode()[:500]} ({mark})")


def at_random(folder: Path, *, kills: int, seed: int, number: int) -> Score:
    """Strike one import `kills` times, in an account of its own."""
    with simulated(f"seed={seed * 1000 + number}", *SWITCHES) as base_url:
        return _at_random(folder, base_url, kills=kills, seed=seed, number=number)


def _at_random(folder: Path, base_url: str, *, kills: int, seed: int, number: int) -> Score:
    rng, mark, score = random.Random(f"{seed}/{number}"), f"import-{seed}-{number}", Score()
    rows = inputs(mark, ROWS, twins=number % 2 == 1)
    work = Import(folder=folder / mark, form=FORMATS[number % 3], base_url=base_url, rows=rows)
    work.folder.mkdir()
    work.write()
    done = 0
    while done < kills:
        way = rng.choice(_WAYS)
        if strike(work.start(), way, rng):
            score.strikes[f"struck: {way}"] += 1
        else:
            score.strikes["ended before the strike"] += 1
        done += 1
    settle(work, mark, score)
    return score


def passed_points(folder: Path) -> list[str]:
    """Return every point that a small import passes, after one kill so that a recovery is among it."""
    with simulated("seed=1", *SWITCHES) as base_url:
        return _passed_points(folder, base_url)


def _passed_points(folder: Path, base_url: str) -> list[str]:
    mark = "points"
    work = Import(folder=folder / mark, form="csv", base_url=base_url, rows=inputs(mark, POINT_ROWS, twins=True),
                  workers=2)  # fmt: skip
    work.folder.mkdir()
    work.write()
    logs = [folder / "first.log", folder / "second.log"]
    work.start(point="create/after/2", log=logs[0]).communicate()
    work.start(log=logs[1]).communicate()
    return list(dict.fromkeys(line for log in logs for line in log.read_text().splitlines()))


def at_point(folder: Path, point: str, number: int) -> Score:
    """Kill a small import at one point; then at the same point while it recovers; then judge it."""
    with simulated(f"seed={number}", *SWITCHES) as base_url:
        return _at_point(folder, base_url, point, number)


def _at_point(folder: Path, base_url: str, point: str, number: int) -> Score:
    score, mark = Score(), f"point-{number}"
    work = Import(folder=folder / mark, form="csv", base_url=base_url, rows=inputs(mark, POINT_ROWS, twins=True),
                  workers=2)  # fmt: skip
    work.folder.mkdir()
    work.write()
    for when in ("at a point", "at a point, recovering"):
        run = work.start(point=point)
        run.communicate(timeout=120)
        score.strikes[when if run.returncode == -signal.SIGKILL else "point not passed again"] += 1
    settle(work, mark, score)
    return score


def main(argv: Sequence[str] | None = None) -> int:
    """Strike, print the table, return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--points", action="store_true")
    parser.add_argument("--every", type=int, default=1, help="only each N-th point")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args(argv)
    score, began = Score(), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ThreadPoolExecutor(args.jobs) as pool:
            ledgers = [min(KILLS_A_LEDGER, args.kills - n) for n in range(0, args.kills, KILLS_A_LEDGER)]
            waiting = [pool.submit(at_random, folder, kills=kills, seed=args.seed, number=number)
                       for number, kills in enumerate(ledgers)]  # fmt: skip
            if args.points:
                points = passed_points(folder)[:: args.every]
                print(f"{len(points)} points")  # noqa: T201 - its output
                waiting += [pool.submit(at_point, folder, point, n) for n, point in enumerate(points)]
            for one in waiting:
                score.add(one.result())
    print(score.table(), f"{'seconds':<24} {time.monotonic() - began:>9.0f}", *score.violations[:20], sep="\n")  # noqa: T201
    return int(bool(score.violations))


if __name__ == "__main__":
    sys.exit(main())
