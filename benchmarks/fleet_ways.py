"""Three ways to run many imports on one machine: processes of their own, forked children, or one event loop.

    python -m benchmarks.fleet_ways [--imports 40] [--at-once 8] [--rows 500]

Each import has an account of its own on one simulator, a process apart whose CPU is not counted. Told are CPU seconds
and wall seconds an import, for imports that are new and again for those with nothing to do, and memory: the sum of the
proportional set sizes (PSS) of the driver and all below it at the highest of samples. Then the same with a kill: what
is left behind when the driver was killed at work. The driver here places imports and does nothing else.
"""

import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import anyio

from importer import run_import
from importer.fleet.child import run_of_fleet
from importer.fleet.file import read_fleet
from importer.fleet.fork_server import ForkServer
from importer.fleet.model import Job
from importer.version import VERSION
from tests.fleet.in_proc import family
from tests.kills.grounds import simulated

WAYS: Final = ("executed", "forked", "library")
SAMPLE_S: Final = 0.2


def write(folder: Path, base_url: str, count: int, rows: int, at_once: int) -> None:
    """Write sources and the fleet file."""
    lines = ["[fleet]", 'directory = "shared"', f"at_once = {at_once}"]
    for n in range(1, count + 1):
        text = "".join(f"Import {n} campaign {row}\n" for row in range(rows))
        (folder / f"i{n}.csv").write_text("hs_name\n" + text)
        lines += [f"[accounts.a{n}]", f'token = "env:T{n}"', f'base_url = "{base_url}"']
        lines += ["[[imports]]", f'name = "i{n}"', f'account = "a{n}"', f'source = "i{n}.csv"']
    (folder / "fleet.toml").write_text("\n".join(lines))


async def run_all(way: str, folder: Path, base_url: str, count: int, at_once: int) -> None:
    """Run every import in one of the ways, so many at once."""
    gate, fleet, forks = anyio.Semaphore(at_once), read_fleet(folder / "fleet.toml"), ForkServer()
    async with anyio.create_task_group() as tasks:

        async def one(n: int) -> None:
            async with gate:
                if way == "library":
                    summary = await run_import(
                        folder / f"i{n}.csv", token=f"account-{n}", base_url=base_url, ledger=folder / f"i{n}.lib"
                    )
                    assert summary.status == 0, summary.reason
                    return
                job = Job(fleet_file=str(folder / "fleet.toml"), import_name=f"i{n}", version=VERSION)
                ended = await run_of_fleet(job, fleet, os.environ, forks if way == "forked" else None)
                assert ended.status == 0, ended

        for n in range(1, count + 1):
            tasks.start_soon(one, n)
    forks.close()


def pss_mb(pids: Iterable[int]) -> float:
    """Return what processes take of memory together, shared pages counted once, in megabytes."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
    return total / 1000


def measured(line: Sequence[str], environment: dict[str, str], count: int) -> str:
    """Run a command to its end; return its figures."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began, peak = time.perf_counter(), 0.0
    with subprocess.Popen(  # noqa: S603 - our own command
        line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            peak = max(peak, pss_mb(family(process.pid)))
            time.sleep(SAMPLE_S)  # between two looks at memory
    assert process.returncode == 0, process.returncode
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{cpu / count:.2f} CPU-s an import, {count / wall:.2f} imports a second, {peak:.0f} MB at most"


def left_behind(line: Sequence[str], environment: dict[str, str], after_s: float) -> str:
    """Kill a command at work; return how many of its processes are there at once and after a while."""
    with subprocess.Popen(  # noqa: S603 - our own command
        line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        time.sleep(after_s)  # the driver is killed in the middle of its work
        below = family(process.pid) - {process.pid}
        assert process.poll() is None, "it had ended before it was killed"
        process.send_signal(signal.SIGKILL)
    began = time.perf_counter()
    while any(Path(f"/proc/{pid}").exists() for pid in below) and time.perf_counter() - began < 60:
        time.sleep(0.05)  # grandchildren cannot be waited for
    return f"{len(below)} processes below it, the last gone after {time.perf_counter() - began:.1f} s"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the ways and print; or, with --way, be one of them."""
    parser = argparse.ArgumentParser(description="Own, forked or no processes: CPU, memory, what a kill leaves.")
    parser.add_argument("--imports", type=int, default=40)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--way", nargs=3, metavar=("WAY", "FOLDER", "URL"))
    args = parser.parse_args(argv)
    count = args.imports
    if args.way is not None:
        way, name, base_url = args.way
        anyio.run(run_all, way, Path(name), base_url, count, args.at_once)
        return 0
    environment = {**os.environ, **{f"T{n}": f"account-{n}" for n in range(1, count + 1)}}
    for kill in (False, True):
        for way in WAYS:
            switches = (f"accounts={count}", f"latency=fixed:{2.0 if kill else 0.1}")
            with tempfile.TemporaryDirectory() as name, simulated(*switches) as base_url:
                folder = Path(name)
                write(folder, base_url, count, args.rows, args.at_once)
                for part in ("accounts", "logs"):
                    (folder / "shared" / part).mkdir(parents=True)
                line = [sys.executable, "-m", "benchmarks.fleet_ways", "--imports", str(count)]
                line += ["--at-once", str(args.at_once), "--way", way, name, base_url]
                if kill:
                    print(f"{way:<9} killed: {left_behind(line, environment, 8.0)}", flush=True)  # noqa: T201 - output
                    continue
                for work in ("new", "again"):
                    print(f"{way:<9} {work:<5} {measured(line, environment, count)}", flush=True)  # noqa: T201 - output
    return 0


if __name__ == "__main__":
    sys.exit(main())
