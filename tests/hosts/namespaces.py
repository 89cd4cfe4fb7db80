"""Several hosts on one machine: network namespaces on a bridge, each with its own loopback and name, and one folder.

The hub has the bridge, the simulated HubSpot and Redis. All addresses are inside the namespaces, the bridge too:
nothing is added to the network of the machine. It needs root and iproute2, and removes what it has made.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tests.kills.grounds import _SERVE
from tests.sharing.redis_ground import PASSWORD, PROGRAM

ROOT: Final = Path(__file__).resolve().parents[2]
NET: Final = "10.77.0"
HUB: Final = f"{NET}.1"
PORT: Final = 8080
REDIS_PORT: Final = 6379
HERE: Final = f"http://127.0.0.1:{PORT}"  #: HubSpot, as each host sees it


def missing() -> str | None:
    """Return why there can be no hosts here; None where there can be."""
    if not os.environ.get("TESTS_HOSTS"):
        return "it takes minutes: make hosts runs it"
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "root is needed for network namespaces"
    if shutil.which("ip") is None or shutil.which("unshare") is None:
        return "iproute2 and unshare are not installed here"
    probe = f"importer-probe-{os.getpid()}"
    done = subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "delete", probe], capture_output=True, check=False)
    return None if done.returncode == 0 else "the system makes no network namespaces here"


@dataclass(frozen=True, slots=True)
class Host:
    """One host."""

    name: str
    space: str  #: its namespace
    address: str = HUB

    @property
    def before(self) -> tuple[str, ...]:
        """What the line of a command begins with that is to run there."""
        named = ("unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"', self.name)
        return ("ip", "netns", "exec", self.space, *named)

    def start(self, *command: str, **variables: str) -> "subprocess.Popen[str]":
        """Start a command there, with variables of its own."""
        return subprocess.Popen(
            [*self.before, *command], env={**os.environ, "PYTHONPATH": str(ROOT), **variables}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def importer(self, *words: str, **variables: str) -> "subprocess.Popen[str]":
        """Start the importer there."""
        return self.start(sys.executable, "-m", "importer", *words, **variables)

    def unplug(self) -> None:
        """Cut it off from all others; what stands in the shared folder it still sees."""
        _ip("-n", self.space, "link", "set", "eth0", "down")

    def plug(self) -> None:
        """End `unplug`."""
        _ip("-n", self.space, "link", "set", "eth0", "up")

    def lose(self, other: "Host", *, heard: bool) -> None:
        """Cut it off from one other host: what it sends there is dropped, and but for `heard` what comes from there."""
        _ip("-n", self.space, "route", "add", "blackhole", f"{other.address}/32")
        if not heard:
            _ip("-n", other.space, "route", "add", "blackhole", f"{self.address}/32")


@contextmanager
def hosts(count: int) -> Iterator[tuple[Host, list[Host]]]:
    """Make a hub and so many hosts for the block."""
    names = ("hub", *(f"host{n + 1}" for n in range(count)))
    made = [Host(name, f"importer-{os.getpid()}-{name}", f"{NET}.{n}") for n, name in enumerate(names, 1)]
    try:
        for one in made:
            _ip("netns", "add", one.space)
            _ip("-n", one.space, "link", "set", "lo", "up")
        hub = made[0]
        _ip("-n", hub.space, "link", "add", "br0", "type", "bridge")
        _ip("-n", hub.space, "address", "add", f"{HUB}/24", "dev", "br0")
        _ip("-n", hub.space, "link", "set", "br0", "up")
        for number, one in enumerate(made[1:], 2):
            cable = f"port{number}"
            _ip("-n", hub.space, "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", one.space)
            _ip("-n", hub.space, "link", "set", cable, "master", "br0", "up")
            _ip("-n", one.space, "address", "add", f"{one.address}/24", "dev", "eth0")
            _ip("-n", one.space, "link", "set", "eth0", "up")
        yield hub, made[1:]
    finally:
        for one in made:
            subprocess.run(["ip", "netns", "delete", one.space], capture_output=True, check=False)


@contextmanager
def served(hub: Host, crew: Sequence[Host], *switches: str) -> Iterator[str]:
    """Serve a simulated HubSpot on the hub, which each host reaches at `HERE`; yield its address on the hub."""
    with ExitStack() as stack:
        simulator = stack.enter_context(_running(hub, sys.executable, "-c", _SERVE, *switches))
        assert simulator.stdout is not None
        inside = simulator.stdout.readline().strip().removeprefix("http://")
        stack.enter_context(_running(hub, sys.executable, "-m", "tests.hosts.relay", f"{HUB}:{PORT}", inside))
        for one in crew:
            command = (sys.executable, "-m", "tests.hosts.relay", f"127.0.0.1:{PORT}", f"{HUB}:{PORT}")
            stack.enter_context(_running(one, *command))
            _wait_for(one, f"{HERE}/__simulator__/requests")
        yield f"http://{inside}"


@contextmanager
def redis(hub: Host, folder: Path) -> Iterator[str]:
    """Serve Redis on the hub; yield the address of a database there, with its password."""
    assert PROGRAM is not None
    command = (PROGRAM, "--port", str(REDIS_PORT), "--bind", HUB, "--dir", str(folder), "--save", "")
    with _running(hub, *command, "--requirepass", PASSWORD, "--loglevel", "warning"):
        yield f"redis://:{quote(PASSWORD, safe='')}@{HUB}:{REDIS_PORT}/0"


def fetched(host: Host, url: str) -> str | None:
    """Return what a host gets at an address; None if nothing."""
    code = "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())"
    out, _ = (process := host.start(sys.executable, "-c", code, url)).communicate()
    return out if process.returncode == 0 else None


def _wait_for(host: Host, url: str) -> None:
    until = time.monotonic() + 60
    while fetched(host, url) is None:
        assert time.monotonic() < until, f"{host.name} does not reach {url}"


@contextmanager
def _running(host: Host, *command: str) -> "Iterator[subprocess.Popen[str]]":
    with host.start(*command) as process:
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
