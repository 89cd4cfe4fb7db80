"""What the journal says of a run as a whole: its beginning, its identity scheme, its end."""

import os
import socket
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from importer.errors import IdentityChangedError
from importer.ledger import entries
from importer.report.books import Books
from importer.version import VERSION


def beginning(run: int, sources: Sequence[str], scheme: dict[str, Any]) -> entries.Run:
    """Return the entry that begins run number `run`."""
    return {
        "t": "run",
        "run": run,
        "tool": VERSION,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "at": time.time(),
        "sources": list(sources),
        "scheme": scheme,
    }


def ending(
    run: int, *, complete: bool, reason: str | None, books: Books, sources: list[dict[str, Any]],
    repeat: entries.Repeat | None = None,
) -> entries.End:  # fmt: skip
    """Return the entry that ends a run: `end` after a complete pass, `stop` before that."""
    entry: entries.End = {
        "t": "end" if complete else "stop",
        "run": run,
        "reason": reason,
        "at": time.time(),
        "books": asdict(books),
        "sources": sources,
    }
    return entry if repeat is None else {**entry, "repeat": repeat}


def check_scheme(before: dict[str, Any] | None, scheme: dict[str, Any], *, accept: bool) -> None:
    """Raise `IdentityChangedError` when `scheme` is not the one that made campaigns `before`, unless told to accept."""
    if before is not None and not accept and not _same(before, scheme):
        raise IdentityChangedError(
            f"this ledger knows its campaigns by {_described(before)}, and this run would know them by"
            f" {_described(scheme)}: what was made before would be made again",
            hint="Use the same --key and mapping as before, another --ledger, or --accept-new-identities.",
        )


def _same(before: dict[str, Any], scheme: dict[str, Any]) -> bool:
    """Return whether both know a campaign by the same; an adoption has no mapping, so its key is compared by name."""
    if before.get("adopts") or scheme.get("adopts"):
        return _key_names(before) == _key_names(scheme)
    return before == scheme


def _key_names(scheme: dict[str, Any]) -> list[str]:
    return sorted(part.get("column") or part["property"] for part in scheme["key"])


def _described(scheme: dict[str, Any]) -> str:
    if scheme.get("key"):
        return f"the key {', '.join(_key_names(scheme))}"
    return "their names" if scheme.get("adopts") else "all their properties"


def wall_clock() -> datetime:
    """Return the time of this machine, in UTC."""
    return datetime.now(UTC)
