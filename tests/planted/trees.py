"""Private copies of the tree, and tests run in them: what is broken on purpose is never the tree itself."""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
_TREE: Final = ("importer", "tests", "config", "docs", "benchmarks", "requirements", "pyproject.toml", "README.md",
                "Makefile", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", ".github", ".ci")  # fmt: skip
_IGNORED: Final = shutil.ignore_patterns("planted", "*.pyc.*")  # bytecode is copied, but none that is being written
_PASSED, _FAILED = 0, 1  # pytest's own statuses; any other says that the tests could not be run
_COLLECTION_BROKE: Final = 2
_MEMORY_BYTES: Final = 4 << 30  # of one process: a breakage may make an endless list


class Told(NamedTuple):
    """What the tests said."""

    passed: bool
    by: str  #: the first test that failed, or why none could


def copy_tree(into: Path) -> Path:
    """Copy what the tests need below `into`, beside the shared files; return the copy's root."""
    root = into / "main"
    root.mkdir(parents=True)
    for name in _TREE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=_IGNORED)
        elif source.exists():
            shutil.copy2(source, root / name)
    shared = ROOT.parent / "shared"
    if shared.exists():
        (into / "shared").symlink_to(shared)
    return root


def check_own(root: Path) -> None:
    """Raise `RuntimeError` unless what is imported in a copy is the copy."""
    asked = [sys.executable, "-c", "import importer; print(importer.__file__)"]
    told = subprocess.run(
        asked, cwd=root, env=_environment(root, keep=False), check=True, capture_output=True, text=True
    ).stdout.strip()
    if told != str(root / "importer" / "__init__.py"):
        raise RuntimeError(f"{told} is imported, not the copy in {root}")


def run_tests(root: Path, tests: str, *, timeout_s: float = 900.0, keep: bool = False) -> Told:
    """Run tests in a copy, up to the first that fails; `keep` keeps their bytecode for the runs that follow.

    Raises `RuntimeError` when there are no such tests.
    """
    asked = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "--hypothesis-seed=0",
        *tests.split(),
    ]
    with subprocess.Popen(
        asked, cwd=root, env=_environment(root, keep=keep), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        resource.prlimit(process.pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        try:
            output, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return Told(False, f"no end in {timeout_s:.0f} s")
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE)
    if process.returncode not in {_PASSED, _FAILED} and not (process.returncode == _COLLECTION_BROKE and failed):
        raise RuntimeError(f"status {process.returncode} of the tests {tests}:\n{output[-2000:]}")
    return Told(process.returncode == _PASSED, failed[1] if failed else "")


def _environment(root: Path, *, keep: bool) -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return given | {"PYTHONPATH": str(root)} | ({} if keep else {"PYTHONDONTWRITEBYTECODE": "1"})
