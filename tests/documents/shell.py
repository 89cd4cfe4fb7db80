"""Commands of documents, run: the importer's in this process, others by a shell, in a folder of the document's own."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.in_process import run_importer

_SHELL: Final = re.compile(r"[|<>&;*`]|\$[({?A-Za-z]")
_SILENCE: Final = " 2>/dev/null"
_ASKS: Final = frozenset({"run", "reconcile", "probe", "doctor", "init"})
_VARIES: Final = (
    (re.compile(r"\\?\(\d+\\?\.\d s\b|\b\d+\\?\.\d s\b|\b\d+(\\?\.\d+)? (?:ms|GiB|MiB)\b"), r"\\(?[\\d,.]+ \\w+"),
    (
        re.compile(r"20\d\d\\?-\d\d\\?-\d\d[T ]\d\d:\d\d(?::\d\d)?"),
        r"20\\d\\d-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d(?::\\d\\d)?",
    ),
)


class Shell:
    """A shell in which a document's commands are typed one after the other; `base_url` is where "HubSpot" is."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self.folder = folder
        self._base_url = base_url
        scripts = str(Path(sys.executable).parent)
        self._environment = os.environ | {
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1", "COLUMNS": "110",
        }  # fmt: skip

    def type(self, command: str) -> tuple[str, int]:
        """Run a command; return what it said on both streams, and its status."""
        if found := re.fullmatch(r"export (\w+)=(\S+)", command):
            self._environment[found[1]] = found[2]
            return "", 0
        environment = dict(self._environment)
        if "HUBSPOT_ACCESS_TOKEN" in environment and "--simulate" not in command:
            environment["IMPORTER_BASE_URL"] = self._base_url
        words = shlex.split(command, comments=True)
        while words and (found := re.fullmatch(r"([A-Z_]+)=(.*)", words[0])):
            environment[found[1]] = found[2]
            words = words[1:]
        quiet = command.endswith(_SILENCE)
        if words[0] == "importer" and not _SHELL.search(re.sub(r"'[^']*'", "", command.removesuffix(_SILENCE))):
            if words[1] not in _ASKS:
                environment.pop("IMPORTER_BASE_URL", None)
            ran = run_importer(*words[1 : -1 if quiet else None], environment=environment, together=not quiet)
            return ran.stdout, ran.returncode
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        return done.stdout, done.returncode


def differs(shown: tuple[str, ...], said: str) -> bool:
    """Whether `said` is something else than what a document shows; `…` there stands for anything, times vary."""
    lines = [_pattern(line) for line in shown]
    return re.fullmatch("".join(lines), said if said.endswith("\n") or not said else said + "\n") is None


def _pattern(line: str) -> str:
    if line.strip() == "…":
        return r"(?:[^\n]*\n)*?"
    pattern = re.escape(line.rstrip()).replace("…", r"[^\n]*").replace(r"\ ", " ")
    for varies, anything in _VARIES:
        pattern = varies.sub(anything, pattern)
    return pattern + r" *\n"
