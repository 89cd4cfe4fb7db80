"""summary.json: what a run says of itself at its end, for machines. The same object is what `--json` prints."""

import json
from pathlib import Path
from typing import Any, Final

from importer.errors import ImporterError
from importer.report.books import Summary
from importer.report.private import write_private

SCHEMA: Final = 1  #: raised when a key changes its meaning or goes; new keys may come at any time


def as_json(summary: Summary) -> dict[str, Any]:
    """Return `summary` as plain JSON values; docs/reference/summary.md says what each key means."""
    books = summary.books
    return {
        "schema": SCHEMA,
        "run": summary.run,
        "status": int(summary.status),
        "status_name": summary.status.name.lower(),
        "reason": summary.reason,
        "hint": summary.hint,
        "books": {name: getattr(books, name) for name in type(books).__dataclass_fields__},
        "line": books.line(),
        "counts": dict(summary.counts),
        "ledger": summary.ledger,
        "sources": list(summary.sources),
        "resume_at": summary.resume_at,
        "account": summary.account,
        "base_url": summary.base_url,
        "started_at": summary.started_at,
        "seconds": round(summary.seconds, 3),
        "dry_run": summary.dry_run,
        "simulated": summary.simulated,
        "estimate": summary.estimate,
    }


def text(summary: Summary) -> str:
    """Return `summary` as indented JSON, ended by a line feed."""
    return json.dumps(as_json(summary), indent=2, allow_nan=False) + "\n"


def refusal(error: ImporterError) -> dict[str, Any]:
    """Return what is told when nothing was begun: the same object, without books."""
    status = error.exit_status
    says = {"status": int(status), "status_name": status.name.lower(), "reason": error.message, "hint": error.hint}
    return {"schema": SCHEMA, "run": None, **says, "books": None}


def refusal_text(error: ImporterError) -> str:
    """Return what `--json` prints when nothing was begun."""
    return json.dumps(refusal(error), indent=2)


def write_summary(path: Path, summary: Summary) -> None:
    """Write `summary` to `path`, 0600, whole or not at all. Blocks; raises `OSError`."""
    write_private(path, text(summary).encode())
