"""A run's report, gathered from what its ledger holds: the run's own files, the failures, the journal where it must.

A report can be made at any time, also of a run that was killed and left no summary. The journal may be large, so it is
read only where something was in doubt, and then only the lines that say so are parsed.
"""

import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from importer.errors import ExitStatus, LedgerError, UsageError
from importer.ledger.opening import read_header
from importer.ledger.projections import FAILURES
from importer.ledger.replay import JOURNAL
from importer.model import State
from importer.report.books import Books
from importer.report.details import DETAILS, read_details
from importer.report.facts import DOUBTS_MAX, FAILURES_MAX, GROUP_ROWS_MAX, Doubt, Facts, Failure, Failures
from importer.report.page import render
from importer.report.private import write_private

REPORT: Final = "report.html"
SUMMARY: Final = "summary.json"
RUNS: Final = "runs"
_HEAD: Final = re.compile(rb'\{"n":(\d+),"t":"(\w+)"')
_BLOCK_BYTES: Final = 1 << 16  #: so much is read rather than looked for
_NAMES_SHOWN: Final = 3
#: One of these is more than nothing in a run in which something was in doubt.
_IN_DOUBT: Final = ("looks", "recovered", "doubted", "in_doubt", "unresolved")


def write_report(folder: Path, run: int | None = None, output: Path | None = None) -> Path:
    """Write the report of a run (default: the latest) and return where: `output`, or the ledger's own place for it.

    The latest run's report is the ledger's `report.html`, an earlier one's stands in that run's folder.

    Raises:
        LedgerError: there is no ledger in `folder`, it has no runs, or it cannot be read.
        UsageError: there was no such run.
        OSError: the report cannot be written.
    """
    latest = latest_run(folder)
    chosen = latest if run is None else run
    if not 1 <= chosen <= latest:
        raise UsageError(f"{folder} has no run {chosen}", hint=f"Its runs are 1 to {latest}.")
    own = folder / REPORT if chosen == latest else folder / RUNS / f"{chosen:04d}" / REPORT
    path = output or own
    if output is None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
    write_private(path, render(gather(folder, chosen), datetime.now(UTC)).encode())
    return path


def latest_run(folder: Path) -> int:
    """Return the number of the latest run; raise `LedgerError` where there is none."""
    read_header(folder)
    with suppress(FileNotFoundError):
        numbers = [int(path.name) for path in (folder / RUNS).iterdir() if path.name.isdecimal()]
        if numbers:
            return max(numbers)
    told = [entry["run"] for entry in _run_entries(folder) if entry["t"] == "run"]
    if not told:
        raise LedgerError(f"{folder} has no runs yet", hint="importer run makes the first.")
    return int(told[-1])


def gather(folder: Path, run: int) -> Facts:
    """Return everything that the report of a run shows. Raises as `write_report`."""
    header = read_header(folder)
    place = folder / RUNS / f"{run:04d}"
    summary = _summary(place / SUMMARY) or _told_by_journal(folder, run)
    details = read_details(place / DETAILS)
    counts, books = summary.get("counts") or {}, summary.get("books") or {}
    status = summary.get("status")
    had_doubts = status is None or any((counts | books).get(name) for name in _IN_DOUBT)
    doubts = _doubts(folder, run) if had_doubts else []
    real = f"HubSpot account {header['account'] or 'unknown'} at {header['base_url']}"
    return Facts(
        run=run,
        ledger=str(folder),
        tool=details.tool if details else summary.get("tool"),
        account=details.account if details else "a simulated HubSpot account" if header["simulated"] else real,
        simulated=bool(header["simulated"]),
        sources=tuple(summary.get("sources") or ()),
        started_at=summary.get("started_at"),
        seconds=summary.get("seconds"),
        status=None if status is None else ExitStatus(status),
        reason=summary.get("reason"),
        hint=summary.get("hint"),
        books=Books(**books) if books else None,
        counts=counts,
        samples=details.samples if details else (),
        settings=details.settings if details else (),
        next_steps=details.next_steps if details else (),
        failures=_failures(folder / FAILURES, run),
        doubts=tuple(doubts[:DOUBTS_MAX]),
        doubts_total=len(doubts),
    )


def _summary(path: Path) -> dict[str, Any] | None:
    try:
        held = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return held if isinstance(held, dict) else None


def _told_by_journal(folder: Path, run: int) -> dict[str, Any]:
    """Return what the journal says of a run that left no summary: its begin, and its books if it came to its end."""
    told: dict[str, Any] = {}
    for entry in _run_entries(folder):
        if entry["run"] != run:
            continue
        if entry["t"] == "run":
            began = datetime.fromtimestamp(entry["at"], UTC)
            told |= {"tool": entry["tool"], "sources": entry["sources"], "started_at": began.isoformat()}
        else:
            told |= {"books": entry["books"], "reason": entry["reason"]}
    return told


def _run_entries(folder: Path) -> Iterator[dict[str, Any]]:
    for kind, _n, line in _lines(folder / JOURNAL):
        if kind in {b"run", b"end", b"stop"}:
            yield orjson.loads(line)


