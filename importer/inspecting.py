"""`status` and `verify`: what a ledger says, read without touching it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from importer.errors import ImporterError
from importer.ledger.effects import Change
from importer.ledger.items_audit import ItemsAudit
from importer.ledger.items_due import count_due
from importer.ledger.looking import View, look_at
from importer.ledger.opening import read_header
from importer.ledger.projections import FAILURES, RESULTS
from importer.ledger.replay import JOURNAL, Replay
from importer.model import State

DIFFERENCES_SHOWN_MAX = 100
_UNSETTLED = (State.IN_DOUBT, State.UNRESOLVED)


def status(folder: Path) -> dict[str, Any]:
    """Return what stands in the ledger, JSON-able: whose it is, records by state, the latest runs, what is open.

    Raises:
        LedgerError: there is no ledger in `folder`, or it is damaged.
    """
    with look_at(folder) as view:
        states = {str(state): view.index.count(state) for state in (State.CREATED, State.FAILED)}
        waiting = [_open_record(intent, index) for intent, index in _unsettled(view)]
        states |= {str(state): sum(item["state"] == state for item in waiting) for state in _UNSETTLED}
        return {
            "ledger": str(folder),
            "account": view.header["account"],
            "base_url": view.header["base_url"],
            "simulated": view.header["simulated"],
            "records": states,
            "runs": view.fold.run,
            "running_or_killed": not view.fold.ended,
            "latest": latest_passes(folder),
            "stopped": _stopped(view),
            "unsettled": waiting,
            "updating": sum(len(intent.unsettled(State.UPDATING)) for intent in view.fold.open.values()),
            "archiving": sum(len(archive.items) for archive in view.fold.archiving.values()),
            "items": _items(view),
            "torn_bytes": view.torn_bytes,
        }


def _stopped(view: View) -> dict[str, Any] | None:
    """Return how the latest run ended, where it did not come to its end and could say so; else None."""
    entry: dict[str, Any] = {"t": None}
    for one in _endings(view.folder):
        entry = one
    if entry["t"] != "stop" or entry["run"] != view.fold.run:
        return None
    names = [source["name"] for source in entry["sources"]]
    return {"sources": names} | {key: entry[key] for key in ("run", "at", "reason", "books")}


def _items(view: View) -> dict[str, int]:
    """Return how many budget and spend items are left to the next run, cannot be told, or were refused."""
    fold = view.fold
    unsettled, failed = count_due(view.folder) if fold.items_due or fold.items_failed or fold.items else (0, 0)
    unresolved = sum(item.state is State.UNRESOLVED for item in view.fold.items.values())
    in_doubt = len(view.fold.items) - unresolved
    return {"due": unsettled - len(view.fold.items), "in_doubt": in_doubt, "unresolved": unresolved, "failed": failed}


def _unsettled(view: View) -> Iterator[tuple[Any, int]]:
    for intent in view.fold.open.values():
        for index in intent.unsettled(*_UNSETTLED):
            yield intent, index


def _open_record(intent: Any, index: int) -> dict[str, Any]:
    item = intent.entry["items"][index]
    return {
        "state": str(intent.states[index]),
        "identity": item[3],
        "name": item[4],
        "source": intent.entry["src"][item[0]],
        "ordinal": item[1],
        "line_number": item[2],
        "attempts": intent.entry["a"],
    }


def latest_passes(folder: Path) -> dict[str, dict[str, Any]]:
    """Return source → the end of the latest complete pass over it, from the journal's `end` entries."""
    latest: dict[str, dict[str, Any]] = {}
    for entry in _endings(folder):
        if entry["t"] == "end":
            shown = {"run": entry["run"], "at": entry["at"], "books": entry["books"]}
            latest |= {source["name"]: shown for source in entry["sources"]}
    return latest


def _endings(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries with which runs ended, `end` and `stop`, up to a line that is torn."""
    with (folder / JOURNAL).open("rb") as file:
        for line in file:
            if b'"t":"end"' in line[:40] or b'"t":"stop"' in line[:40]:
                try:
                    yield orjson.loads(line)
                except ValueError:
                    break


def verify(folder: Path) -> list[str]:
    """Return every difference between journal, ledgers and index, one sentence each; none when they agree.

    Reads everything: the journal's chain from its first line, both ledgers row by row, the index.

    Raises:
        LedgerError: there is no ledger in `folder`.
    """
    if not (folder / JOURNAL).exists():
        read_header(folder)  # says so
    replay = Replay(folder / JOURNAL)
    found: list[str] = []
    rows = {name: _rows(folder / name, found) for name in (RESULTS, FAILURES)}
    ids: Counter[str] = Counter()
    states: dict[str, tuple[State, str]] = {}
    items = ItemsAudit()
    try:
        for step in replay.steps():
            for name, wanted in ((RESULTS, step.effect.results), (FAILURES, step.effect.failures)):
                for row in wanted:
                    _compare(name, next(rows[name], None), orjson.loads(orjson.dumps(row)), found)
            ids.update(row["id"] for row in step.effect.results if row["via"] != "update")
            states |= _told(step.effect.changes)
            items.take(step.n, step.entry)
    except ImporterError as error:
        return [*found, error.message]
    found += items.found
    for name, rest in rows.items():
        surplus = sum(1 for _row in rest)
        if surplus:
            found.append(f"{name} has {surplus} rows that the journal does not know")
    found += [f"campaign {campaign} stands in {RESULTS} {count} times" for campaign, count in ids.items() if count > 1]
    if replay.torn:
        found.append(f"{JOURNAL} ends in {len(replay.torn)} bytes of a torn line (the next run cuts them)")
    states |= _told(replay.fold.abandon().changes)
    try:
        found += _compare_index(folder, states)
    except ImporterError as error:
        found.append(error.message)
    return found[:DIFFERENCES_SHOWN_MAX]


def _rows(path: Path, found: list[str]) -> Iterator[Any]:
    if not path.exists():
        found.append(f"{path.name} is missing (the next run makes it again)")
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield orjson.loads(line)
            except ValueError:
                found.append(f"{path.name} line {number} is not JSON")
                yield None


def _compare(name: str, row: Any, wanted: dict[str, Any], found: list[str]) -> None:
    if row is None:
        found.append(f"{name} lacks the row of {wanted['name']!r} (journal entry {wanted['n']})")
    elif row != wanted:
        fields = sorted(field for field in wanted.keys() | row.keys() if row.get(field) != wanted.get(field))
        found.append(f"{name}: the row of journal entry {wanted['n']} differs in {', '.join(fields)}")


def _told(changes: Sequence[Change]) -> dict[str, tuple[State, str]]:
    """Return what the index is to know: identity → state and content."""
    return {change.identity: (change.state, change.content) for change in changes}


def _compare_index(folder: Path, states: dict[str, tuple[State, str]]) -> list[str]:
    """Compare the index, brought up to date in memory, with what the journal says from its beginning."""
    with look_at(folder) as view:
        held = {
            identity: (state, content) for identity, state, content in view.index.states() if state is not State.OPEN
        }
    wanted = {identity: told for identity, told in states.items() if told[0] is not State.OPEN}
    wrong = [identity for identity, told in wanted.items() if held.get(identity) != told]
    wrong += [identity for identity in held if identity not in wanted]
    return [f"the index is wrong about {identity}" for identity in wrong]
