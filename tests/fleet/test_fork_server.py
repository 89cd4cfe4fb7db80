"""A fork server and its children, as real processes: status, signals, tie, losses, and what a child has."""

import os
import resource
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from importer import platforms
from importer.version import VERSION
from tests.fleet.forks import ENOUGH_S, SERVES, Forks, ended
from tests.fleet.in_proc import environment, fields, holds, open_files, there
from tests.kills.grounds import simulated

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(not platforms.can_fork(), reason="no fork server where processes have no descriptors"),
]


@contextmanager
def executed(err: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Give a process of its own that serves."""
    line = [sys.executable, "-m", "importer", *SERVES]
    with (
        err.open("wb") as said,
        subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, start_new_session=True
        ) as process,
    ):
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.terminate()


@pytest.fixture
def address() -> Iterator[str]:
    """Serve a simulated HubSpot."""
    with simulated() as base_url:
        yield base_url


async def test_how_a_child_ended_is_told_exactly(forks: Forks) -> None:
    """Status 0 and 2, a stop by SIGTERM as the command itself has it, and a death by a signal."""
    assert await ended(await forks.begin("--version")) == 0
    assert VERSION in forks.said()
    assert await ended(await forks.begin("explain", "no_such_code")) == 2
    stopped, killed = await forks.serving(), await forks.serving()
    stopped.send(signal.SIGTERM)
    with executed(forks.folder / "its.err") as own:
        pass
    assert await ended(stopped) == own.returncode
    killed.send(signal.SIGKILL)
    assert await ended(killed) == -signal.SIGKILL
    await killed.gone()
    assert not killed.alive
    killed.send(signal.SIGTERM)  # nothing happens, and above all not to another process


async def test_a_child_ends_with_its_tie(forks: Forks) -> None:
    """It stops by itself, and so does its server once nobody can ask it any more."""
    child = await forks.serving()
    (server,) = forks.pids()
    os.close(child._tie)
    with anyio.fail_after(ENOUGH_S):
        await child.gone()
    child._tie = os.open(os.devnull, os.O_RDONLY)  # for aclose
    forks.server.close()
    assert not there(server)


async def test_a_lost_server_is_told_and_started_again(forks: Forks) -> None:
    """Its child lives on, tied to this process and not to it; nobody knows its status; the next child has a new one."""
    child = await forks.serving()
    (server,) = forks.pids()
    os.kill(server, signal.SIGKILL)
    assert await ended(child) is None
    assert child.alive
    child.send(signal.SIGTERM)
    with anyio.fail_after(ENOUGH_S):
        await child.gone()
    assert await ended(await forks.begin("--version")) == 0
    assert forks.pids() != [server]


async def test_a_server_without_files_says_so(forks: Forks) -> None:
    """A child that cannot be made is an error and costs nobody else anything."""
    child = await forks.serving()
    (server,) = forks.pids()
    before = resource.prlimit(server, resource.RLIMIT_NOFILE)
    for files in range(len(open_files(server)), len(open_files(server)) + 5):  # each of the steps fails once
        resource.prlimit(server, resource.RLIMIT_NOFILE, (files, before[1]))
        with pytest.raises(OSError, match=r"Too many open files|lost"):
            await forks.begin("--version")
    resource.prlimit(server, resource.RLIMIT_NOFILE, before)
    assert await ended(await forks.begin("--version")) == 0
    assert (child.alive, forks.pids()) == (True, [server])


async def test_a_child_has_what_a_process_of_its_own_has(forks: Forks) -> None:
    """A session, the same umask and signals, the same open files, and nothing of server and siblings."""
    await forks.serving()
    child = await forks.serving()
    with executed(forks.folder / "its.err") as own:
        names = ("Umask", "SigBlk", "SigIgn", "SigCgt")
        assert fields(child.number, *names) == fields(own.pid, *names)
        assert [os.getsid(pid) for pid in (child.number, own.pid)] == [child.number, own.pid]
        mine, its = open_files(child.number), open_files(own.pid)
    assert (mine.pop(1), its.pop(1)) == (str(forks.folder / "out"), "pipe:")
    assert (mine.pop(2), its.pop(2)) == (str(forks.folder / "err"), str(forks.folder / "its.err"))
    assert sorted(mine.values()) == sorted(its.values())


async def test_a_server_has_one_thread_and_no_secret(forks: Forks) -> None:
    """Neither its environment nor its memory has what a child was given; nor have the other child's."""
    first, second = (f"secret-{uuid.uuid4().hex}" for _ in range(2))
    one = await forks.serving(HUBSPOT_ACCESS_TOKEN=first)
    other = await forks.serving(HUBSPOT_ACCESS_TOKEN=second)
    (server,) = forks.pids()
    assert fields(server, "Threads") == {"Threads": "1"}
    for pid in (server, one.number, other.number):
        assert not [word for word in environment(pid) if b"TOKEN" in word or b"secret" in word]
    seen = {pid: [holds(pid, text.encode()) for text in (first, second)] for pid in (server, one.number, other.number)}
    assert seen == {server: [False, False], one.number: [True, False], other.number: [False, True]}


async def test_a_server_of_another_version_forks_nothing(forks: Forks) -> None:
    """The version is the server's own word."""
    with pytest.raises(OSError, match=f"importer {VERSION} is installed now, the driver is of another"):
        await forks.begin("--version", wanted="of another")


def test_an_upgrade_in_place_gives_no_old_child(tmp_path: Path) -> None:
    """When what is installed changes while a server runs, the next child comes from a new server, which is refused."""
    house = Path(platforms.__file__).parent
    subprocess.run(["cp", "-rp", str(house), str(tmp_path / "importer")], check=True)
    config = house.parent / "config"
    subprocess.run(["cp", "-rp", str(config), str(tmp_path / "config")], check=True)
    done = subprocess.run(
        [sys.executable, "-c", _UPGRADE], env={**os.environ, "PYTHONPATH": str(tmp_path)}, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [f"status 0 of {VERSION}"] * 2 + [f"importer 9.9 is installed now, the driver is {VERSION}"],
    ), done.stderr  # fmt: skip


_UPGRADE = """
import os, pathlib, anyio
from importer import version
from importer.fleet.fork_server import ForkServer
from importer.fleet.forking import Request

async def child(forks):
    with open("out", "wb") as out, open("err", "wb") as err:
        request = Request(arguments=("--version",), environment=dict(os.environ))
        one = await forks.begin(request, wanted=version.VERSION, stdout=out, stderr=err)
    print(f"status {await one.wait()} of {open('out').read().split()[1]}")
    await one.aclose()

async def main():
    forks, path = ForkServer(), pathlib.Path(version.__file__)
    await child(forks)
    (path.parent / "again").write_text(path.read_text())
    (path.parent / "again").replace(path)  # the same importer, installed anew
    await child(forks)
    (path.parent / "again").write_text("VERSION = '9.9'")
    (path.parent / "again").replace(path)
    try:
        await child(forks)
    except OSError as error:
        print(error)
    forks.close()

anyio.run(main)
"""

_LOADED = """
import gc, json, sys, threading
from importer.cli import fleet_forks
fleet_forks._load()
before, threads = set(sys.modules), threading.active_count()
frozen = gc.get_freeze_count() > len(gc.get_objects())
from importer.cli import entering
try:
    entering.main()
except SystemExit as ended:
    status = ended.code
new = sorted(name for name in set(sys.modules) - before if name.split(".")[0] in ("importer", "aiohttp", "jinja2"))
print(json.dumps({"status": status, "new": new, "frozen": frozen, "threads": threads}))
"""


def test_what_a_run_needs_is_loaded_before_the_fork(tmp_path: Path, address: str) -> None:
    """A run loads no module of ours, of aiohttp or of jinja2 after that; all of it is hidden from the collector."""
    source = tmp_path / "campaigns.csv"
    source.write_text("hs_name\n" + "".join(f"Campaign {n}\n" for n in range(120)))
    words = ["run", "--json", "--yes", "--base-url", address, "--account-lock", str(tmp_path / "lock")]
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, *words, "--limit-file", str(tmp_path / "limit"), str(source)],
        env={**os.environ, "HUBSPOT_ACCESS_TOKEN": "a-token"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == (
        '{"status": 0, "new": [], "frozen": true, "threads": 1}'
    ), done.stdout + done.stderr  # fmt: skip


_CHANCE = """
import os, random, ssl, tempfile, uuid
from importer.cli import fleet_forks
random.random()
names = tempfile._get_candidate_names()
next(names)
for _ in range(3):
    if os.fork() == 0:
        print(random.random(), uuid.uuid4(), ssl.RAND_bytes(8).hex(), next(tempfile._get_candidate_names()), flush=True)
        os._exit(0)
    os.wait()
"""


def test_children_have_chances_of_their_own() -> None:
    """Numbers, ids, names of temporary files and OpenSSL's bytes differ between children of one server."""
    out = subprocess.run([sys.executable, "-c", _CHANCE], capture_output=True, text=True, check=True).stdout
    for told in zip(*(line.split() for line in out.splitlines()), strict=True):
        assert len(set(told)) == 3
