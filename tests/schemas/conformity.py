"""Whether the files of a ledger are what the published schemas say."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]  # it ships no types

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "schemas"
LINES: Final = {
    "journal.jsonl": "journal", "results.jsonl": "results", "failures.jsonl": "failures",
    "changed.jsonl": "listed", "skipped.jsonl": "listed", "conflicts.jsonl": "conflicts", "undone.jsonl": "undone",
}  # fmt: skip
OBJECTS: Final = {"runs/*/summary.json": "summary", "runs/*/details.json": "details"}


@cache
def validator(name: str) -> Any:
    """Return what checks against the published schema of that name."""
    return Draft202012Validator(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def complaint(name: str, value: Any) -> str | None:
    """Return what the schema called `name` has against `value`; None when nothing."""
    found = best_match(validator(name).iter_errors(value))
    if found is None:
        return None
    return f"{found.json_path}: {found.message[-300:]}"


def complaints(ledger: Path) -> list[str]:
    """Return what the schemas have against the files of `ledger`, each with its place."""
    return list(_complaints(ledger))


def _complaints(ledger: Path) -> Iterator[str]:
    for file, name in LINES.items():
        path = ledger / file
        for number, line in enumerate(path.read_bytes().splitlines() if path.exists() else (), 1):
            if (why := complaint(name, json.loads(line))) is not None:
                yield f"{file}:{number}: {why}"
    for pattern, name in OBJECTS.items():
        for path in sorted(ledger.glob(pattern)):
            if (why := complaint(name, json.loads(path.read_bytes()))) is not None:
                yield f"{path.relative_to(ledger)}: {why}"
