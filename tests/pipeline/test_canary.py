"""A canary token through bad weather at debug level: it stands in no file and on no screen."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import warm

CANARY = "pat-na1-00000000-dead-4bee-8f00-canary000000"
FAULTS = ("401@5", "504_after_commit@2", "redirect@4", "html_502@3", "reset_after_commit@6")


@pytest.fixture
def simulator() -> Iterator[str]:
    """Serve a simulated HubSpot in bad weather; yield its base URL."""
    line = [sys.executable, "-m", "importer", "simulator", *(word for fault in FAULTS for word in ("--fault", fault))]
    with warm.Warm(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.mark.posix("files have no modes there")
@pytest.mark.slow
def test_the_token_is_found_nowhere(simulator: str, tmp_path: Path) -> None:
    """Neither ledger, journal, log, summary nor terminal holds the token, whatever HubSpot answers."""
    source = tmp_path / "campaigns.csv"
    source.write_text("hs_name\n" + "".join(f"Campaign {n}\n" for n in range(400)))
    ledger = tmp_path / "ledger"
    environment = {**os.environ, "HUBSPOT_ACCESS_TOKEN": CANARY}
    line = [sys.executable, "-m", "importer", "run", str(source), "--ledger", str(ledger), "--base-url", simulator,
            "--timeout", "1", "--settle", "0.1", "--log-level", "debug", "--log-stderr", "--workers", "2"]  # fmt: skip

    statuses, said = [], b""
    for _ in range(6):
        done = warm.run(line, env=environment, check=False, capture_output=True, timeout=60)
        statuses.append(done.returncode)
        said += done.stdout + done.stderr
        if done.returncode == 0:
            break

    files = [path for path in ledger.rglob("*") if path.is_file()]
    assert statuses[-1] == 0, said.decode()
    assert 4 in statuses
    assert {"journal.jsonl", "results.jsonl", "run.log", "summary.json"} <= {path.name for path in files}
    assert CANARY.encode() not in said
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]
    assert not [path for path in files if path.stat().st_mode & 0o077]
    assert not [path for path in (ledger, *ledger.rglob("*")) if path.is_dir() and path.stat().st_mode & 0o077]
