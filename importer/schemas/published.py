"""Every schema by its name, and how they are written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from importer.schemas import configuration, ledger
from importer.schemas.shapes import Schema

SCHEMAS: Final[dict[str, Callable[[], Schema]]] = {
    "configuration": configuration.configuration,
    "mapping": configuration.mapping,
    "journal": ledger.journal,
    "results": ledger.results,
    "failures": ledger.failures,
    "listed": ledger.listed,
    "conflicts": ledger.conflicts,
    "undone": ledger.undone,
    "summary": ledger.run_summary,
    "details": ledger.run_details,
}


def text(name: str) -> str:
    """Return a schema as it is published."""
    return json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> None:
    """Write each schema into `folder`, made if missing. Blocks; raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SCHEMAS:
        (folder / f"{name}.json").write_text(text(name), encoding="utf-8")
