"""Who observes a session: the file is written at the end, whatever the end is."""

import io
from pathlib import Path

import pytest

from importer.cli.observing import observed
from importer.cli.screen import Screen
from importer.errors import AccessError, LedgerHeldError
from importer.plan import Plan
from importer.report.books import Tally
from importer.settings import load


def ended_with(error: Exception, folder: Path) -> str:
    """Let a session end with an error; return the file of its metrics, empty where there is none."""
    path = folder / "import.prom"
    plan = Plan(sources=(), ledger=folder / "a.ledger", token=str)
    settings = load({"metrics_file": str(path)}).settings
    screen = Screen(io.StringIO(), io.StringIO())
    with pytest.raises(type(error)), observed(plan, settings, Tally(), screen):
        raise error
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize(("error", "status"), [(AccessError("no"), 4), (ValueError("a bug"), 70)])
def test_what_ends_a_run_stands_in_the_metrics(tmp_path: Path, error: Exception, status: int) -> None:
    """An error that was foreseen, and one that was not: the run is no longer at work, and its status is told."""
    text = ended_with(error, tmp_path)
    assert f'campaign_import_run_exit_status{{ledger="a.ledger"}} {status}' in text
    assert 'campaign_import_run_active{ledger="a.ledger"} 0' in text
    assert "last_success" not in text


def test_a_run_that_was_refused_leaves_the_file_to_the_one_that_has_the_ledger(tmp_path: Path) -> None:
    """Status 10 is not written over the figures of the run which is at work."""
    assert ended_with(LedgerHeldError("held"), tmp_path) == ""


def test_a_dry_run_tells_nothing(tmp_path: Path) -> None:
    """It leaves no trace, so it writes no metrics."""
    plan = Plan(sources=(), ledger=tmp_path, token=str, dry_run=True)
    settings = load({"metrics_file": str(tmp_path / "import.prom")}).settings
    with observed(plan, settings, Tally(), Screen(io.StringIO(), io.StringIO())) as (_, observer):
        assert observer is None
