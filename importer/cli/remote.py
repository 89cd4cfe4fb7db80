"""`verify --remote`: the differences with HubSpot as rows, and how the check ended."""

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self, TextIO

import anyio

from importer import runs
from importer.cli.beside import Beside, changes
from importer.cli.commands import plan_of_ledger, with_settings
from importer.cli.pasting import command_line
from importer.cli.screen import Screen, clean, one_line
from importer.cli.session import describe
from importer.errors import UsageError
from importer.formulas import guard
from importer.preflight import Account
from importer.remote_check import Checked, Counts, Difference
from importer.report.books import Tally
from importer.report.words import duration, many
from importer.settings import Loaded
from importer.stopping import Stop

SHOWN_MAX: Final = 100  #: differences in the table on stdout; a file gets all
_OWN: Final = ("remote", "output")
_COLUMNS: Final = ("kind", "id", "name", "identity", "source", "line_number", "run", "created_at", "property",
                   "written", "shown")  # fmt: skip
_HEAD: Final = ("kind", "campaign", "where from", "what")


def verify(ledger: str, flags: Mapping[str, Any]) -> int:
    """Compare what `ledger` made with what HubSpot shows; return 9 when they differ."""
    settings = {name: value for name, value in flags.items() if name not in _OWN}
    output = flags.get("output")

    def begin(loaded: Loaded, screen: Screen) -> int:
        plan = plan_of_ledger(loaded, Path(ledger))
        no_log = replace(plan, dry_run=True)  # a check leaves no trace in the ledger
        with ExitStack() as stack:
            rows = stack.enter_context(_Rows(Path(output))) if output else None
            shown = _Shown(screen, rows, as_json=loaded.settings.json_output)
            beside = stack.enter_context(
                Beside(plan=no_log, settings=loaded.settings, screen=screen, told=shown.progress)
            )

            async def work(tally: Tally, stop: Stop) -> Checked:
                return await runs.compare(
                    plan, tally=tally, counts=shown.counts, stop=stop, greet=shown.greet, tell=shown.tell
                )

            done = beside.run(work)
        shown.ending(done, ledger, output)
        return int(done.status)

    return with_settings(settings, begin)


class _Rows:
    """A new file of differences, 0600 as the ledger's own: it holds the same data. CSV by its name, else JSON Lines."""

    def __init__(self, path: Path) -> None:
        """Make the file; raise `UsageError` where it is there, or cannot be made."""
        if path.suffix.lower() not in {".csv", ".jsonl"}:
            raise UsageError(f"{path} is not one of csv, jsonl", hint="Name a file that ends in .csv or .jsonl.")
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError as error:
            raise UsageError(f"{path} is there already", hint="Name another file, or remove it.") from error
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
        self._path = path
        self._file: TextIO = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
        self._write: Callable[[Difference], None] = self._as_json
        if path.suffix.lower() == ".csv":
            self._csv = csv.writer(self._file)
            self._csv.writerow(_COLUMNS)
            self._write = self._as_csv

    def __enter__(self) -> Self:
        """Be open already."""
        return self

    def __exit__(self, kind: object, *_error: object) -> None:
        """Close the file; one of a check that could not be begun goes."""
        self._file.close()
        if kind is not None:
            self._path.unlink(missing_ok=True)

    def write(self, found: list[Difference]) -> None:
        """Write a row for each, in CSV one for each property that is another; raise `UsageError` where it cannot be."""
        try:
            for one in found:
                self._write(one)
        except OSError as error:
            raise UsageError(f"{self._path} cannot be written: {error.strerror or error}") from error

    def _as_json(self, one: Difference) -> None:
        self._file.write(json.dumps(as_row(one), ensure_ascii=False) + "\n")

    def _as_csv(self, one: Difference) -> None:
        row = as_row(one)
        changed: dict[str, list[str]] = row.pop("changed") or {"": ["", ""]}
        for name, (written, shown) in changed.items():
            cells = row | {"property": name, "written": written, "shown": shown}
            told = ["" if cells[column] is None else str(cells[column]) for column in _COLUMNS]
            self._csv.writerow([guard(cell) for cell in told])


def as_row(one: Difference) -> dict[str, Any]:
    """Return a difference as the object of a line."""
    made = one.made
    place = (made.identity, made.source, made.line_number) if made is not None else (None, None, None)
    told = {"kind": str(one.kind), "id": one.id, "name": one.name, "created_at": one.created_at, "run": one.run}
    told |= dict(zip(("identity", "source", "line_number"), place, strict=True))
    return told | {"changed": {name: list(pair) for name, pair in one.changed.items()}}


