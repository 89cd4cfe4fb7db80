"""A run is stopped by a signal or killed, and run again: every campaign exists exactly once."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import warm

COUNT = 3_000
ENVIRONMENT = {**os.environ, "HUBSPOT_ACCESS_TOKEN": "a-token", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def simulator() -> Iterator[str]:
    """Serve a simulated HubSpot in a process of its own; yield its base URL."""
    serve = (
        "import sys\n"
        "from importer.simulator.policy import SimulatorPolicy\n"
        "from importer.simulator.server import serve\n"
        "serve(SimulatorPolicy.from_strings(sys.argv[1:]), '127.0.0.1', 0, lambda url: print(url, flush=True))\n"
    )
    switches = ["latency=uniform:0.01-0.05", "seed=11", "rate=100000"]
    with warm.Warm([sys.executable, "-c", serve, *switches], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def command(source: str, ledger: Path, base_url: str) -> list[str]:
    """Return the command line of an import with short waits."""
    waits = ["--timeout", "1", "--settle", "0.1"]
    return [sys.executable, "-m", "importer", "run", source, "--ledger", str(ledger), "--base-url", base_url,
            "--rate", "100000", "--workers", "8", "--yes", "--quiet", *waits]  # fmt: skip


def truth(base_url: str) -> list[dict[str, str]]:
    """Return the properties of every campaign that was made."""
    with urllib.request.urlopen(f"{base_url}/__simulator__/truth") as reply:  # noqa: S310 - loopback
        return [json.loads(line)["properties"] for line in reply.read().splitlines()]


def write_source(folder: Path) -> Path:
    """Write a source of different campaigns."""
    path = folder / "campaigns.csv"
    path.write_text("hs_name,hs_notes\n" + "".join(f"Campaign {n},Note {n % 9}\n" for n in range(COUNT)))
    return path


@pytest.mark.posix("signals do not reach a process so")
@pytest.mark.slow
@pytest.mark.parametrize(("first", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_drains_and_the_same_command_resumes(
    simulator: str, tmp_path: Path, first: signal.Signals, status: int
) -> None:
    """One signal ends the run with its own status and balanced books; the same command makes the rest."""
    source, ledger = write_source(tmp_path), tmp_path / "ledger"
    line = command(str(source), ledger, simulator)
    line.remove("--quiet")

    with warm.Warm(line, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        while not truth(simulator):
            time.sleep(0.05)  # the simulator is another process, and is asked
        run.send_signal(first)
        out, err = run.communicate(timeout=60)
    resumed = warm.run(line, env=ENVIRONMENT, check=False, capture_output=True, text=True)

    assert run.returncode == status, err
    assert "read =" in out
    assert "not sent" in out
    assert resumed.returncode == 0, resumed.stderr
    assert Counter(properties["hs_name"] for properties in truth(simulator)).most_common(1)[0][1] == 1
    assert len(truth(simulator)) == COUNT


@pytest.mark.slow
def test_standard_input_is_fed_again_after_a_kill(simulator: str, tmp_path: Path) -> None:
    """A stream that is fed again after a kill makes only what is missing."""
    source, ledger = write_source(tmp_path), tmp_path / "ledger"
    line = command("-", ledger, simulator)

    with source.open("rb") as stream, warm.Warm(line, env=ENVIRONMENT, stdin=stream) as run:
        while len(truth(simulator)) < COUNT // 10:
            time.sleep(0.05)  # the simulator is another process, and is asked
        run.kill()
    with source.open("rb") as stream:
        resumed = warm.run(line, env=ENVIRONMENT, stdin=stream, check=False, capture_output=True)

    assert resumed.returncode == 0, resumed.stderr
    assert len(truth(simulator)) == COUNT
    assert len({properties["hs_name"] for properties in truth(simulator)}) == COUNT
