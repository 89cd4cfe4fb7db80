"""Where kills happen: a simulated HubSpot in another process, sources of every format, the command to be killed."""

import gzip
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from tests.warm import Warm

ENVIRONMENT: Final = {**os.environ, "HUBSPOT_ACCESS_TOKEN": "a-token", "PYTHONUNBUFFERED": "1"}
#: Doubt of every kind, and requests that land late; all of it settles within --timeout and --settle.
WEATHER: Final = (
    "504_after_commit:0.02", "half_commit:0.02", "reset_after_commit:0.02", "reset_before:0.02",
    "late_commit_reset:0.02:0.3", "late_commit:0.02:0.3", "429:0.01",
)  # fmt: skip
SWITCHES: Final = ("latency=uniform:0.01-0.05", "rate=100000", *WEATHER)
WAITS: Final = {"timeout": "0.5", "settle": "0.3"}
FORMATS: Final = ("csv", "jsonl.gz", "stdin")
_SERVE: Final = (
    "import sys\n"
    "from importer.simulator.policy import SimulatorPolicy\n"
    "from importer.simulator.server import serve\n"
    "serve(SimulatorPolicy.from_strings(sys.argv[1:]), '127.0.0.1', 0, lambda url: print(url, flush=True))\n"
)


@contextmanager
def simulated(*switches: str) -> Iterator[str]:
    """Serve a simulated HubSpot; yield its base URL."""
    with simulated_process(*switches) as (base_url, _pid):
        yield base_url


@contextmanager
def simulated_process(*switches: str) -> Iterator[tuple[str, int]]:
    """Serve a simulated HubSpot; yield its base URL and the id of its process."""
    line = [sys.executable, "-c", _SERVE, *switches]
    with Warm(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.terminate()


def truth(base_url: str, mark: str) -> list[dict[str, Any]]:
    """Return every campaign that was made whose notes begin with `mark`."""
    with urllib.request.urlopen(f"{base_url}/__simulator__/truth") as reply:  # noqa: S310 - loopback
        made = [json.loads(line) for line in reply.read().splitlines()]
    return [one for one in made if one["properties"].get("hs_notes", "").startswith(f"{mark} ")]


def inputs(mark: str, count: int, *, twins: bool) -> list[dict[str, str]]:
    """Return `count` rows of which, with `twins`, each tenth is like the one before it."""
    numbers = [n - (twins and n % 10 == 9) for n in range(count)]
    return [{"hs_name": f"{mark} {n}", "hs_notes": f"{mark} {n % 7}"} for n in numbers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import to be killed and run again."""

    folder: Path
    form: str  #: one of `FORMATS`
    base_url: str
    rows: Sequence[Mapping[str, str]]
    workers: int = 4
    ledger_in: Path | None = None  #: folder in which the ledger is to be; None: beside the source

    @property
    def source(self) -> Path:
        """The file with the rows."""
        return self.folder / ("campaigns.jsonl.gz" if self.form == "jsonl.gz" else "campaigns.csv")

    @property
    def ledger(self) -> Path:
        """The ledger's folder."""
        return (self.ledger_in or self.folder) / "ledger"

    def write(self) -> None:
        """Write the source."""
        if self.form == "jsonl.gz":
            lines = "".join(json.dumps(row) + "\n" for row in self.rows)
            self.source.write_bytes(gzip.compress(lines.encode()))
        else:
            lines = "".join(f"{row['hs_name']},{row['hs_notes']}\n" for row in self.rows)
            self.source.write_text("hs_name,hs_notes\n" + lines)

    @property
    def _name(self) -> str:
        return "-" if self.form == "stdin" else str(self.source)

    def _settings(self) -> dict[str, str]:
        return {"ledger": str(self.ledger), "base_url": self.base_url, "rate": "100000",
                "workers": str(self.workers), "duplicates": "create", "grace": "0.3", **WAITS}  # fmt: skip

    def command(self) -> list[str]:
        """Return the words of the command line."""
        flags = [word for key, value in self._settings().items() for word in (f"--{key.replace('_', '-')}", value)]
        return ["run", self._name, *flags, "--yes", "--quiet"]

    def start(self, point: str | None = None, log: Path | None = None) -> "subprocess.Popen[bytes]":
        """Start the command, or the same run that kills itself at `point` or logs its points."""
        environment = dict(ENVIRONMENT)
        if point is None and log is None:
            line = [sys.executable, "-m", "importer", *self.command()]
        else:
            settings = [f"{key}={value}" for key, value in self._settings().items()]
            line = [sys.executable, "-m", "tests.kills.crashing_run", self._name, *settings]
            environment |= {"CRASH_AT": point or "", "CRASH_LOG": str(log) if log else ""}
        if self.form != "stdin":
            return self._spawn(line, environment, None)
        with self.source.open("rb") as stream:
            return self._spawn(line, environment, stream)

    @staticmethod
    def _spawn(line: list[str], environment: Mapping[str, str], stream: BinaryIO | None) -> "subprocess.Popen[bytes]":
        return Warm(
            line, env=environment, stdin=stream or subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )  # fmt: skip
