"""The reckoning at the end of an import in bad weather: the ledger's own files against what the server made.

Each row carries a mark in its notes which it shares with the rows that are like it, and which no normaliser changes. So
a campaign is known by its mark, whatever became of its other values; nothing of the importer is used here.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_MARK = re.compile(r"<(\d+)>")


@dataclass(slots=True)
class Reckoning:
    """What was found; a violation is a sentence that begins with its kind and a colon."""

    violations: list[str] = field(default_factory=list)
    created: int = 0
    failed: int = 0
    unresolved: list[str] = field(default_factory=list)  #: why, of each


def mark_of(notes: str) -> int:
    """Return the mark in the notes of a row or a campaign."""
    found = _MARK.search(notes)
    assert found is not None
    return int(found[1])


def reckon(ledger: Path, marks: Sequence[int], truth: Iterable[tuple[str, Mapping[str, str]]]) -> Reckoning:
    """Compare the ledger of a finished import of rows with these marks with the campaigns that were made of them."""
    made = {campaign: mark_of(properties["hs_notes"]) for campaign, properties in truth}
    result = Reckoning()
    created, others = _states(ledger, len(marks), result.violations)
    for ordinal, campaign in created.items():
        if campaign not in made:
            result.violations.append(f"unknown: row {ordinal} has the campaign {campaign}, which nobody made")
        elif made[campaign] != marks[ordinal]:
            result.violations.append(f"mispaired: row {ordinal} and campaign {campaign}")
    repeated = [campaign for campaign, count in Counter(created.values()).items() if count > 1]
    result.violations += [f"mispaired: campaign {campaign} has two rows" for campaign in repeated]
    unresolved = {ordinal: row for ordinal, row in others.items() if row["state"] == "unresolved"}
    _compare(marks, made, created, unresolved, result.violations)
    result.created, result.failed = len(created), len(others) - len(unresolved)
    for ordinal, row in unresolved.items():
        result.unresolved.append(row["message"])
        if not row["message"]:
            result.violations.append(f"unexplained: row {ordinal} is unresolved, and the ledger does not say why")
    return result


def _states(ledger: Path, count: int, violations: list[str]) -> tuple[dict[int, str], dict[int, Mapping[str, Any]]]:
    """Return ordinal → campaign of what was created, and ordinal → latest row of what was not."""
    rows: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in _lines(ledger / "results.jsonl"):
        rows[row["ordinal"]].append(row)
    twice = [ordinal for ordinal, found in rows.items() if len(found) > 1]
    violations += [f"states: row {ordinal} stands in the results more than once" for ordinal in twice]
    created = {ordinal: found[0]["id"] for ordinal, found in rows.items()}
    others = {row["ordinal"]: row for row in _lines(ledger / "failures.jsonl") if row["ordinal"] not in created}
    violations += [f"lost: row {ordinal}" for ordinal in range(count) if ordinal not in created | others]
    return created, others


def _compare(
    marks: Sequence[int], made: Mapping[str, int], created: Mapping[int, str], unresolved: Iterable[int],
    violations: list[str],
) -> None:  # fmt: skip
    """Tell what was made too often, and what was made although no row of the ledger may have it."""
    wanted, counts = Counter(marks), Counter(made.values())
    known = set(created.values())
    spare = Counter(marks[ordinal] for ordinal in unresolved)
    for mark, count in counts.items():
        if count > wanted[mark]:
            violations.append(f"twice: {count} campaigns of the {wanted[mark]} rows with the mark {mark}")
    unrecorded = Counter(mark for campaign, mark in made.items() if campaign not in known)
    for mark, count in unrecorded.items():
        if count > spare[mark]:
            violations.append(f"unrecorded: {count} campaigns with the mark {mark}, {spare[mark]} rows unresolved")


def _lines(path: Path) -> list[Mapping[str, Any]]:
    data = path.read_bytes()
    assert data == b"" or data.endswith(b"\n"), f"{path.name} ends in half a line"
    return [json.loads(line) for line in data.split(b"\n") if line]
