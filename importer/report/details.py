"""details.json: what only the run itself knew and its report shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from importer.report.facts import Setting, Step
from importer.report.private import write_private
from importer.report.timeline import Sample, as_table, from_table

DETAILS: Final = "details.json"
SCHEMA: Final = 1  #: raised when a key changes its meaning or goes; new keys may come at any time


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What a run leaves beside its summary."""

    tool: str  #: version of the importer
    account: str  #: in words
    settings: tuple[Setting, ...] = ()
    next_steps: tuple[Step, ...] = ()
    samples: tuple[Sample, ...] = ()


def as_json(details: Details) -> dict[str, Any]:
    """Return `details` as plain JSON values."""
    return {
        "schema": SCHEMA,
        "tool": details.tool,
        "account": details.account,
        "settings": [[setting.name, setting.value, setting.origin] for setting in details.settings],
        "next_steps": [[step.why, step.command] for step in details.next_steps],
        "timeline": as_table(details.samples),
    }


def write_details(path: Path, details: Details) -> None:
    """Write `details` to `path`, 0600, whole or not at all. Raises `OSError`."""
    write_private(path, orjson.dumps(as_json(details), option=orjson.OPT_APPEND_NEWLINE))


def read_details(path: Path) -> Details | None:
    """Return the details in `path`; None where there are none that can be read: a report does without them."""
    try:
        held = orjson.loads(path.read_bytes())
        return Details(
            tool=str(held["tool"]),
            account=str(held["account"]),
            settings=tuple(_setting(row) for row in held["settings"]),
            next_steps=tuple(Step(why=str(why), command=str(command)) for why, command in held["next_steps"]),
            samples=from_table(held["timeline"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _setting(row: Sequence[Any]) -> Setting:
    name, value, origin = row
    return Setting(name=str(name), value=str(value), origin=None if origin is None else str(origin))
