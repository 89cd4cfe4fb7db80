"""Change a module in every small way, one at a time, and see which changes no test notices.

    python -m tests.planted.mutate [--jobs 2] [--sample N --seed S] [MODULE ...]

Each change is made in a copy of the tree. The quick tests of the module run first, and those in `then` only for what
the quick ones let pass. What survives is shown as a diff, unless `equivalents.py` says why no test can notice it.
Exit status 1 when the unbroken tree fails, or when less than `--least` of a module's mutants are noticed.
"""

import argparse
import queue
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from tests.planted.equivalents import EQUIVALENTS
from tests.planted.mutants import Mutant, mutants
from tests.planted.trees import ROOT, check_own, copy_tree, run_tests


class Module(NamedTuple):
    """A module, and the tests that are to notice what is done to it."""

    first: str
    then: str = ""


_PROJECTING: Final = "tests/ledger/test_projecting.py"
MODULES: Final = {
    "ledger/journal.py": Module("tests/ledger/test_journal.py tests/ledger/test_journal_faults.py", _PROJECTING),
    "ledger/projecting.py": Module(_PROJECTING, "tests/ledger/test_journal.py tests/ledger/test_journal_faults.py"),
    "pairing.py": Module("tests/test_pairing.py tests/test_pairing_borders.py", "tests/test_pairing_properties.py"),
    "hubspot/verdicts.py": Module("tests/hubspot/test_verdicts.py", "tests/test_docs.py"),
    "reconcile.py": Module(
        "tests/test_reconcile.py tests/test_reconcile_findings.py tests/test_reconcile_resends.py",
        "tests/weather/test_storms.py",
    ),
    "matching.py": Module("tests/test_matching.py", "tests/test_reconcile.py"),
    "ledger/fold.py": Module("tests/ledger/test_fold.py tests/ledger/test_fold_whole.py", "tests/ledger"),
    "ledger/codec.py": Module(
        "tests/ledger/test_codec.py", "tests/ledger/test_replay.py tests/ledger/test_fold_whole.py"
    ),
}
_QUICK_S: Final = 5.0  # on top of five times what the unbroken tests take: a mutant that needs longer hangs
KILLED, SURVIVED, TIMED_OUT, EQUIVALENT = "killed", "survived", "timeout", "equivalent"


def change_of(source: bytes, mutant: Mutant) -> tuple[str, str]:
    """Return the lines that a mutant changes, as they were and as they are, each as one line without its margins."""
    before, after = source.splitlines(), mutant.applied(source).splitlines()
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    end = 0
    while end < min(len(before), len(after)) - same and before[-1 - end] == after[-1 - end]:
        end += 1
    return _joined(before[same : len(before) - end]), _joined(after[same : len(after) - end])


def _joined(lines: Sequence[bytes]) -> str:
    return " ".join(line.decode().strip() for line in lines)


class Bench:
    """Copies of the tree in which one module's mutants are tried, one after the other in each."""

    def __init__(self, module: str, tests: Module, folder: Path, *, jobs: int = 1) -> None:
        """Make the copies, and run the tests in each of them unbroken: they must pass."""
        self._module, self._tests = module, tests
        self.source = (ROOT / "importer" / module).read_bytes()
        self._roots: queue.Queue[Path] = queue.Queue()
        self._limits: dict[str, float] = {}
        for job in range(jobs):
            root = copy_tree(folder / str(job))
            check_own(root)
            for paths in filter(None, tests):
                began = time.monotonic()
                told = run_tests(root, paths, keep=True)
                if not told.passed:
                    raise RuntimeError(f"the unbroken tree fails: {told.by}")
                self._limits[paths] = _QUICK_S + 5 * (time.monotonic() - began)
            self._roots.put(root)

    def tried(self, mutant: Mutant) -> str:
        """Return what became of a mutant."""
        if (self._module, *change_of(self.source, mutant)) in EQUIVALENTS:
            return EQUIVALENT
        root = self._roots.get()
        path = root / "importer" / self._module
        try:
            path.write_bytes(mutant.applied(self.source))
            for paths in filter(None, self._tests):
                told = run_tests(root, paths, timeout_s=self._limits[paths])
                if not told.passed:
                    return TIMED_OUT if told.by.startswith("no end") else KILLED
            return SURVIVED
        finally:
            path.write_bytes(self.source)
            self._roots.put(root)


def try_all(module: str, *, jobs: int, sample: int | None = None, seed: int = 0) -> Counter[str]:
    """Try the mutants of a module, print those that survive and a line of figures, and return the figures."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(module, MODULES[module], Path(name), jobs=jobs)
        chosen = mutants(bench.source)
        if sample is not None and sample < len(chosen):
            chosen = sorted(random.Random(seed).sample(chosen, sample))
        with ThreadPoolExecutor(jobs) as pool:
            fates = list(pool.map(bench.tried, chosen))
    for mutant, fate in zip(chosen, fates, strict=True):
        if fate in {SURVIVED, TIMED_OUT}:
            was, now = change_of(bench.source, mutant)
            _print(f"{fate}: importer/{module}:{mutant.line}\n  - {was}\n  + {now}")
    counts = Counter(fates)
    _print(f"{_line(module, counts)}, {time.monotonic() - began:.0f} s")
    return counts


def score(counts: Counter[str]) -> float:
    """Return the part that was noticed of what could be."""
    noticed = counts[KILLED] + counts[TIMED_OUT]
    return noticed / ((noticed + counts[SURVIVED]) or 1)


def _line(module: str, counts: Counter[str]) -> str:
    figures = ", ".join(f"{counts[fate]} {fate}" for fate in (KILLED, TIMED_OUT, SURVIVED, EQUIVALENT))
    return f"{module:<20} {counts.total():>4} mutants: {figures}; {score(counts):.1%}"


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - its output


def main(argv: Sequence[str] | None = None) -> int:
    """Try modules, print the table, return the exit status."""
    parser = argparse.ArgumentParser(description="Change modules in every small way and see whether the tests notice.")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(MODULES)}; all if none is named")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--sample", type=int, help="so many mutants of each module, not all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--least", type=float, default=0.9, help="the least part of mutants to be noticed")
    args = parser.parse_args(argv)
    unknown = set(args.modules) - set(MODULES)
    if unknown:
        parser.error(f"no tests are named for {', '.join(sorted(unknown))}")
    tried = {
        module: try_all(module, jobs=args.jobs, sample=args.sample, seed=args.seed)
        for module in args.modules or MODULES
    }
    _print("\n".join(["", *(_line(module, counts) for module, counts in tried.items())]))
    return int(any(score(counts) < args.least for counts in tried.values()))


if __name__ == "__main__":
    sys.exit(main())
