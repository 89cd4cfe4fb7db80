"""A Dask cluster of real processes on loopback: a scheduler and workers, each of which can be killed or frozen."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.warm import OfCluster

WAIT_S: Final = 60.0
_DASK: Final = (sys.executable, "-m", "dask")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(slots=True)
class Cluster:
    """Scheduler and workers; `certificates` are options of Dask's commands, empty for plain TCP."""

    folder: Path
    threads: int = 2
    certificates: Sequence[str] = ()
    port: int = field(default_factory=free_port)
    scheduler: "subprocess.Popen[bytes] | None" = None
    workers: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where the scheduler is."""
        return f"{'tls' if self.certificates else 'tcp'}://127.0.0.1:{self.port}"

    def start(self, workers: int) -> None:
        """Start what is not running, and wait until the scheduler listens."""
        if self.scheduler is None or self.scheduler.poll() is not None:
            self.scheduler = self._begin(
                "scheduler", "scheduler", "--host", self.address.rpartition(":")[0], "--port", str(self.port)
            )
            self._wait()
        self.workers = [one for one in self.workers if one.poll() is None]
        while len(self.workers) < workers:
            self.add_worker()

    def add_worker(self, before: Sequence[str] = ()) -> None:
        """Start one more worker, by a command that `before` begins with."""
        line = ("worker", self.address, "--nthreads", str(self.threads), "--no-nanny", "--memory-limit", "0")
        host = ("--host", "127.0.0.1", "--local-directory", str(self.folder / "dask"), "--death-timeout", "20",
                "--preload", "importer.fleet.dask_task")  # fmt: skip
        self.workers.append(self._begin(f"worker-{len(self.workers)}", *line, *host, before=before))

    def _begin(self, name: str, *line: str, before: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.log").open("ab") as log:
            return OfCluster(
                [*before, *_DASK, *line, "--no-dashboard", *self.certificates], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def _wait(self) -> None:
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self.scheduler is not None
            assert self.scheduler.poll() is None, (self.folder / "scheduler.log").read_text()
            time.sleep(0.05)  # it listens, or it does not yet
        raise TimeoutError(self.address)

    @property
    def processes(self) -> "Iterator[subprocess.Popen[bytes]]":
        """The scheduler and the workers that were not seen to end."""
        if self.scheduler is not None:
            yield self.scheduler
        yield from self.workers

    def stop(self) -> None:
        """End all of it for good."""
        for one in self.processes:
            end(one)


@contextmanager
def running_cluster(folder: Path, workers: int, threads: int, certificates: Sequence[str] = ()) -> Iterator[Cluster]:
    """Have a cluster for the block."""
    cluster = Cluster(folder, threads, certificates)
    try:
        cluster.start(workers)
        yield cluster
    finally:
        cluster.stop()


def end(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    """Kill a process, asleep or awake, and wait for it."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
        process.kill()
    process.wait()
