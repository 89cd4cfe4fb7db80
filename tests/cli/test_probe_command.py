"""`importer probe` as a process: its report, its question, its signals."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from importer.cli import probing
from importer.errors import ExitStatus
from importer.simulator.server import Simulator
from tests import warm
from tests.in_process import run_importer

TOKEN = "canary-token-4714"
PORTAL = "87654321"
ARGV = (sys.executable, "-m", "importer", "probe", "--into", "out")
SWITCHES = (f"portal_id={PORTAL}",)

pytestmark = pytest.mark.usefixtures("folder")


def probe(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return run_importer("probe", "--into", "out", *argv)


@pytest.mark.posix("files have no modes there")
def test_a_probe_reports_and_leaves_nothing(account: Simulator, folder: Path) -> None:
    """Four verdicts on stdout, two private files without token and portal id, every campaign archived, status 0."""
    done = probe("--base-url", account.base_url, "--settle", "0.1")
    assert done.returncode == ExitStatus.OK
    assert re.findall(r"^(A\d) holds", done.stdout, re.MULTILINE) == ["A1", "A2", "A3", "A4"]
    report, data = (folder / "out" / name for name in ("probe-report.md", "probe.json"))
    for path in (report, data):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert TOKEN not in path.read_text()
        assert PORTAL not in path.read_text()
    told = json.loads(data.read_text())
    assert told["assumptions"] == dict.fromkeys(("A1", "A2", "A3", "A4"), "holds")
    assert told["made"] == told["archived"] == account.stats()["campaigns"] == account.stats()["archived"]
    assert told["left"] == {}
    assert "| A1 | a refusal makes nothing | holds |" in report.read_text()


@pytest.mark.parametrize("account", [["bad_record=make_and_refuse"]], indirect=True)
def test_a_broken_assumption_is_status_9(account: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict stands on stdout and the status says that something does not hold."""
    flags = {"base_url": account.base_url, "settle": "0.1", "into": "out"}
    assert probing.probe(None, flags, []) == ExitStatus.DIFFERENCES
    assert "A1 broken: a refusal makes nothing" in capsys.readouterr().out


@pytest.mark.parametrize("account", [["account_type=STANDARD"]], indirect=True)
def test_a_production_account_is_asked_about(account: Simulator, folder: Path) -> None:
    """Where nobody can answer nothing is sent, status 2; --yes answers."""
    asked = ("--base-url", account.base_url, "--settle", "0.1")
    refused = probe(*asked)
    assert refused.returncode == ExitStatus.USAGE
    assert "hint: --yes probes it all the same." in refused.stderr
    assert account.stats()["creates"] == 0
    assert list((folder / "out").iterdir()) == []
    assert probe(*asked, "--yes").returncode == ExitStatus.OK


@pytest.mark.posix("signals do not reach a process so")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_still_tidies_up(account: Simulator, folder: Path, number: signal.Signals) -> None:
    """In the long wait a signal ends the probe: everything is archived, the report says that it ended early."""
    argv = [*ARGV, "--base-url", account.base_url, "--settle", "600"]
    process = warm.Warm(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    assert process.stderr is not None
    while not process.stderr.readline().startswith("waiting 600 s"):
        assert process.poll() is None
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert f"ended early: interrupted by {number.name}" in err
    assert account.stats()["campaigns"] == account.stats()["archived"] > 0
    assert "It ended early" in (folder / "out" / "probe-report.md").read_text()


def test_what_is_left_is_named_and_a_rehearsal_needs_no_token(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """--simulate with an archive that fails: each id is told as left to be archived by hand, status 6."""
    monkeypatch.delenv("HUBSPOT_ACCESS_TOKEN")
    flags = {"simulate": True, "fault": ["archive/500_before:1"], "settle": "0.1"}
    assert probing.probe(None, flags, []) == ExitStatus.UNRESOLVED
    said = capsys.readouterr()
    assert said.err.count("not archived, archive it in HubSpot: ") == 8
    assert json.loads(Path("probe.json").read_text())["simulated"]


def test_what_cannot_work_is_said_before_anything_is_sent(account: Simulator, folder: Path) -> None:
    """HubSpot out of reach is status 7; a folder that cannot be written, and contradictions, are status 2."""
    (folder / "in-the-way").touch()
    there = {"base_url": account.base_url}
    assert (
        probing.probe(None, {"base_url": "http://127.0.0.1:9", "settle": "0.1", "into": "x"}, []) == ExitStatus.PAUSED
    )
    assert probing.probe(None, {**there, "into": "in-the-way/x"}, []) == ExitStatus.USAGE
    assert probing.probe(None, {**there, "simulate": True}, []) == ExitStatus.USAGE
    assert account.stats()["requests"] == 0
