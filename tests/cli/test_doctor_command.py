"""`importer doctor`: ticks, remedies, statuses, and nothing secret."""

import json
import subprocess
from pathlib import Path

import pytest

from importer.errors import ExitStatus
from importer.simulator.server import Simulator
from tests.in_process import run_importer

TOKEN = "pat-eu1-01234567-89ab-cdef-0123-456789abcdef"

pytestmark = pytest.mark.usefixtures("folder")


def doctor(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return run_importer("doctor", *argv)


def states(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return name → state of what `--json` printed."""
    return {one["name"]: one["state"] for one in json.loads(done.stdout)["findings"]}


@pytest.mark.parametrize("account", [["daily=1000", "rate=190", "portal_id=4714"]], indirect=True)
def test_a_sound_account_gets_ticks_only(account: Simulator, folder: Path) -> None:
    """Status 0; account, zone, scopes, quota, rate, clock and disk are told, the token is not, and nothing is left."""
    done = doctor("--base-url", account.base_url)
    assert done.returncode == ExitStatus.OK
    for told in (
        "4714 (sandbox",
        "UTC",
        "EUR",
        "campaigns.write",
        "of 1,000 requests",
        "190 requests in 10 s",
        "syncs",
    ):
        assert told in done.stdout
    assert "✗" not in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    assert TOKEN[8:] not in done.stdout + done.stderr
    assert not list(folder.iterdir())
    assert set(states(doctor("--json", "--base-url", account.base_url)).values()) == {"ok"}


@pytest.mark.parametrize("account", [["scopes=marketing.campaigns.read"]], indirect=True)
def test_a_missing_write_scope_is_found(account: Simulator) -> None:
    """The scope is named with its remedy, status 4."""
    done = doctor("--base-url", account.base_url)
    assert done.returncode == ExitStatus.ACCESS
    assert "✗ write scope" in done.stdout
    assert "Add the scope marketing.campaigns.write" in done.stdout


@pytest.mark.parametrize("account", [["token=other"]], indirect=True)
def test_a_token_that_is_not_taken_ends_the_asking(account: Simulator) -> None:
    """A 401 is one line with a remedy, status 4; the disk is looked at all the same."""
    done = doctor("--json", "--base-url", account.base_url)
    assert done.returncode == ExitStatus.ACCESS
    assert states(done) == {"token": "ok", "HubSpot": "bad", "ledger disk": "ok"}


@pytest.mark.parametrize("account", [["account_type=STANDARD", "account/403:1", "rate_headers=no"]], indirect=True)
def test_endpoints_that_refuse_are_not_told(account: Simulator) -> None:
    """What the account endpoints do not tell is marked so, and stands in nobody's way: status 0."""
    done = doctor("--json", "--base-url", account.base_url)
    assert done.returncode == ExitStatus.OK
    told = states(done)
    assert told["account"] == told["write scope"] == told["daily quota"] == "untold"
    assert told["read scope"] == "ok"


@pytest.mark.parametrize(
    "account", [["account_type=STANDARD", "clock_skew_s=90", "daily=100", "daily_used=97"]], indirect=True
)
def test_what_deserves_care_is_said(account: Simulator) -> None:
    """A production account, a clock that is off and a quota nearly used are warnings with a remedy: status 0."""
    done = doctor("--json", "--base-url", account.base_url)
    assert done.returncode == ExitStatus.OK
    told = states(done)
    assert told["account"] == told["clock"] == "warn"
    assert told["daily quota"] in {"warn", "bad"}


def test_nobody_there_is_a_pause_and_no_token_is_access(monkeypatch: pytest.MonkeyPatch) -> None:
    """HubSpot out of reach: 7. No token: 4, with the way to one. Both look at the disk."""
    done = doctor("--json", "--base-url", "http://127.0.0.1:9")
    assert (done.returncode, states(done)["HubSpot"]) == (ExitStatus.PAUSED, "bad")
    monkeypatch.delenv("HUBSPOT_ACCESS_TOKEN")
    done = doctor()
    assert done.returncode == ExitStatus.ACCESS
    assert "service key" in done.stdout
    assert "✓ ledger disk" in done.stdout


def test_a_folder_that_cannot_hold_a_ledger_is_5() -> None:
    """A place where nothing can be written is status 5 with a remedy."""
    done = doctor("--simulate", "--ledger", "/proc/importer.ledger")
    assert done.returncode == ExitStatus.LEDGER
    assert "✗ ledger disk" in done.stdout
