"""`status` and `verify`, and the list of what is unsettled: a ledger as people and scripts want to see it."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from importer import inspecting
from importer.cli.errors import show_error
from importer.cli.pasting import command_line
from importer.cli.screen import Screen, clean, one_line
from importer.errors import ExitStatus, ImporterError
from importer.ledger.opening import read_header
from importer.report.books import Books

_UNSETTLED_SHOWN_MAX: Final = 20


def status(ledger: str, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Say what a ledger holds; return the exit status."""
    del argv

    def tell(screen: Screen) -> int:
        found = inspecting.status(Path(ledger))
        if flags.get("json"):
            screen.data(json.dumps(found, indent=2))
        else:
            for line in _described(found):
                screen.data(clean(line))
        return int(ExitStatus.OK)

    return _told(flags, tell)


def _described(found: Mapping[str, Any]) -> list[str]:
    real = f"account {found['account'] or 'unknown'} at {found['base_url']}"
    whose = "a simulated account" if found["simulated"] else real
    records = ", ".join(f"{count:,} {str(state).replace('_', ' ')}" for state, count in found["records"].items())
    lines = [f"ledger:  {found['ledger']} ({whose})", f"records: {records}"]
    lines.append(f"runs:    {found['runs']}" + (" (the latest is at work, or was killed)" * found["running_or_killed"]))
    for source, latest in found["latest"].items():
        at = datetime.fromtimestamp(latest["at"], UTC).isoformat(timespec="seconds")
        lines.append(f"latest:  {one_line(source)}, run {latest['run']}, {at}")
        lines.append(f"         {Books(**latest['books']).line()}")
    lines += _unsettled_lines(found["unsettled"][:_UNSETTLED_SHOWN_MAX])
    more = len(found["unsettled"]) - _UNSETTLED_SHOWN_MAX
    if more > 0:
        lines.append(f"         and {more:,} more")
    if found["unsettled"]:
        lines.append(f"to settle: {command_line(['reconcile', found['ledger']])}")
    return lines


def _unsettled_lines(items: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for item in items:
        number = item["line_number"]
        at = f"{item['source']}:{number}" if number is not None else f"{item['source']} row {item['ordinal']}"
        state = str(item["state"]).replace("_", " ")
        lines.append(f"{state}: {item['identity']} {one_line(at)} {one_line(item['name'], 60)}")
    return lines


def show_unsettled(ledger: Path, screen: Screen) -> int:
    """List what is in doubt or unresolved, one record a line; return the exit status."""
    found = inspecting.status(ledger)
    for line in _unsettled_lines(found["unsettled"]):
        screen.data(clean(line))
    return int(ExitStatus.UNRESOLVED if found["unsettled"] else ExitStatus.OK)


def verify(ledger: str, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Check a ledger against itself; return 9 when something does not fit."""
    del argv

    def tell(screen: Screen) -> int:
        read_header(Path(ledger))
        differences = inspecting.verify(Path(ledger))
        if flags.get("json"):
            screen.data(json.dumps({"ledger": ledger, "differences": differences}, indent=2))
        else:
            for difference in differences:
                screen.data(clean(difference))
            if not differences:
                screen.data(clean(f"{ledger}: journal, ledgers and index agree"))
        return int(ExitStatus.DIFFERENCES if differences else ExitStatus.OK)

    return _told(flags, tell)


def _told(flags: Mapping[str, Any], tell: Callable[[Screen], int]) -> int:
    """Let `tell` speak, and show the error that it ends in."""
    screen = Screen()
    try:
        return tell(screen)
    except ImporterError as error:
        return show_error(error, screen, as_json=bool(flags.get("json")))
