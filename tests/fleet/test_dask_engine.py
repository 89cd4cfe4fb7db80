"""A fleet on a Dask cluster of real processes: refusals, and everything made once whoever of them is lost."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
import trustme

from tests.fleet.cluster import Cluster, end, family, free_port, gone, running_cluster
from tests.fleet.fleet_ground import ENOUGH_S, Ground
from tests.kills.grounds import simulated

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),  # a scheduler, three workers and their imports share what cores there are
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc"),
]
NOWHERE = "http://127.0.0.1:9"
UNSHARE = ("unshare", "--user", "--mount", "--map-root-user", "sh", "-c")


@pytest.fixture
def address() -> Iterator[str]:
    """Serve many accounts, none of them fast, so that losses meet imports at work."""
    with simulated("accounts=99", "latency=fixed:0.4", "rate=100000") as base_url:
        yield base_url


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Have a scheduler and three workers."""
    with running_cluster(tmp_path, workers=3, threads=2) as running:
        yield running


class Make(Protocol):
    """Makes fleets whose commands end with the test."""

    def __call__(self, engine: str, *more: str, base_url: str = NOWHERE, rows: int = 600, each: int = 1) -> Ground:
        """Write a fleet of three accounts on a cluster."""
        ...


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make fleets, each in a folder of its own, and kill what they leave at work."""
    made: list[Ground] = []

    def one(engine: str, *more: str, base_url: str = NOWHERE, rows: int = 600, each: int = 1) -> Ground:
        folder = tmp_path / f"fleet-{len(made)}"
        folder.mkdir()
        ground = Ground(
            folder=folder, base_url=base_url, engine=engine, at_once=50, rows=rows, each=each, tokens="file",
            more=more or ("worker_ttl = 5",),
        )  # fmt: skip
        ground.write()
        made.append(ground)
        return ground

    yield one
    for ground in made:
        ground.stop()


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


TLS = '[fleet.tls]\nca = "../ca.pem"\ncert = "../driver.pem"\nkey = "../driver.key"'


@pytest.mark.parametrize(
    ("engine", "more", "words", "says"),
    [
        ("tcp://127.0.0.1:9", (), (), "who reaches this cluster can run code on it"),
        ("tcp://127.0.0.1:9", (TLS,), ("--insecure",), "is not reached with TLS, and [fleet.tls] names certificates"),
        ("tls://127.0.0.1:9", (), ("--insecure",), "needs certificates"),
        ("tls://127.0.0.1:9", (TLS,), (), "the certificates in [fleet.tls] cannot be used"),
    ],
)
def test_what_is_not_safe_is_refused(make: Make, engine: str, more: tuple[str], words: tuple[str], says: str) -> None:
    """Status 2 and a sentence, before anything is connected to."""
    ground = make(engine, *more)
    status, _, err = ground.run(*words)
    assert status == 2, err
    assert says in err
    assert "Traceback" not in err


def test_a_directory_that_is_not_there_is_not_made(make: Make) -> None:
    """It may be that of a share which is not mounted."""
    ground = make("tcp://127.0.0.1:9")
    ground.directory.rmdir()
    status, _, err = ground.run("--insecure")
    assert status == 2
    assert f"the fleet's directory {ground.directory} is not there" in err
    assert not ground.directory.exists()


def test_a_scheduler_that_does_not_answer_is_asked_again_later(make: Make) -> None:
    """Status 7, whether nobody listens or somebody who never says a word: the same command is right later."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        grounds = [make(f"tcp://127.0.0.1:{port}") for port in (free_port(), silent.getsockname()[1])]
        for ground in grounds:
            ground.start("--insecure")
        for ground in grounds:
            (process,) = ground.started
            _, err = process.communicate(timeout=ENOUGH_S)
            assert process.returncode == 7, err
            assert f"the scheduler {ground.engine} is not reached" in err


