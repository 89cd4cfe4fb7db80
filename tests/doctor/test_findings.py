"""The doctor's answers as values, and the trial of the disk with disks that fail."""

import errno
import os
from pathlib import Path

import pytest

from importer.doctor import disk, findings
from importer.doctor.findings import Finding
from importer.errors import ExitStatus
from importer.hubspot.wire import Account
from importer.ledger.disk import OsDisk


class FullDisk(OsDisk):
    """A disk on which nothing more can be made durable."""

    def sync(self, fd: int) -> None:
        """Fail as a full disk does."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("token", "state", "told"),
    [
        ("pat-na1-01234567-89ab-cdef-0123-456789abcdef", "ok", "private app"),
        ("C" + "a1_-" * 20, "warn", "OAuth"),
        ("01234567-89ab-cdef-0123-456789abcdef", "bad", "hapikey"),
        ("something-else", "ok", "tells no kind"),
    ],
)
def test_a_token_is_known_by_its_shape_and_never_shown(token: str, state: str, told: str) -> None:
    """Each kind is named; neither the token nor its longer parts stand in what is said."""
    found = findings.token(token)
    assert found.state == state
    assert told in found.says
    assert token not in found.says + found.remedy


def test_production_is_said_and_so_is_a_kind_that_is_not_told() -> None:
    """Where real campaigns are at stake, as far as can be told, the account is a warning."""
    assert findings.account(Account(portalId="1", accountType="SANDBOX"))[0].state == "ok"
    assert findings.account(Account(portalId="1", accountType="STANDARD"))[0].state == "warn"
    assert "taken for production" in findings.account(Account(portalId="1"))[0].says


def test_the_worst_finding_is_the_status() -> None:
    """The ledger's status stands before that of the token, and warnings are none."""
    access = Finding("a", "bad", "", "", ExitStatus.ACCESS)
    ledger = Finding("b", "bad", "", "", ExitStatus.LEDGER)
    assert findings.status_of([Finding("c", "warn", "")]) is ExitStatus.OK
    assert findings.status_of([access, ledger]) is ExitStatus.LEDGER


def test_the_quota_is_told_by_headers_or_by_the_account() -> None:
    """Headers come first; without them the account's own count; used up is status 7; neither is not told."""
    told = {"x-hubspot-ratelimit-daily": "1000", "x-hubspot-ratelimit-daily-remaining": "0"}
    assert findings.quota(told, (1, 1000)).status is ExitStatus.PAUSED
    assert findings.quota({}, (100, 1000)).says.startswith("900 of 1,000")
    assert findings.quota({}, (960, 1000)).state == "warn"
    assert findings.quota({}, None).state == "untold"


@pytest.mark.parametrize(
    ("skew_s", "state"), [(0.0, "ok"), (-2.0, "ok"), (45.0, "warn"), (-900.0, "warn"), (None, "untold")]
)
def test_a_clock_that_is_off_is_said(skew_s: float | None, state: str) -> None:
    """Half a minute is worth a word, in either direction; without a Date nothing is known."""
    assert findings.clock(skew_s).state == state


def test_a_sound_disk_is_left_as_it_was(tmp_path: Path) -> None:
    """Write, sync and lock are tried in a folder that is gone afterwards; the ledger need not exist."""
    found = disk.examine(tmp_path / "not" / "yet.ledger")
    assert found.state == "ok"
    assert not list(tmp_path.iterdir())


def test_a_disk_that_cannot_sync_is_bad(tmp_path: Path) -> None:
    """A failing sync is status 5 with a remedy, and nothing is left behind."""
    found = disk.examine(tmp_path, FullDisk())
    assert (found.state, found.status) == ("bad", ExitStatus.LEDGER)
    assert "No space left" in found.says
    assert not list(tmp_path.iterdir())
