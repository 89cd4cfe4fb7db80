"""A Dask cluster over the hosts of `namespaces`, made and started by the commands that the documentation tells."""

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.fleet.cluster import end
from tests.fleet.in_proc import family
from tests.hosts.namespaces import ROOT, Host

PAGE: Final = ROOT / "docs" / "how-to" / "fleet-on-dask.md"
WAIT_S: Final = 120.0
TLS: Final = '[fleet.tls]\nca = "../ca.pem"\ncert = "../host.pem"\nkey = "../host.key"'


def commands(program: str) -> list[list[str]]:
    """Return the commands of a program that the page tells, as words."""
    text = PAGE.read_text().replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(rf"^\$ ({program} .*)$", text, re.MULTILINE)]


def certify(folder: Path) -> None:
    """Make the certificates of one authority in a folder."""
    for command in commands("openssl"):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)


@dataclass(slots=True)
class Across:
    """A scheduler on one host and workers on others; each can be cut off and lost."""

    folder: Path  #: with the certificates
    seat: Host  #: where the scheduler is
    workers: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)  #: the latest one of each host
    started: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where the scheduler is."""
        return f"tls://{self.seat.address}:8786"

    def start(self) -> None:
        """Start the scheduler."""
        (scheduler,) = commands("dask scheduler")
        self._begin(self.seat, scheduler, "Scheduler at")

    def add_worker(self, host: Host) -> None:
        """Start a worker on a host, as the unit of the service does when the one before has ended."""
        (worker,) = commands("dask worker")
        words = [word.replace("tls://scheduler.example.org:8786", self.address) for word in worker]
        self.workers[host.name] = self._begin(host, words, "Registered to")

    def _begin(self, host: Host, words: list[str], ready: str) -> "subprocess.Popen[bytes]":
        path = self.folder / f"dask-{len(self.started)}-{host.name}.log"
        line = [*host.before, sys.executable, "-m", *words]
        with path.open("ab") as log:
            process = subprocess.Popen(line, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.started.append(process)
        until = time.monotonic() + WAIT_S
        while ready not in path.read_text():
            assert process.poll() is None, path.read_text()
            assert time.monotonic() < until, path.read_text()
            time.sleep(0.05)  # what is waited for is in a file of another process
        return process

    def imports_on(self, host: Host) -> set[int]:
        """Return the imports' processes on a host: those that have begun none, for what forks them does."""
        pid = self.workers[host.name].pid
        return {one for one in family(pid) - {pid} if family(one) == {one}}

    def stop(self) -> None:
        """End all of it for good."""
        for one in self.started:
            end(one)


@contextmanager
def across(folder: Path, seat: Host, *workers: Host) -> Iterator[Across]:
    """Have a cluster for the block."""
    certify(folder)
    cluster = Across(folder, seat)
    try:
        cluster.start()
        for host in workers:
            cluster.add_worker(host)
        yield cluster
    finally:
        cluster.stop()
