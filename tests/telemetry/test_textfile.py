"""Metrics as Prometheus reads them: names, types, labels, one step, and a real Prometheus where it is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from importer.model import State
from importer.report.books import Tally
from importer.telemetry import textfile
from importer.telemetry.figures import Moments, figures

SAMPLE = re.compile(r'^campaign_import_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9.e+-]+$')


def tally() -> Tally:
    """Return the counts of a run at work."""
    counts = Tally(rows_read=7, requests=5, creates=3, answers=3, answer_s=0.25, codes={"name_missing": 2})
    counts.end(State.CREATED, 5)
    counts.end(State.FAILED, 2)
    counts.hear_quota(900, 1_000)
    return counts


def text(moments: Moments, ledger: str = "a.ledger") -> str:
    """Return the file of those counts."""
    return textfile.exposition(figures(tally(), moments), [("ledger", ledger)])


def test_every_line_is_as_prometheus_wants_it() -> None:
    """HELP and TYPE before the values; counters, and only they, end in _total; times are seconds with that unit."""
    lines = text(Moments(began=10.0, now=12.5)).splitlines()
    kinds = dict(line.split()[2:4] for line in lines if line.startswith("# TYPE"))
    assert all(SAMPLE.match(line) for line in lines if not line.startswith("#"))
    assert all((kind == "counter") == name.endswith("_total") for name, kind in kinds.items())
    assert 'campaign_import_rows_total{ledger="a.ledger",state="created"} 5' in lines
    assert 'campaign_import_failures_total{ledger="a.ledger",code="name_missing"} 2' in lines
    assert 'campaign_import_requests_total{ledger="a.ledger",kind="other"} 2' in lines
    assert 'campaign_import_day_requests_left{ledger="a.ledger"} 900' in lines
    assert 'campaign_import_run_duration_seconds{ledger="a.ledger"} 2.5' in lines
    assert 'campaign_import_run_active{ledger="a.ledger"} 1' in lines
    assert not any("exit_status" in line or "last_success" in line for line in lines)


def test_labels_are_escaped() -> None:
    """A folder may be called anything."""
    assert r'ledger="a\"b\\c\nd"' in text(Moments(began=0, now=0), 'a"b\\c\nd')


def test_the_file_is_put_there_in_one_step_and_readable(tmp_path: Path) -> None:
    """Mode 0644 whatever the umask, nothing else left, and a failure leaves what was there."""
    path = tmp_path / "import.prom"
    textfile.write(path, "old\n")
    textfile.write(path, text(Moments(began=0, now=1)))
    assert path.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in tmp_path.iterdir()] == ["import.prom"]
    with pytest.raises(OSError, match="No such file"):
        textfile.write(tmp_path / "missing" / "x.prom", "")


def test_the_last_success_outlives_a_failed_run(tmp_path: Path) -> None:
    """What the file said of it is found again; nothing where there is no file, or another's."""
    path = tmp_path / "import.prom"
    assert textfile.last_success(path) is None
    textfile.write(path, text(Moments(began=0, now=1_800_000_000.25, status=0, succeeded=1_800_000_000.25)))
    assert textfile.last_success(path) == 1_800_000_000.25
    path.write_bytes(b"\xff\xfe nothing")
    assert textfile.last_success(path) is None


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("promtool") is None, reason="Prometheus is not installed here")
def test_promtool_finds_nothing_to_mend() -> None:
    """Prometheus' own linter of metrics says nothing."""
    whole = text(Moments(began=10.0, now=12.5, status=0, succeeded=12.5))
    done = subprocess.run(["promtool", "check", "metrics"], input=whole, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
