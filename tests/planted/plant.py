"""Break the importer on purpose, one promise at a time, and see whether the tests notice.

    python -m tests.planted.plant [--jobs 2] [NAME ...]

Each breakage is made in a copy of the tree, where the tests named beside it run. First all named tests must pass in an
unbroken copy, or a failure would mean nothing. Exit status 1 if a breakage was not caught.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.planted.bugs import BUGS, Bug

ROOT: Final = Path(__file__).resolve().parents[2]
_TREE: Final = ("importer", "tests", "config", "docs", "requirements", "pyproject.toml", "README.md", "Makefile",
                "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE")  # fmt: skip
_IGNORED: Final = shutil.ignore_patterns("__pycache__", "planted")


def copy_tree(into: Path) -> Path:
    """Copy what the tests need below `into`, beside the shared files; return the copy's root."""
    root = into / "main"
    root.mkdir(parents=True)
    for name in _TREE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=_IGNORED)
        elif source.exists():
            shutil.copy(source, root / name)
    shared = ROOT.parent / "shared"
    if shared.exists():
        (into / "shared").symlink_to(shared)
    return root


def apply(bug: Bug, root: Path) -> None:
    """Make the breakage in a copy; raise `ValueError` unless its place is there exactly once."""
    path = root / "importer" / bug.file
    text = path.read_text(encoding="utf-8")
    if not bug.old or text.count(bug.old) != 1 or bug.old == bug.new:
        raise ValueError(f"{bug.name}: its place is in {bug.file} {text.count(bug.old)} times")
    path.write_text(text.replace(bug.old, bug.new), encoding="utf-8")


def run_tests(root: Path, tests: str) -> tuple[bool, str]:
    """Run tests in a copy; return whether they passed, and the first that failed."""
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    told = subprocess.run(
        [sys.executable, "-c", "import importer; print(importer.__file__)"],
        cwd=root, env=environment, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert told.startswith(str(root)), "the copy is not what is imported"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests.split()],
        cwd=root, env=environment, check=False, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return done.returncode == 0, failed[1] if failed else f"status {done.returncode}"


def caught_by(bug: Bug) -> str | None:
    """Return the first test that fails with the breakage, None if none does."""
    with tempfile.TemporaryDirectory() as name:
        root = copy_tree(Path(name))
        apply(bug, root)
        passed, failed = run_tests(root, bug.tests)
    return None if passed else failed


def main(argv: Sequence[str] | None = None) -> int:
    """Plant, print the table, return the exit status."""
    parser = argparse.ArgumentParser(description="Break the importer on purpose and see whether the tests notice.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args(argv)
    bugs = [bug for bug in BUGS if not args.names or bug.name in args.names]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        named = " ".join(dict.fromkeys(path for bug in bugs for path in bug.tests.split()))
        passed, failed = run_tests(copy_tree(Path(name)), named)
    if not passed:
        print(f"the unbroken tree fails: {failed}")  # noqa: T201 - its output
        return 1
    with ThreadPoolExecutor(args.jobs) as pool:
        found = list(pool.map(caught_by, bugs))
    for bug, by in zip(bugs, found, strict=True):
        print(f"{bug.name:<28} {by or 'NOT CAUGHT'}")  # noqa: T201 - its output
    missed = found.count(None)
    print(f"{len(bugs) - missed} of {len(bugs)} caught, {time.monotonic() - began:.0f} s")  # noqa: T201 - its output
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