def test_the_imports_of_a_lost_worker_go_on_elsewhere(make: Make, address: str, cluster: Cluster) -> None:
    """SIGKILL: its children end by themselves, each loss counts, and more of them than `retries` is a failure."""
    ground = make(cluster.address, base_url=address)
    process = begin(ground)
    victim = at_work(cluster)
    orphans = below(victim)
    end(victim)
    gone(orphans)
    well_ended(ground, process)
    assert 1 <= losses(ground) <= cluster.threads
    assert any("its worker was lost" in (line.get("reason") or "") for line in ground.history())


def test_a_loss_too_many_leaves_the_import_to_the_next_run(make: Make, address: str, cluster: Cluster) -> None:
    """With retries = 0 the loss is told as one, the other imports go on, and the next round makes the rest."""
    ground = make(cluster.address, "worker_ttl = 5", "retries = 0", base_url=address)
    process = begin(ground)
    end(at_work(cluster))
    _, err = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 7, err
    assert "lost 1 times: its worker was lost" in err
    well_ended(ground, ground.start("--insecure"))


def test_a_lost_scheduler_ends_the_command_which_goes_on_later(make: Make, address: str, cluster: Cluster) -> None:
    """SIGKILL: status 7 and what to do; no import is left at work, and a new cluster makes the rest in this round."""
    ground = make(cluster.address, base_url=address)
    process = begin(ground)
    mine = below(*cluster.workers)
    assert cluster.scheduler is not None
    end(cluster.scheduler)
    _, err = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 7, err
    assert "is lost" in err
    assert "Traceback" not in err
    gone(mine)
    cluster.stop()
    cluster.start(workers=3)
    well_ended(ground, ground.start("--insecure"))
    assert {line["round"] for line in ground.history()} == {1}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_lost_driver_is_run_again(make: Make, address: str, cluster: Cluster, how: signal.Signals) -> None:
    """The workers stop what nobody waits for; the next command, at once, goes on in the same round."""
    ground = make(cluster.address, base_url=address)
    process = begin(ground)
    mine = imports_of(cluster)
    process.send_signal(how)
    _, err = process.communicate(timeout=ENOUGH_S)
    if how is signal.SIGTERM:
        assert process.returncode == 143, err
        assert not [pid for pid in mine if Path(f"/proc/{pid}").exists()], "it waits for its imports"
    well_ended(ground, ground.start("--insecure"))
    gone(mine)
    assert {line["round"] for line in ground.history()} == {1}


def test_a_worker_that_wakes_up_finds_its_imports_given_away(make: Make, address: str, cluster: Cluster) -> None:
    """SIGSTOP for longer than worker_ttl, with its imports: what begins elsewhere waits for the accounts' locks."""
    ground = make(cluster.address, base_url=address)
    process = begin(ground)
    victim = at_work(cluster)
    host = sorted(family(victim.pid))
    for pid in host:
        os.kill(pid, signal.SIGSTOP)
    ground.wait_for(process, lambda: any(line["state"] == "held" for line in ground.history()))
    for pid in reversed(host):
        os.kill(pid, signal.SIGCONT)
    well_ended(ground, process)
    assert losses(ground) >= 1


