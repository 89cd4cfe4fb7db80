"""What `--json` prints, and what a run leaves beside its ledger, is what the schemas say, whatever became of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from importer.cli import commands
from importer.errors import ExitStatus
from tests.schemas.conformity import complaint, complaints


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.csv").write_text("hs_name\n" + "".join(f"Campaign {n}\n" for n in range(60)))
    Path("bad.csv").write_text("hs_name,hs_start_date\nA,soon\nB,2026-01-01\n")


@pytest.mark.parametrize(
    ("source", "flags", "status"),
    [
        ("good.csv", {"simulate": True}, ExitStatus.OK),
        ("bad.csv", {"simulate": True}, ExitStatus.SOME_FAILED),
        ("good.csv", {"simulate": True, "canary": True}, ExitStatus.PAUSED),
        ("good.csv", {"simulate": True, "canary": True, "yes": True}, ExitStatus.OK),
        ("good.csv", {"simulate": True, "dry_run": True}, ExitStatus.OK),
        ("good.csv", {"dry_run": True}, ExitStatus.OK),
        ("good.csv", {"simulate": True, "fault": ["daily=4"]}, ExitStatus.OK),
        ("good.csv", {"simulate": True, "fault": ["401@2"]}, ExitStatus.ACCESS),
        ("good.csv", {}, ExitStatus.ACCESS),
        ("none.csv", {"simulate": True}, ExitStatus.SOURCE),
        ("good.csv", {"rate": "fast"}, ExitStatus.USAGE),
    ],
)
def test_what_is_printed_fits(
    capsys: pytest.CaptureFixture[str], source: str, flags: dict[str, Any], status: ExitStatus
) -> None:
    """Finished, failed, paused, dry, refused before it began: one object, and it fits; so do the files of the run."""
    assert commands.run([source], {"json": True, **flags}, ["run", source]) == status
    printed = json.loads(capsys.readouterr().out)
    assert complaint("summary", printed) is None
    assert complaint("summary", printed | {"surplus": 1})
    ledger = Path(f"{source}.simulated.ledger")
    assert complaints(ledger) == []


def test_settling_fits(capsys: pytest.CaptureFixture[str]) -> None:
    """A run without a source, too."""
    commands.run(["good.csv"], {"simulate": True}, ["run", "good.csv"])
    capsys.readouterr()
    commands.reconcile("good.csv.simulated.ledger", {"json": True}, ["reconcile"])
    assert complaint("summary", json.loads(capsys.readouterr().out)) is None
