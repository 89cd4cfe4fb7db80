"""When the runs of an account were at work, as its ledgers' journals say: no two at one time."""

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path


def spans(journal: Path) -> list[tuple[float, float, str]]:
    """Return for each run of a journal its first and its last time (epoch seconds), and its name."""
    times: dict[int, list[float]] = {}
    lines = journal.read_bytes().split(b"\n")[:-1] if journal.exists() else []  # behind the last end: half a line
    for entry in map(json.loads, filter(None, lines)):
        if "run" in entry and "at" in entry:
            times.setdefault(entry["run"], []).append(entry["at"])
    return [(min(held), max(held), f"run {run} of {journal.parent.name}") for run, held in times.items()]


def overlaps(journals: Iterable[Path]) -> list[str]:
    """Return which runs of one account were at work at one time, by the clock of one machine."""
    held = sorted(span for journal in journals for span in spans(journal))
    return [
        f"overlap: {second} began at {begins:.3f}, {first} ended at {ends:.3f}"
        for (_, ends, first), (begins, _, second) in pairwise(held)
        if begins < ends
    ]
