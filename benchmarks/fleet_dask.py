"""A fleet on a Dask cluster of this machine: what placing costs, and how soon a lost worker's imports run again.

    python -m benchmarks.fleet_dask [--imports 1000] [--rows 500] [--workers 3] [--threads 4]

Each import has an account of its own on one simulator, a process apart whose CPU is not counted. CPU seconds are those
of driver, scheduler, workers and imports together. Memory is the proportional set size (PSS), at the highest of
samples. Then, in a fleet of its own with a slow server, a worker is killed: told are the seconds from that to the
moments at which the driver begins its imports again, the last of them after it had found accounts still held.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.fleet_ways import pss_mb
from tests.fleet.cluster import Cluster, end, running_cluster
from tests.fleet.in_proc import family
from tests.kills.grounds import simulated

SAMPLE_S: Final = 2.0
LOSS_IMPORTS: Final = 12
LOSS_ROWS: Final = 2_000
_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Peaks:
    """Memory in megabytes, at the highest of samples."""

    driver: float = 0.0
    scheduler: float = 0.0
    worker: float = 0.0  #: the process of Dask alone
    forks: float = 0.0  #: what forks the imports of a worker
    imports: list[float] = field(default_factory=list)  #: each that a sample met

    def look(self, driver: int, cluster: Cluster) -> None:
        """Take a sample."""
        assert cluster.scheduler is not None
        self.driver = max(self.driver, pss_mb([driver]))
        self.scheduler = max(self.scheduler, pss_mb([cluster.scheduler.pid]))
        for worker in cluster.workers:
            self.worker = max(self.worker, pss_mb([worker.pid]))
            for pid in family(worker.pid) - {worker.pid}:
                if parent_of(pid) == worker.pid:
                    self.forks = max(self.forks, pss_mb([pid]))
                else:
                    self.imports.append(pss_mb([pid]))


def write(folder: Path, engine: str, base_url: str, count: int, rows: int) -> Path:
    """Write sources, tokens and the fleet file; return its path."""
    (folder / "shared").mkdir(parents=True)
    lines = ["[fleet]", 'directory = "shared"', f'engine = "{engine}"', "at_once = 1000", "worker_ttl = 60"]
    for n in range(1, count + 1):
        text = "".join(f"Import {n} campaign {row}\n" for row in range(rows))
        (folder / f"i{n}.csv").write_text("hs_name\n" + text)
        (folder / f"t{n}").write_text(f"account-{n}")
        (folder / f"t{n}").chmod(0o600)
        lines += [f"[accounts.a{n}]", f'token = "file:t{n}"', f'base_url = "{base_url}"']
        lines += ["[[imports]]", f'name = "i{n}"', f'account = "a{n}"', f'source = "i{n}.csv"']
    path = folder / "fleet.toml"
    path.write_text("\n".join(lines))
    return path


def started(path: Path) -> "subprocess.Popen[bytes]":
    """Start the command."""
    line = [sys.executable, "-m", "importer", "fleet", "--insecure", "--quiet", str(path)]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command


def parent_of(pid: int) -> int | None:
    """Return the process that began this one; None where it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def cpu_s(pids: Sequence[int]) -> float:
    """Return the CPU seconds that processes have used, with all that they began and that has ended."""
    total = 0
    for pid in pids:
        for one in family(pid):
            try:
                told = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            total += sum(map(int, told[11:15]))
    return total * _TICK_S


def history(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines of the fleet's history."""
    file = path.parent / "shared" / "history.jsonl"
    lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
    return [json.loads(line) for line in lines if line]


def place(folder: Path, cluster: Cluster, count: int, rows: int) -> None:
    """Run a fleet to its end, and print what it took."""
    with simulated(f"accounts={count}", "latency=fixed:0.1") as base_url:
        path = write(folder, cluster.address, base_url, count, rows)
        heads = [one.pid for one in cluster.processes]
        before, peaks, driver_cpu = cpu_s(heads), Peaks(), 0.0
        with started(path) as process:
            while process.poll() is None:
                peaks.look(process.pid, cluster)
                driver_cpu = max(driver_cpu, cpu_s([process.pid]))
                time.sleep(SAMPLE_S)  # between two looks at memory and CPU
        assert process.returncode == 0, process.returncode
        used = cpu_s(heads) - before + driver_cpu
    at = [line["at"] for line in history(path)]
    imports = sorted(peaks.imports)
    print(f"imports a second          {count / (max(at) - min(at)):8.2f}")  # noqa: T201 - its output
    print(f"CPU seconds an import     {used / count:8.2f}, of them the driver's {driver_cpu / count:.3f}")  # noqa: T201 - its output
    print(f"MB of an import           {imports[len(imports) // 2]:8.0f} in the middle, {imports[-1]:.0f} at most")  # noqa: T201 - its output
    print(f"MB of a worker            {peaks.worker:8.0f}, and {peaks.forks:.0f} for what forks its imports")  # noqa: T201 - its output
    print(f"MB of scheduler, driver   {peaks.scheduler:8.0f}, {peaks.driver:.0f}", flush=True)  # noqa: T201 - its output


def lose(folder: Path, cluster: Cluster) -> None:
    """Kill a worker, and print how soon its imports ran again."""
    with simulated(f"accounts={LOSS_IMPORTS}", "latency=fixed:1.0") as base_url:
        count = min(LOSS_IMPORTS, len(cluster.workers) * cluster.threads - cluster.threads)
        path = write(folder, cluster.address, base_url, count, LOSS_ROWS)
        with started(path) as process:
            while sum(line["state"] == "running" for line in history(path)) < count:
                time.sleep(0.05)  # the history is a file: nothing wakes its readers
            time.sleep(2.0)  # they send by then
            victim = max(cluster.workers, key=lambda one: len(family(one.pid)))
            killed_at = time.time()
            end(victim)
        assert process.returncode == 0, process.returncode
    again = sorted(line["at"] - killed_at for line in history(path) if line["state"] == "running")
    late = [seconds for seconds in again if seconds > 0]
    print(f"seconds until run again   {late[0]:8.2f} the first, {late[-1]:.2f} the last of {len(late)}")  # noqa: T201 - its output


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="A fleet on a Dask cluster: CPU, memory, and a lost worker.")
    parser.add_argument("--imports", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--threads", type=int, default=4)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        with running_cluster(top, args.workers, args.threads) as cluster:
            place(top / "place", cluster, args.imports, args.rows)
            lose(top / "lose", cluster)
    return 0


if __name__ == "__main__":
    sys.exit(main())
