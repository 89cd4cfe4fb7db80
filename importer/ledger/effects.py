"""What a journal entry does beyond the fold's own memory: changes for the index, rows for the two ledgers. Pure."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from importer.model import State


class Change(NamedTuple):
    """The index is to know this of an identity."""

    identity: str
    state: State
    content: str
    name: str
    source: str = ""


@dataclass(slots=True)
class Effect:
    """What one entry does beyond the fold's own memory."""

    changes: list[Change] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
