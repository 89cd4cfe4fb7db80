"""The judge of a crash loop: reads the ledger's files and the simulator's truth, and nothing of the importer's code.

A violation is a sentence. None means: every input is in exactly one state, nothing was made twice, nothing that was
made is unknown, and every id stands beside the row it was made from.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

Content = tuple[tuple[str, str], ...]


class Judgement(NamedTuple):
    """What the judge found."""

    lost: list[str]
    twice: list[str]
    mispaired: list[str]
    untidy: list[str]  #: two states, rows nobody sent, campaigns nobody recorded
    unresolved: int

    @property
    def violations(self) -> list[str]:
        """Everything that breaks the promise."""
        return [*self.lost, *self.twice, *self.mispaired, *self.untidy]


def content(properties: Mapping[str, str]) -> Content:
    """Return what makes two campaigns equal here."""
    return tuple(sorted(properties.items()))


def judge(ledger: Path, inputs: Sequence[Mapping[str, str]], truth: Iterable[Mapping[str, Any]]) -> Judgement:
    """Compare the ledger of a finished import of `inputs` (row by row) with what the server made of them."""
    made = {campaign["id"]: content(campaign["properties"]) for campaign in truth}
    results = _rows(ledger / "results.jsonl")
    failures = _rows(ledger / "failures.jsonl")
    settled = {row["identity"] for row in results}
    latest = {row["identity"]: row for row in failures if row["identity"] not in settled}  # each run may say it again
    unresolved = [row for row in latest.values() if row["state"] == "unresolved"]
    failed = [row for row in latest.values() if row["state"] == "failed"]
    wanted = Counter(content(row) for row in inputs)
    told = Counter(content(inputs[row["ordinal"]]) for row in (*unresolved, *failed))
    counts = Counter(made.values())
    open_to_doubt = Counter(content(inputs[row["ordinal"]]) for row in unresolved)

    lost = [f"lost: {one[0][1]}" for one, count in wanted.items() if counts[one] + told[one] < count]
    twice = [f"twice: {one[0][1]}" for one, count in counts.items() if count > wanted[one]]
    mispaired, untidy = _pairs(results, inputs, made)
    known = {row["id"] for row in results}
    for campaign, one in made.items():
        if campaign not in known and not open_to_doubt[one]:
            untidy.append(f"made and not recorded: {campaign}")
    untidy += _states(results, failed, unresolved, len(inputs))
    return Judgement(lost, twice, mispaired, untidy, len(unresolved))


def _rows(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    assert data == b"" or data.endswith(b"\n"), f"{path.name} ends in half a line"
    return [json.loads(line) for line in data.split(b"\n") if line]


def _pairs(
    results: Sequence[Mapping[str, Any]], inputs: Sequence[Mapping[str, str]], made: Mapping[str, Content]
) -> tuple[list[str], list[str]]:
    mispaired, untidy = [], []
    for row in results:
        if row["id"] not in made:
            untidy.append(f"an id that the server does not know: {row['id']}")
        elif made[row["id"]] != content(inputs[row["ordinal"]]):
            mispaired.append(f"mispaired: row {row['ordinal']} and campaign {row['id']}")
    for field in ("id", "identity"):
        repeated = [one for one, count in Counter(row[field] for row in results).items() if count > 1]
        untidy += [f"the {field} {one} stands in the results twice" for one in repeated]
    return mispaired, untidy


def _states(results: Any, failed: Any, unresolved: Any, count: int) -> list[str]:
    states = Counter(row["ordinal"] for row in (*results, *unresolved, *failed))
    found = [f"row {n} has {times} states" for n, times in states.items() if times != 1]
    return found + [f"row {n} has no state" for n in range(count) if n not in states]