class _Shown:
    """What a check has told so far, and how it is shown."""

    def __init__(self, screen: Screen, rows: _Rows | None, *, as_json: bool) -> None:
        """Begin with nothing told."""
        self.screen, self.counts = screen, Counts()
        self._rows, self._as_json = rows, as_json
        self._few: list[Difference] = []

    def greet(self, account: Account) -> None:
        """Say whose account it is."""
        self.screen.notice(f"account: {describe(account)}")

    def tell(self, found: list[Difference]) -> None:
        """Write differences into the file, and keep the first few to be shown. Blocks."""
        if self._rows is not None:
            self._rows.write(found)
        self._few += found[: SHOWN_MAX - len(self._few)]

    def progress(self, tally: Tally) -> str:
        """Return one line that says how far it is."""
        counts = self.counts
        parts = [f"{counts.made:,} looked at", f"{counts.missing:,} missing", f"{counts.changed:,} changed"]
        parts += [f"{counts.listed:,} listed, {counts.unexpected:,} unexpected"] if counts.listed else []
        parts.append(many(tally.requests, "request"))
        if tally.waiting_for:
            left = tally.waiting_until - anyio.current_time() if tally.waiting_until is not None else 0.0
            parts.append(f"waiting: {tally.waiting_for}" + (f", {duration(left)} left" if left > 0 else ""))
        return clean(", ".join(parts))

    def ending(self, done: Checked, ledger: str, output: str | None) -> None:
        """Say how it ended: differences and the sum to stdout, talk to stderr."""
        screen, again = self.screen, command_line(["verify", "--remote", ledger])
        for words in _remarks(done):
            screen.say(words, style="yellow")
        if done.reason:
            screen.say(f"stopped: {done.reason}", style="red")
            screen.say(f"hint: {done.hint}" if done.hint else f"to check again: {again}")
        if self._as_json:
            screen.data(json.dumps(as_object(done, self._few), indent=2))
            screen.say(last_line(done), style="bold")
            return
        self._differences(done, again, output)
        screen.data(clean(last_line(done)))

    def _differences(self, done: Checked, again: str, output: str | None) -> None:
        """Show the first few, unless they are in a file; say where all of them are."""
        if output is not None:
            if done.differences:
                self.screen.say(f"{output}: {many(done.differences, 'difference')}")
            return
        for line in _table(self._few):
            self.screen.data(clean(line))
        if done.differences > len(self._few):
            left = done.differences - len(self._few)
            self.screen.say(f"and {left:,} more; all of them: {again} --output differences.csv")


def _remarks(done: Checked) -> Iterator[str]:
    yield from done.left_out
    if done.at_work:
        yield "a run is at work in this ledger, or was killed: what it makes may be taken for unexpected"
    if done.counts.unclear:
        yield f"{done.counts.unclear:,} could not be compared: HubSpot gave no answer about them"


def _table(few: list[Difference]) -> Iterator[str]:
    """Yield the lines of a table with the first few differences."""
    rows = [_HEAD, *((str(one.kind), f"{one.id} {one_line(one.name or '', 40)}", _where(one), _what(one))
                     for one in few)]  # fmt: skip
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEAD) - 1)]
    for row in rows if few else ():
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()


def _where(one: Difference) -> str:
    if one.made is None:
        return "" if one.run is None else f"in the time of run {one.run}"
    line = one.made.line_number
    return one_line(f"{one.made.source}:{line}" if line is not None else f"{one.made.source} row {one.made.ordinal}")


def _what(one: Difference) -> str:
    if one.changed:
        return changes(one.changed)
    return {
        "missing": "HubSpot does not show it",
        "unexpected": "not in the ledger, and has the name of a record in it",
        "restored": "an undo archived it, and it is there",
    }.get(one.kind, "")


def last_line(done: Checked) -> str:
    """Return the sum that holds: `120 made = 117 as written + 1 missing + 2 changed; 0 unexpected (…)`."""
    counts = done.counts
    parts = [f"{counts.same:,} as written", f"{counts.missing:,} missing", f"{counts.changed:,} changed"]
    parts += [f"{counts.unclear:,} unclear"] if counts.unclear else []
    parts += [f"{counts.not_compared:,} not compared"] if counts.not_compared else []
    sum_ = f"{counts.made:,} made = {' + '.join(parts)}; {counts.unexpected:,} unexpected"
    sum_ += f", {counts.restored:,} restored" if counts.restored else ""
    return f"{sum_} ({duration(done.seconds)}, {many(done.tally.requests, 'request')})"


def as_object(done: Checked, few: list[Difference]) -> dict[str, Any]:
    """Return how the check ended as the object that --json prints, with the first few differences."""
    counts = {name: getattr(done.counts, name) for name in Counts.__slots__}
    return {
        "schema": 1,
        "status": int(done.status),
        "reason": done.reason,
        "hint": done.hint,
        "counts": counts,
        "left_out": list(done.left_out),
        "at_work": done.at_work,
        "differences": [as_row(one) for one in few],
        "requests": done.tally.requests,
        "account": done.account.id,
        "base_url": done.account.base_url,
        "ledger": str(done.ledger),
        "seconds": round(done.seconds, 3),
    }