def _can_unshare() -> bool:
    try:
        return subprocess.run([*UNSHARE, "mount -t tmpfs none /mnt"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not _can_unshare(), reason="a process may not have mounts of its own here")
def test_a_worker_without_the_shared_directory_is_refused(make: Make, tmp_path: Path, address: str) -> None:
    """Another directory at the same path: seen when it joins late, and before anything is sent when it is there."""
    with running_cluster(tmp_path, workers=1, threads=1) as cluster:
        ground = make(cluster.address, base_url=address)
        process = ground.start("--insecure")
        ground.wait_for_running(process, 1)
        mount = f'mount -t tmpfs none "{ground.directory}" && exec "$@"'
        cluster.add_worker(before=(*UNSHARE, mount, "sh"))
        for _ in range(2):
            _, err = process.communicate(timeout=ENOUGH_S)
            assert process.returncode == 2, err
            assert f"does not see the driver's {ground.directory}" in err
            process = ground.start("--insecure")
        process.communicate(timeout=ENOUGH_S)
        end(cluster.workers.pop())
        well_ended(ground, ground.start("--insecure"))


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[Cluster]:
    """Have a cluster with certificates of one CA, and those of a driver in the folder."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    for name in ("host", "driver"):
        leaf = authority.issue_cert("127.0.0.1")
        leaf.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
        leaf.private_key_pem.write_to_path(tmp_path / f"{name}.key")
    options = ("--tls-ca-file", "ca.pem", "--tls-cert", "host.pem", "--tls-key", "host.key")
    paths = [word if word.startswith("--") else str(tmp_path / word) for word in options]
    with running_cluster(tmp_path, workers=2, threads=2, certificates=paths) as running:
        yield running


#: Asks scheduler and workers for all they know of tasks, as their own dashboard would.
LOOK = """
import pickle, sys
from distributed import Client
from distributed.security import Security

def tasks(dask_scheduler):
    held = dask_scheduler.tasks.values()
    return [(ts.key, ts.run_spec, ts.annotations, ts.exception_text, ts.metadata) for ts in held]

def held(dask_worker):
    states = [(ts.key, ts.run_spec, ts.metadata, ts.exception_text) for ts in dask_worker.state.tasks.values()]
    return states, list(dask_worker.state.log), dict(dask_worker.data)

ca, cert, key, address = sys.argv[1:]
secure = Security(tls_ca_file=ca, tls_client_cert=cert, tls_client_key=key, require_encryption=True)
with Client(address, security=secure, timeout=20) as client:
    seen = client.run_on_scheduler(tasks), client.run(held), client.scheduler_info(), client.get_events()
    print(repr(seen), pickle.dumps(seen[2:]))
"""


def test_a_cluster_with_tls_lets_no_stranger_in_and_sees_no_token(
    make: Make, tmp_path: Path, address: str, certified: Cluster
) -> None:
    """Certificates of one CA do; a stranger is cut off; no token is in a task, a state, an output, an argument."""
    ground = make(certified.address, TLS, base_url=address)
    process = ground.start()
    ground.wait_for(process, all_at_work(ground))
    pems = [str(tmp_path / name) for name in ("ca.pem", "driver.pem", "driver.key")]
    look = subprocess.run([sys.executable, "-c", LOOK, *pems, certified.address], capture_output=True, check=True)
    assert b"i1-0" in look.stdout, "the looking saw the tasks"
    seen = [look.stdout, *((Path(f"/proc/{pid}/cmdline").read_bytes()) for pid in below(*certified.workers))]
    seen += [
        (Path(f"/proc/{one.pid}") / name).read_bytes() for one in certified.processes for name in ("cmdline", "environ")
    ]
    assert _stranger(certified.port) is None
    out, err = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 0, err
    assert ground.violations() == []
    seen += [out.encode(), err.encode(), *(path.read_bytes() for path in tmp_path.glob("*.log"))]
    seen += [path.read_bytes() for path in ground.directory.rglob("*") if path.is_file()]
    for number in range(1, ground.accounts + 1):
        assert not [text for text in seen if f"account-{number}".encode() in text]


def _stranger(port: int) -> bytes | None:
    """Speak TLS with a scheduler without a certificate; return what it says; None when it hangs up."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            context.wrap_socket(plain) as one,
        ):
            return one.recv(1) or None
    except (ssl.SSLError, ConnectionError):
        return None


def test_a_driver_with_another_authoritys_certificate_is_refused(
    make: Make, tmp_path: Path, certified: Cluster
) -> None:
    """Status 2: somebody has to mend it; waiting would not."""
    ground = make(certified.address, TLS)
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    status, _, err = ground.run()
    assert status == 2, err
    assert "certificate" in err
    assert json.loads((ground.directory / "round.json").read_text())["ended"] is False
