"""The state survives restarts, torn tails and kill -9, and a process of its own can be started and stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from importer.errors import LedgerError
from importer.simulator import Simulator
from importer.simulator.state import Lines

PROCESS = """
import sys
from pathlib import Path
from importer.simulator import SimulatorPolicy, serve
serve(SimulatorPolicy.from_strings(["seed=5"]), port=int(sys.argv[2]), state=Path(sys.argv[1]),
      ready=lambda url: print(url, flush=True))
"""


@contextmanager
def process(folder: Path, port: int = 0) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run a simulator as a process; yield it and its base URL."""
    command = [sys.executable, "-c", PROCESS, str(folder), str(port)]
    root = str(Path(__file__).resolve().parents[2])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as running:
        try:
            assert running.stdout is not None
            yield running, running.stdout.readline().strip()
        finally:
            running.kill()


async def test_a_second_run_goes_on_with_the_same_account(simulated: Any, tmp_path: Path) -> None:
    """Campaigns, changes, archives, request numbers and the log continue; new ids differ from old ones."""
    async with simulated("seed=1", state=tmp_path) as client:
        made = (await client.create("a", "b", "c", hs_notes="é")).json["results"]
        ids = {result["properties"]["hs_name"]: result["id"] for result in made}
        path = "/marketing/v3/campaigns/"
        await client.ask("PATCH", path + ids["a"], {"properties": {"hs_name": "A"}})
        await client.ask("DELETE", path + ids["b"])
        client.sim.add_foreign({"hs_name": "theirs"})
        before, stats = list(client.sim.truth), client.sim.stats()
    async with simulated("seed=1", state=tmp_path) as client:
        assert list(client.sim.truth) == before
        assert client.sim.stats() == stats
        listed = (await client.page(properties="hs_name")).json["results"]
        assert [each["properties"]["hs_name"] for each in listed] == ["A", "c", "theirs"]
        fresh = (await client.create("d")).json["results"][0]["id"]
        assert fresh not in {each.id for each in before}
        assert [seen.number for seen in client.sim.requests] == [1, 2, 3, 4, 5]
        assert client.sim.truth[-1].request == 5


async def test_a_torn_tail_is_cut(simulated: Any, tmp_path: Path) -> None:
    """Half a line at the end, however long, is cut; what stands before it is kept and added to."""
    async with simulated(state=tmp_path) as client:
        await client.create("a", "b")
    for name in ("truth.jsonl", "requests.jsonl"):
        with (tmp_path / name).open("ab") as file:
            file.write(b'{"type":"campaign","properties":{"hs_name":"' + b"x" * 200_000)
    async with simulated(state=tmp_path) as client:
        assert client.names == ["a", "b"]
        await client.create("c")
    async with simulated(state=tmp_path) as client:
        assert client.names == ["a", "b", "c"]
        assert client.sim.stats()["requests"] == 2


@pytest.mark.parametrize("content", [b"", b"{", b"no newline at all"])
def test_a_file_of_nothing_but_a_torn_line(tmp_path: Path, content: bytes) -> None:
    """A file without one whole line is an empty file."""
    path = tmp_path / "lines.jsonl"
    path.write_bytes(content)
    lines = Lines(path)
    assert list(lines.read()) == []
    lines.append([{"a": 1}, {"b": 2}])
    assert list(lines.read()) == [{"a": 1}, {"b": 2}]
    lines.close()


@pytest.mark.posix("files have no modes there")
async def test_the_state_is_private(simulated: Any, tmp_path: Path) -> None:
    """Files are 0600 in a folder 0700."""
    folder = tmp_path / "new" / "state"
    async with simulated(state=folder):
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
            "truth.jsonl": 0o600,
            "requests.jsonl": 0o600,
        }


async def test_damage_before_the_tail_is_refused(tmp_path: Path) -> None:
    """A broken line with whole ones behind it stops the simulator with the line's number."""
    (tmp_path / "truth.jsonl").write_bytes(b'{"type":"run","run":1}\n{"type":\n{"type":"run","run":2}\n')
    with pytest.raises(LedgerError, match="line 2"):
        async with Simulator(state=tmp_path):
            raise AssertionError("unreachable")


@pytest.mark.posix("there is no such device or call")
def test_a_full_disk_is_told() -> None:
    """A write that the disk refuses is an error, not a silence."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    descriptor = os.open(full, os.O_RDWR)
    lines = Lines.__new__(Lines)
    lines.path, lines._descriptor = full, descriptor
    with pytest.raises(LedgerError, match="cannot write"):
        lines.append([{}])
    lines.close()


async def test_the_callers_error_is_not_wrapped(tmp_path: Path) -> None:
    """An error inside `async with Simulator()` comes out as it is."""
    with pytest.raises(ZeroDivisionError):
        async with Simulator(state=tmp_path):
            raise ZeroDivisionError


@pytest.mark.posix("signals do not reach a process so")
async def test_a_killed_process_leaves_a_state_that_goes_on(simulated: Any, tmp_path: Path) -> None:
    """What a client was told before kill -9 is there after it."""
    async with simulated() as client:
        with process(tmp_path) as (running, url):
            client.sim.base_url = url
            told = [(await client.create(f"{n} a", f"{n} b")).json["results"] for n in range(20)]
            running.send_signal(signal.SIGKILL)
            assert running.wait() == -signal.SIGKILL
    async with simulated(state=tmp_path) as client:
        assert {each.id for each in client.sim.truth} == {result["id"] for results in told for result in results}
        assert client.sim.stats()["creates"] == 20


@pytest.mark.posix("signals do not reach a process so")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
async def test_a_process_of_its_own_stops_when_asked(simulated: Any, tmp_path: Path, stop: signal.Signals) -> None:
    """`serve` says where it listens, answers, and ends with status 0 on SIGINT and SIGTERM."""
    async with simulated() as client:
        with process(tmp_path) as (running, url):
            assert url.startswith("http://127.0.0.1:")
            client.sim.base_url = url
            await client.create("a")
            lines = (await client.ask("GET", "/__simulator__/truth")).raw.splitlines()
            assert [orjson.loads(line)["properties"] for line in lines] == [{"hs_name": "a"}]
            running.send_signal(stop)
            assert running.wait() == 0


async def test_a_full_disk_of_the_simulator_is_a_server_that_fails(simulated: Any, tmp_path: Path) -> None:
    """When its state cannot be written, it answers 500 and made nothing; it goes on when the disk does."""
    async with simulated("seed=1", state=tmp_path) as client:
        truth = client.sim._account._state.truth
        descriptor, truth._descriptor = truth._descriptor, os.open(os.devnull, os.O_RDONLY)  # which takes no write
        assert (await client.create("a")).status == 500
        assert list(client.sim.truth) == []
        os.close(truth._descriptor)
        truth._descriptor = descriptor
        assert (await client.create("b")).status == 201
