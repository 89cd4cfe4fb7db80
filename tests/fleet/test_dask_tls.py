"""A cluster with certificates: who may come in, and what is never seen there."""

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.fleet.cluster import Cluster, running_cluster
from tests.fleet.fleet_ground import ENOUGH_S
from tests.fleet.on_cluster import TLS, Make, all_at_work, below

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # a scheduler, workers and their imports share what cores there are
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc"),
]


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
    make: Make, tmp_path: Path, slow_server: str, certified: Cluster
) -> None:
    """Certificates of one CA do; a stranger is cut off; no token is in a task, a state, an output, an argument."""
    ground = make(certified.address, TLS, base_url=slow_server)
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
