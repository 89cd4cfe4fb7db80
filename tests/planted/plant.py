"""Break the importer on purpose, one promise at a time, and see whether the tests notice.

    python -m tests.planted.plant [--jobs 2] [--quick] [NAME ...]

Each breakage is made in a copy of the tree, where the tests named beside it run. First all named tests must pass in an
unbroken copy, or a failure would mean nothing. What the named tests do not catch is tried with the whole suite. Exit
status 1 if a breakage was not caught.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.planted.bug import Bug
from tests.planted.bugs import BUGS, QUICK
from tests.planted.trees import check_own, copy_tree, run_tests

_WHOLE_SUITE: Final = "tests"


def apply(bug: Bug, root: Path) -> None:
    """Make the breakage in a copy; raise `ValueError` unless its place is there exactly once."""
    path = root / "importer" / bug.file
    text = path.read_text(encoding="utf-8")
    if not bug.old or text.count(bug.old) != 1 or bug.old == bug.new:
        raise ValueError(f"{bug.name}: its place is in {bug.file} {text.count(bug.old)} times")
    path.write_text(text.replace(bug.old, bug.new), encoding="utf-8")


def caught_by(bug: Bug, tests: str | None = None) -> str | None:
    """Return the first of the tests (those named beside the breakage) that fails with it, None if none does."""
    with tempfile.TemporaryDirectory() as name:
        root = copy_tree(Path(name))
        check_own(root)
        apply(bug, root)
        told = run_tests(root, bug.tests if tests is None else tests)
    return None if told.passed else told.by


def fails_unbroken(tests: str) -> str | None:
    """Return the first of the tests that fails in an unbroken copy, None if none does."""
    with tempfile.TemporaryDirectory() as name:
        root = copy_tree(Path(name))
        check_own(root)
        told = run_tests(root, tests)
    return None if told.passed else told.by


def plant(bugs: Sequence[Bug], jobs: int) -> dict[str, str | None]:
    """Return for each breakage what caught it; raise `RuntimeError` when the unbroken tree fails."""
    found = _tried(bugs, None, jobs)
    missed = [bug for bug in bugs if found[bug.name] is None]
    if missed:
        late = _tried(missed, _WHOLE_SUITE, jobs)
        found |= {name: by and f"{by} (not by the tests named)" for name, by in late.items()}
    return found


def _tried(bugs: Sequence[Bug], tests: str | None, jobs: int) -> dict[str, str | None]:
    """Try breakages with `tests`, or with those named beside each, and tell of each as it is known."""
    failed = fails_unbroken(tests or " ".join(dict.fromkeys(path for bug in bugs for path in bug.tests.split())))
    if failed is not None:
        raise RuntimeError(f"the unbroken tree fails: {failed}")
    found: dict[str, str | None] = {}
    with ThreadPoolExecutor(jobs) as pool:
        for bug, by in zip(bugs, pool.map(lambda bug: caught_by(bug, tests), bugs), strict=True):
            found[bug.name] = by
            _print(f"{bug.name:<28} {by or 'NOT CAUGHT by ' + (tests or bug.tests)}")
    return found


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - its output


def main(argv: Sequence[str] | None = None) -> int:
    """Plant, print the table, return the exit status."""
    parser = argparse.ArgumentParser(description="Break the importer on purpose and see whether the tests notice.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a handful, one of each kind")
    args = parser.parse_args(argv)
    names = [*args.names, *(QUICK if args.quick else ())]
    unknown = set(names) - {bug.name for bug in BUGS}
    if unknown:
        parser.error(f"no breakage is named {', '.join(sorted(unknown))}")
    bugs = [bug for bug in BUGS if not names or bug.name in names]
    began = time.monotonic()
    try:
        found = plant(bugs, args.jobs)
    except RuntimeError as error:
        _print(str(error))
        return 1
    missed = [name for name, by in found.items() if by is None]
    _print(f"{len(bugs) - len(missed)} of {len(bugs)} caught, {time.monotonic() - began:.0f} s")
    for name in missed:
        _print(f"NOT CAUGHT: {name}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
