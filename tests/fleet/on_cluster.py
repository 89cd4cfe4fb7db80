"""A fleet on a cluster, looked at from outside: which processes work for it, and how its command ends."""

import subprocess
from collections.abc import Callable
from typing import Final, Protocol

from tests.fleet.cluster import Cluster
from tests.fleet.fleet_ground import ENOUGH_S, Ground
from tests.fleet.in_proc import family

NOWHERE: Final = "http://127.0.0.1:9"
TLS: Final = '[fleet.tls]\nca = "../ca.pem"\ncert = "../driver.pem"\nkey = "../driver.key"'


class Make(Protocol):
    """Makes fleets whose commands end with the test."""

    def __call__(self, engine: str, *more: str, base_url: str = NOWHERE, accounts: int = 3, rows: int = 600) -> Ground:
        """Write a fleet on a cluster, with an import for each account."""
        ...


def below(*processes: "subprocess.Popen[bytes]") -> set[int]:
    """Return the processes that workers have begun: imports, and what forks them."""
    return set[int]().union(*(family(one.pid) for one in processes)) - {one.pid for one in processes}


def at_work(cluster: Cluster) -> "subprocess.Popen[bytes]":
    """Return a worker that has begun an import."""
    return next(one for one in cluster.workers if below(one))


def imports_of(cluster: Cluster) -> set[int]:
    """Return the imports' processes: those that have begun none, for what forks them stays with its worker."""
    return {pid for pid in below(*cluster.workers) if family(pid) == {pid}}


def all_at_work(ground: Ground) -> Callable[[], bool]:
    """Return whether an import of each account has sent something."""
    return lambda: all(ground.sent(number) for number in range(1, ground.accounts + 1))


def losses(ground: Ground) -> int:
    """Return how many losses the history tells of."""
    return sum(line["state"] == "waiting" for line in ground.history())


def begin(ground: Ground) -> "subprocess.Popen[str]":
    """Start the command, and return when imports of every account are at work."""
    process = ground.start("--insecure")
    ground.wait_for(process, all_at_work(ground))
    return process


def well_ended(ground: Ground, process: "subprocess.Popen[str]") -> None:
    """Check that the command comes to a good end, with everything made once."""
    out, err = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 0, err
    assert f"imports: {ground.accounts * ground.each} done" in out
    assert ground.violations() == []