def _lines(path: Path) -> Iterator[tuple[bytes, int, bytes]]:
    """Yield type, number and bytes of each whole line of a journal; what is torn or broken is passed over.

    Raises:
        LedgerError: the journal cannot be read.
    """
    try:
        with path.open("rb") as file:
            for line in file:
                head = _HEAD.match(line)
                if head is not None and line.endswith(b"}\n"):
                    yield head[2], int(head[1]), line
    except OSError as error:
        raise LedgerError(f"{path} cannot be read: {error.strerror or error}") from error


# Failures


def _failures(path: Path, run: int) -> Failures:
    """Return the failed rows of a run: all are counted, the first ones kept."""
    rows: list[Failure] = []
    counts: dict[str, int] = {}
    first: dict[str, list[Failure]] = {}
    mark = b'"run":%d' % run
    with suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(begin_of(file, run))
        for line in file:
            row = orjson.loads(line) if mark in line and line.endswith(b"\n") else {}
            if row.get("run") != run:
                continue
            code = row["code"]
            counts[code] = counts.get(code, 0) + 1
            if len(rows) < FAILURES_MAX:
                rows.append(_failure(row))
            if counts[code] <= GROUP_ROWS_MAX:
                first.setdefault(code, []).append(_failure(row))
    firsts = {code: tuple(some) for code, some in first.items()}
    return Failures(rows=tuple(rows), total=sum(counts.values()), counts=counts, first=firsts)


def begin_of(file: BinaryIO, run: int) -> int:
    """Return where to begin to read, so that no row of the run stands before.

    Runs follow each other in the file, so that each look at its middle leaves out half of what earlier runs wrote.
    """
    low, high = 0, file.seek(0, os.SEEK_END)
    while high - low > _BLOCK_BYTES:
        file.seek((low + high) // 2)
        file.readline()
        begin = file.tell()
        if _run_of(file.readline()) < run:
            low = begin
        else:
            high = (low + high) // 2
    return low


def _run_of(line: bytes) -> float:
    """Return the run of a row; where it cannot be told, one that leaves nothing out."""
    try:
        return float(orjson.loads(line)["run"])
    except (ValueError, KeyError, TypeError):
        return math.inf


def _failure(row: Mapping[str, Any]) -> Failure:
    return Failure(
        source=str(row["source"]),
        line=row["line_number"],
        ordinal=row["ordinal"],
        name=row["name"] or "",
        code=row["code"],
        column=row.get("column") or "",  # what cannot be told has none
        message=row["message"],
    )


# What was in doubt


@dataclass(slots=True)
class _Trail:
    """What the journal says of one intent that was in doubt."""

    why: str = "the run ended before the answer came"
    doubted: int | None = None  #: records; None: all of the intent
    settled: list[str] = field(default_factory=list)
    settled_in: set[int] = field(default_factory=set)


def _doubts(folder: Path, run: int) -> list[Doubt]:
    """Return the requests in doubt that `run` sent or settled, in the order in which they were sent."""
    trails: dict[int, _Trail] = {}
    for kind, _n, line in _lines(folder / JOURNAL):
        if kind == b"outcome" and b'"doubt":[]' not in line:
            entry = orjson.loads(line)
            trail = trails.setdefault(entry["of"], _Trail())
            trail.why, trail.doubted = entry["note"] or "the answer did not say", len(entry["doubt"])
        elif kind in {b"resolve", b"decision"}:
            entry = orjson.loads(line)
            trail = trails.setdefault(entry["of"], _Trail())
            trail.settled.append(_finding(entry) if kind == b"resolve" else _decision(entry))
            trail.settled_in.add(entry.get("run", 0))
    if not trails:
        return []
    found = []
    for kind, n, line in _lines(folder / JOURNAL):
        if kind == b"intent" and n in trails:
            intent, trail = orjson.loads(line), trails[n]
            if intent["run"] == run or run in trail.settled_in:
                found.append(_doubt(intent, trail, run))
    return found


def _doubt(intent: Mapping[str, Any], trail: _Trail, run: int) -> Doubt:
    return Doubt(
        at=intent["at"],
        records=len(intent["items"]) if trail.doubted is None else trail.doubted,
        why=trail.why,
        settled=tuple(trail.settled),
        names=tuple(str(item[4]) for item in intent["items"][:_NAMES_SHOWN]),
        earlier=intent["run"] != run,
    )


def _finding(entry: Mapping[str, Any]) -> str:
    parts = {
        "found in HubSpot: made": entry["created"],
        "not there: not made, so free to be sent again": entry["absent"],
        "refused, and nothing was made": entry["failed"],
        "cannot be told: a person has to look": entry["unresolved"],
    }
    said = [f"{len(records):,} {words}" for words, records in parts.items() if records]
    looks = entry["evidence"].get("looks")
    after = f" (after {looks} look{'' if looks == 1 else 's'})" if looks else ""
    return "; ".join(said or ["nothing was found out"]) + after


def _decision(entry: Mapping[str, Any]) -> str:
    state = State.CREATED if entry["decision"] == "created" else "absent"
    reason = f": {entry['reason']}" if entry["reason"] else ""
    return f"1 decided by {entry['user']}: {state}{reason}"
