"""The judge of overlaps sees them."""

import json
from pathlib import Path

from tests.fleet.spans import overlaps


def journal(folder: Path, name: str, *entries: tuple[int, float]) -> Path:
    """Write a journal of runs and times, with half a line at its end."""
    path = folder / f"{name}.ledger" / "journal.jsonl"
    path.parent.mkdir()
    lines = [json.dumps({"t": "intent", "run": run, "at": at}) + "\n" for run, at in entries]
    path.write_text("".join(lines) + '{"t":"int')
    return path


def test_two_runs_at_one_time_are_seen_in_one_ledger_and_in_two(tmp_path: Path) -> None:
    """One after the other is fine; a run that begins before another has ended is named with it."""
    one = journal(tmp_path, "one", (1, 5.0), (1, 9.0), (2, 9.5))
    two = journal(tmp_path, "two", (1, 10.0), (1, 12.0))
    assert overlaps([one, two, tmp_path / "none" / "journal.jsonl"]) == []
    three = journal(tmp_path, "three", (1, 8.5), (1, 8.6))
    assert overlaps([two, three, one]) == [
        "overlap: run 1 of three.ledger began at 8.500, run 1 of one.ledger ended at 9.000"
    ]
    assert len(overlaps([journal(tmp_path, "four", (1, 1.0), (2, 2.0), (1, 3.0))])) == 1
