"""Fuzzing: inputs changed at random, again and again, into every part that reads what others wrote.

    python -m tests.hostile.fuzz --executions 10000000 --jobs 2 --seed 1
    python -m tests.hostile.fuzz --target CSV --input 68735f…      one input again

An execution is one call of one target on one changed input. The targets take turns, each as often as its weight says,
and the table shows how often that was and how much of the time it took. On a failure the input is printed as hex, cut
down while it fails in the same way, and the exit status is 1; so it is when a job needs more memory than permitted.
"""

import argparse
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Final

from tests.hostile.mutation import mutated
from tests.hostile.targets import TARGETS, Target

RSS_MIB_MAX: Final = 150
_HANG_S: Final = 30
_SHRINK_CALLS_MAX: Final = 5_000


@dataclass(slots=True)
class Report:
    """What one job did."""

    executions: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    rss_mib: int = 0  #: peak
    failure: str | None = None


class HangError(Exception):
    """One execution takes far too long."""


def run(executions: int, seed: str, targets: Sequence[Target] = TARGETS) -> Report:
    """Run so many executions, or up to the first failure."""
    rng = Random(seed)
    report = Report(dict.fromkeys((one.name for one in targets), 0), dict.fromkeys((one.name for one in targets), 0.0))
    turns = [target for target in targets for _ in range(target.weight)]
    rng.shuffle(turns)
    signal.signal(signal.SIGALRM, _hangs)
    for number in range(executions):
        target = turns[number % len(turns)]
        data = mutated(target.seeds, rng)
        began = time.perf_counter()
        error = failing(target.check, data)
        report.seconds[target.name] += time.perf_counter() - began
        report.executions[target.name] += 1
        if error is not None:
            report.failure = _told(target, shrunk(target.check, data, error))
            break
    report.rss_mib = _peak_mib()
    return report


def _hangs(_signal: int, _frame: object) -> None:
    raise HangError


def failing(check: Callable[[bytes], object], data: bytes) -> BaseException | None:
    """Return what a target says against an input, None if nothing."""
    signal.alarm(_HANG_S)
    try:
        check(data)
    except Exception as error:  # noqa: BLE001 - any exception is a finding
        return error
    finally:
        signal.alarm(0)
    return None


def shrunk(check: Callable[[bytes], object], data: bytes, error: BaseException) -> bytes:
    """Return `data` without what can be left out of it while it fails in the same way."""
    size, calls = len(data) // 2, 0
    while size and calls < _SHRINK_CALLS_MAX and not isinstance(error, HangError):
        at = 0
        while at < len(data) and calls < _SHRINK_CALLS_MAX:
            less = data[:at] + data[at + size :]
            calls += 1
            met = failing(check, less)
            if type(met) is type(error) and str(met)[:40] == str(error)[:40]:
                data = less
            else:
                at += size
        size //= 2
    return data


def _peak_mib() -> int:
    """Return the peak of this process as Linux tells it; the usual `ru_maxrss` may be the parent's."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM:")), 0)


def _told(target: Target, data: bytes) -> str:
    error = failing(target.check, data)
    trace = "".join(traceback.format_exception(error)) if error else "it does not fail again\n"
    return f'{trace}\npython -m tests.hostile.fuzz --target "{target.name}" --input {data.hex()}\n'


def table(reports: Sequence[Report], seconds: float) -> str:
    """Return the figures of all jobs by target."""
    lines = [f"{'target':24}{'executions':>12}{'share':>8}{'of time':>9}{'µs each':>9}"]
    total = sum(sum(one.executions.values()) for one in reports)
    spent = sum(sum(one.seconds.values()) for one in reports)
    for name in reports[0].executions:
        count = sum(one.executions[name] for one in reports)
        took = sum(one.seconds[name] for one in reports)
        each = took / max(count, 1) * 1e6
        lines.append(f"{name:24}{count:12,}{count / max(total, 1):8.1%}{took / max(spent, 1e-9):9.1%}{each:9.1f}")
    lines.append(f"{'all':24}{total:12,}")
    rss = max(one.rss_mib for one in reports)
    lines.append(f"{seconds:.0f} s, {total / max(seconds, 1e-9):,.0f} executions a second, peak {rss} MiB a job")
    failed = [one.failure for one in reports if one.failure]
    lines.append(f"{len(failed)} failures" if failed else "no failure")
    return "\n".join([*lines, *failed]) + "\n"


def main(argv: Sequence[str] | None = None, targets: Sequence[Target] = TARGETS) -> int:
    """Fuzz as the options say; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz", description="Fuzz what reads foreign bytes.")
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", choices=[target.name for target in targets], help="this one alone")
    parser.add_argument("--input", type=bytes.fromhex, help="run --target on this input (hex) and nothing else")
    options = parser.parse_args(argv)
    chosen = [target for target in targets if options.target in (None, target.name)]
    if options.input is not None:
        for target in chosen:
            target.check(options.input)
        return 0
    began = time.monotonic()
    if options.jobs == 1:
        reports = [run(options.executions, f"{options.seed}/0", chosen)]
    else:
        share = -(-options.executions // options.jobs)
        fresh = get_context("spawn")  # a fork has its parent's memory
        with ProcessPoolExecutor(options.jobs, mp_context=fresh) as pool:
            names = tuple(target.name for target in chosen)
            jobs = [pool.submit(_run_named, share, f"{options.seed}/{job}", names) for job in range(options.jobs)]
            reports = [job.result() for job in jobs]
    sys.stdout.write(table(reports, time.monotonic() - began))
    return int(any(one.failure or one.rss_mib > RSS_MIB_MAX for one in reports))


def _run_named(executions: int, seed: str, names: Sequence[str]) -> Report:
    """Run targets by their names, which travel to another process more easily than they do."""
    return run(executions, seed, [target for target in TARGETS if target.name in names])


if __name__ == "__main__":
    sys.exit(main())
