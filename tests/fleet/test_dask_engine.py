"""A fleet on a Dask cluster of real processes: refusals, and everything made once whoever of them is lost."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.depth import DEEP
from tests.fleet.cluster import Cluster, end, free_port, running_cluster
from tests.fleet.fleet_ground import ENOUGH_S, Ground
from tests.fleet.in_proc import family, gone
from tests.fleet.on_cluster import TLS, Make, at_work, begin, below, imports_of, losses, well_ended

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # a scheduler, workers and their imports share what cores there are
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc"),
]
in_depth = pytest.mark.skipif(not DEEP, reason="another end of a process like one that is tried: make deep")
UNSHARE = ("unshare", "--user", "--mount", "--map-root-user", "sh", "-c")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Have a scheduler and two workers, either of which has room for every import."""
    with running_cluster(tmp_path, workers=2, threads=3) as running:
        yield running


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


@pytest.mark.parametrize(("how", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_driver_that_is_still_connecting_can_be_stopped(make: Make, how: signal.Signals, status: int) -> None:
    """Its scheduler never says a word: it ends with the status of the signal and a sentence, and lets go of all."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ground = make(f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        process = ground.start("--insecure")
        silent.settimeout(ENOUGH_S)
        with silent.accept()[0]:
            process.send_signal(how)
            _, err = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == status, err
    assert "stopping the imports; the same command goes on with them" in err
    assert "Traceback" not in err
    assert json.loads(ground.run("status", "--json")[1])["driver"] is None


def test_the_imports_of_a_lost_worker_go_on_elsewhere(make: Make, slow_server: str, cluster: Cluster) -> None:
    """SIGKILL: its children end by themselves, each loss counts, and more of them than `retries` is a failure."""
    ground = make(cluster.address, base_url=slow_server)
    process = begin(ground)
    victim = at_work(cluster)
    orphans = below(victim)
    end(victim)
    gone(orphans)
    well_ended(ground, process)
    assert 1 <= losses(ground) <= cluster.threads
    assert any("its worker was lost" in (line.get("reason") or "") for line in ground.history())


@in_depth
def test_a_worker_that_is_stopped_hands_its_imports_on(make: Make, slow_server: str, cluster: Cluster) -> None:
    """SIGTERM: nothing of it is left at work, and what was not done goes on elsewhere."""
    ground = make(cluster.address, base_url=slow_server)
    process = begin(ground)
    victim = at_work(cluster)
    mine = below(victim)
    victim.terminate()
    gone(mine)
    well_ended(ground, process)


@in_depth
def test_a_loss_too_many_leaves_the_import_to_the_next_run(make: Make, slow_server: str, cluster: Cluster) -> None:
    """With retries = 0 the loss is told as one, the other imports go on, and the next round makes the rest."""
    ground = make(cluster.address, "worker_ttl = 20", "retries = 0", base_url=slow_server)
    process = begin(ground)
    end(at_work(cluster))
    _, err = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 7, err
    assert "lost 1 times: its worker was lost" in err
    well_ended(ground, ground.start("--insecure"))


def test_a_lost_scheduler_ends_the_command_which_goes_on_later(make: Make, slow_server: str, cluster: Cluster) -> None:
    """SIGKILL: status 7 and what to do; no import is left at work, and a new cluster makes the rest in this round."""
    ground = make(cluster.address, base_url=slow_server)
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
    cluster.start(workers=1)
    well_ended(ground, ground.start("--insecure"))
    assert {line["round"] for line in ground.history()} == {1}


@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=in_depth)])
def test_a_lost_driver_is_run_again(make: Make, slow_server: str, cluster: Cluster, how: signal.Signals) -> None:
    """The workers stop what nobody waits for; the next command, at once, goes on in the same round."""
    ground = make(cluster.address, base_url=slow_server)
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


def test_workers_stop_what_nobody_waits_for(make: Make, slow_server: str, cluster: Cluster) -> None:
    """The driver is killed: its imports end long before they have sent everything, and the workers live on."""
    rows = 20_000
    ground = make(cluster.address, base_url=slow_server, rows=rows)
    process = begin(ground)
    mine = imports_of(cluster)
    end(process)
    gone(mine)
    assert all(ground.sent(number) < rows // 50 for number in range(1, ground.accounts + 1))
    assert all(worker.poll() is None for worker in cluster.workers)


def test_a_worker_that_wakes_up_finds_its_imports_given_away(make: Make, slow_server: str, cluster: Cluster) -> None:
    """SIGSTOP for longer than worker_ttl, with its imports: what begins elsewhere waits for the accounts' locks."""
    ground = make(cluster.address, "worker_ttl = 5", base_url=slow_server)
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


def _with_workers(ground: Ground, count: int) -> None:
    """Give the imports so many requests at once."""
    replace(ground, options=ground.options.replace("workers = 2", f"workers = {count}")).write()


@pytest.mark.skipif(not _can_unshare(), reason="a process may not have mounts of its own here")
def test_a_worker_without_the_shared_directory_is_refused(make: Make, tmp_path: Path, slow_server: str) -> None:
    """Another directory at the same path: seen when it joins late, and before anything is sent when it is there."""
    with running_cluster(tmp_path, workers=1, threads=1) as cluster:
        ground = make(cluster.address, base_url=slow_server, rows=2_000)
        # One is still at work, and the third given to nobody, when the other worker joins.
        _with_workers(ground, 1)
        process = ground.start("--insecure")
        ground.wait_for_running(process, 1)
        mount = f'mount -t tmpfs none "{ground.directory}" && exec "$@"'
        cluster.add_worker(before=(*UNSHARE, mount, "sh"))
        for late in (True, False):
            _, err = (process if late else ground.start("--insecure")).communicate(timeout=ENOUGH_S)
            assert ground.started[-1].returncode == 2, err
            assert f"does not see the driver's {ground.directory}" in err
        end(cluster.workers.pop())
        _with_workers(ground, 16)
        well_ended(ground, ground.start("--insecure"))
