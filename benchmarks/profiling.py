"""Where the time of an import goes: samples by py-spy of the thread that holds the interpreter's lock.

A sample belongs to the innermost function of the importer on its stack, so that a library's work counts for whoever
called it. Three things have lines of their own: what the event loop does by itself, what aiohttp does when bytes come
in, and imports of modules. Microseconds a record are the shares of the samples times the CPU time of ordinary runs,
since a profiler slows down what it watches. Calls that give the lock away (the disk, sockets, unpacking) are not seen;
their CPU time is spread over the rest.
"""

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import importer
from benchmarks.importing import WORKERS, import_line
from benchmarks.processes import ENVIRONMENT, stub

_ROOT: Final = Path(__file__).resolve().parents[1]
_HOUSE: Final = f"{Path(importer.__file__).resolve().parent.as_posix()}/"
_FRAME: Final = re.compile(r"(?P<function>.+) \((?P<file>[^()]+?)(?::\d+)?\)$")
_LOOP: Final = "the event loop"
_ANSWERS: Final = "aiohttp, as bytes come in"
_IMPORTS: Final = "imports of modules"
_REST: Final = "worker threads by themselves"
_SAMPLES_PER_S: Final = 250


@dataclass(frozen=True, slots=True)
class Profile:
    """Shares of the samples, from 0 to 1, the greatest first."""

    modules: tuple[tuple[str, float], ...]
    functions: tuple[tuple[str, float], ...]
    samples: int


def profile(source: Path, folder: Path) -> Profile:
    """Import `source` once under py-spy.

    Raises:
        RuntimeError: py-spy is missing, or may not look into the process.
    """
    spy = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if spy is None:
        raise RuntimeError("py-spy is not installed; requirements/bench.txt has it, and make bench installs it")
    stacks, ledger = folder / "stacks.txt", folder / "profiled.ledger"
    with stub() as served:
        importing = import_line(source, ledger, served.base_url, workers=WORKERS, python=sys.executable)
        line = [spy, "record", "--format", "raw", "--gil", "--function", "--full-filenames",
                "--rate", str(_SAMPLES_PER_S), "--output", str(stacks), "--", *importing]  # fmt: skip
        done = subprocess.run(line, env=ENVIRONMENT, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode != 0 or not stacks.is_file():
        raise RuntimeError(f"py-spy ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    shutil.rmtree(ledger)
    return collapse(stacks.read_text(encoding="utf-8").splitlines())


def collapse(stacks: Sequence[str]) -> Profile:
    """Return the profile of `stacks`, each `function (file);… COUNT` from the outermost frame to the innermost."""
    modules: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for line in stacks:
        frames, _, count = line.rpartition(" ")
        module, function = owner(frames.split(";"))
        modules[module] += int(count)
        functions[function] += int(count)
    total = modules.total() or 1
    return Profile(
        tuple((name, count / total) for name, count in modules.most_common()),
        tuple((name, count / total) for name, count in functions.most_common()),
        modules.total(),
    )


def owner(frames: Sequence[str]) -> tuple[str, str]:
    """Return the module and the function that a stack counts for."""
    through = ""
    for frame in reversed(frames):
        found = _FRAME.match(frame)
        file, function = (found["file"], found["function"]) if found else ("", frame)
        if file.startswith(_HOUSE):
            module = file.removeprefix(_HOUSE)
            return module, f"{module} {function}"
        if "importlib._bootstrap" in file:
            return _IMPORTS, _IMPORTS
        if "/aiohttp/" in file:
            through = _ANSWERS
        if "/asyncio/" in file and function.endswith("_run_once"):
            return through or _LOOP, through or _LOOP
    return _REST, _REST
