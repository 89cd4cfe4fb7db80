"""`status` and `verify`, and the list of what is unsettled: a ledger as people and scripts want to see it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from importer import inspecting
from importer.cli.errors import show_error
from importer.cli.pasting import command_line
from importer.cli.screen import Screen, clean, one_line
from importer.errors import ExitStatus, ImporterError, UsageError
from importer.ledger.opening import read_header
from importer.ledger.projections import FAILURES
from importer.ledger.replay import JOURNAL
from importer.model import State
from importer.report.books import Books
from importer.report.details import DETAILS, read_details

_UNSETTLED_SHOWN_MAX: Final = 20
_NEAR: Final = re.compile(r"campaign (\S+) has its name")  # as reconciliation says it


def status(ledger: str, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Say what a ledger holds; return the exit status."""
    del argv

    def tell(screen: Screen) -> int:
        found = inspecting.status(Path(ledger))
        found["next_steps"] = [] if found["running_or_killed"] else _next_steps(Path(ledger), found["runs"])
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
        lines += _ended("latest", [source], latest)
    if found["stopped"]:
        lines += _ended("stopped", found["stopped"]["sources"], found["stopped"])
        lines.append(f"         {one_line(found['stopped']['reason'] or 'before its end')}")
    lines += map(_unsettled_line, found["unsettled"][:_UNSETTLED_SHOWN_MAX])
    more = len(found["unsettled"]) - _UNSETTLED_SHOWN_MAX
    if more > 0:
        lines.append(f"         and {more:,} more")
    if found["updating"]:
        lines.append(
            f"updates: {found['updating']:,} are on their way or in doubt; the next run reads what became of them"
        )
    if found["archiving"]:
        words = "of an undo that was cut off may be archived or not; it goes on with"
        lines.append(f"undo:    {found['archiving']:,} campaigns {words}: {command_line(['undo', found['ledger']])}")
    if any(found["items"].values()):
        told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in found["items"].items() if count)
        left = any(count for name, count in found["items"].items() if name != "failed")
        lines.append(f"items:   {told}" + ("; the next run goes on" if left else " (--retry-failed sends them again)"))
    if found["unsettled"]:
        lines.append(f"to settle: {command_line(['reconcile', found['ledger']])}")
        lines.append(f"one by one: {command_line(['reconcile', '--list', found['ledger']])}")
    lines += [f"{step['why']}: {step['command']}" for step in found["next_steps"]]
    return lines


def _ended(word: str, sources: Sequence[str], run: Mapping[str, Any]) -> list[str]:
    at = datetime.fromtimestamp(run["at"], UTC).isoformat(timespec="seconds")
    named = ", ".join(map(one_line, sources)) or "no source"
    return [f"{f'{word}:':<9}{named}, run {run['run']}, {at}", f"         {Books(**run['books']).line()}"]


def _next_steps(ledger: Path, run: int) -> list[dict[str, str]]:
    """Return what the latest run ended with; nothing where it came to a good end."""
    details = read_details(ledger / "runs" / f"{run:04d}" / DETAILS)
    return [{"why": step.why, "command": step.command} for step in (details.next_steps if details else ())]


def _unsettled_line(item: Mapping[str, Any]) -> str:
    number = item["line_number"]
    at = f"{item['source']}:{number}" if number is not None else f"{item['source']} row {item['ordinal']}"
    state = str(item["state"]).replace("_", " ")
    return f"{state}: {item['identity']} {one_line(at)} {one_line(item['name'], 60)}"


def show_unsettled(ledger: Path, screen: Screen, *, as_json: bool = False) -> int:
    """List what is in doubt or unresolved, why and what to paste, then what people decided; return the exit status."""
    found = inspecting.status(ledger)["unsettled"]
    reasons, decided = unresolved_reasons(ledger), decisions(ledger)
    items = [item | _why(item, reasons) for item in found]
    if as_json:
        screen.data(json.dumps({"unsettled": items, "decisions": decided}, indent=2))
    else:
        for line in (*(line for item in items for line in _with_commands(item, ledger)), *map(_decided_line, decided)):
            screen.data(clean(line))
        if not items:
            screen.notice(f"{ledger}: nothing is in doubt or unresolved")
    return int(ExitStatus.UNRESOLVED if items else ExitStatus.OK)


def _why(item: Mapping[str, Any], reasons: Mapping[str, str]) -> dict[str, str | None]:
    """Return why a record cannot be told, and the campaign that it may be, where one was seen."""
    if item["state"] != State.UNRESOLVED:
        return {"why": "its answer is missing, and HubSpot was not asked yet", "near": None}
    why = reasons.get(item["identity"], "the next run says why: its row is not written yet")
    near = _NEAR.match(why)
    return {"why": why, "near": near[1] if near else None}


def _with_commands(item: Mapping[str, Any], ledger: Path) -> Iterator[str]:
    decide = ["reconcile", str(ledger), "--identity", item["identity"], "--as"]
    yield _unsettled_line(item)
    yield f"  why: {one_line(item['why'])}"
    if item["state"] != State.UNRESOLVED:
        yield f"  to ask HubSpot: {command_line(['reconcile', str(ledger)])}"
    there = f"created:{item['near'] or 'CAMPAIGN'}"
    yield f"  it is there: {command_line([*decide, there])}"
    yield f"  it is not there: {command_line([*decide, 'absent'])}"


def _decided_line(entry: Mapping[str, Any]) -> str:
    at = datetime.fromtimestamp(entry["at"], UTC).isoformat(timespec="seconds")
    what = f"created as {entry['id']}" if entry["id"] else "absent"
    reason = f": {one_line(entry['reason'])}" if entry["reason"] else ""
    return f"decided: {entry['identity']} {what}, {one_line(entry['user'])}, {at}{reason}"


def unresolved_reasons(ledger: Path) -> dict[str, str]:
    """Return identity → why it could not be told, from the failures file; the latest row of each stands."""
    rows = _lines_with(ledger / FAILURES, b'"state":"unresolved"')
    return {row["identity"]: row["message"] for row in rows if "item" not in row}


def decisions(ledger: Path) -> list[dict[str, Any]]:
    """Return what people decided, oldest first, from the journal."""
    names = ("identity", "decision", "id", "reason", "user", "at")
    found = _lines_with(ledger / JOURNAL, b'"t":"decision"')
    return [{name: entry[name] for name in names} for entry in found if entry.get("t") == "decision"]


def _lines_with(path: Path, mark: bytes) -> Iterator[dict[str, Any]]:
    """Yield the objects on those lines of a file that hold `mark`; a file that is not there has none."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        for line in file:
            if mark in line and line.endswith(b"\n"):
                yield json.loads(line)


def verify(ledger: str, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Check a ledger against itself or, with --remote, against HubSpot; return 9 when something does not fit."""
    if flags.get("remote"):
        from importer.cli import remote  # noqa: PLC0415 - what asks HubSpot is slow to load

        return remote.verify(ledger, flags)
    if flags.get("output"):
        return _told(flags, _needs_remote)
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


def _needs_remote(_screen: Screen) -> int:
    raise UsageError("--output is for the differences with HubSpot", hint="Add --remote.")


def _told(flags: Mapping[str, Any], tell: Callable[[Screen], int]) -> int:
    """Let `tell` speak, and show the error that it ends in."""
    screen = Screen()
    try:
        return tell(screen)
    except ImporterError as error:
        return show_error(error, screen, as_json=bool(flags.get("json")))
