"""How a fleet stands: from its directory alone, whether a driver is at work or not."""

import json
import os
import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from importer.fleet import marks, places
from importer.fleet.history import read_history
from importer.fleet.model import Fleet, Import
from importer.fleet.standing import FINAL, Standing, State
from importer.report.books import Books
from importer.telemetry.figures import Figure

#: Where an import stands whose driver is gone while it was at work.
CUT_OFF: Final = "cut_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One import, as it is shown."""

    name: str
    account: str
    state: str  #: a `State`, or `CUT_OFF`
    since: float | None  #: epoch seconds
    until: float | None  #: epoch seconds at which it goes on, where it waits for that
    losses: int
    reason: str | None
    where: str
    ledger: str
    books: Books | None  #: of the latest run that ended; None where none did, or one is at work


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A fleet, as it is shown."""

    directory: str
    round: int  #: 0 before the first
    began: float | None
    ended: bool
    driver: str | None  #: who drives it now, in words; None where nobody does
    rows: tuple[Row, ...]

    @property
    def states(self) -> dict[str, int]:
        """How many imports stand where."""
        return dict(sorted(Counter(row.state for row in self.rows).items()))

    @property
    def books(self) -> Books:
        """The books of the latest ends, summed."""
        return summed(row.books for row in self.rows if row.books is not None)


def summed(several: Iterator[Books] | Sequence[Books]) -> Books:
    """Return books added up."""
    total: Counter[str] = Counter()
    for books in several:
        total.update({field.name: getattr(books, field.name) for field in fields(Books)})
    return Books(**total)


def look_at_fleet(fleet: Fleet) -> Overview:
    """Return how a fleet stands. Blocks; writes nothing and takes no lock."""
    current = marks.read_round(fleet)
    driver = _driver(fleet)
    told = read_history(fleet, current.number) if current is not None else {}
    rows = tuple(_row(one, current, told.get(one.name), at_work=driver is not None) for one in fleet.imports)
    return Overview(
        directory=fleet.directory, round=current.number if current else 0, began=current.began if current else None,
        ended=current.ended if current else False, driver=driver, rows=rows,
    )  # fmt: skip


def _row(one: Import, current: marks.Round | None, told: tuple[float, Standing] | None, *, at_work: bool) -> Row:
    since, standing = told or (None, Standing())
    end = marks.last_end(one)
    state: str = standing.state
    mark = current.marks.get(one.name, 0) if current is not None else 0
    done = current is not None and marks.last_end(one, mark)
    if done and done.complete and standing.state not in FINAL:
        state = marks.state_of(done.books)  # the ledger knows more than the history: a driver died in between
    elif standing.state is State.RUNNING and not at_work:
        state = CUT_OFF
    return Row(
        name=one.name, account=one.account, state=str(state), since=since, until=standing.until,
        losses=standing.losses, reason=standing.reason, where=standing.where, ledger=one.ledger,
        books=end.books if end is not None else None,
    )  # fmt: skip


def _driver(fleet: Fleet) -> str | None:
    """Return who drives the fleet, as far as it can be told from here without touching the lock."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        holder: Mapping[str, Any] = json.loads(Path(places.within(fleet, places.DRIVER)).read_bytes())
        if holder["host"] == socket.gethostname() and not _alive(int(holder["pid"])):
            return None
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def as_json(seen: Overview) -> dict[str, Any]:
    """Return an overview as plain JSON values."""
    return {
        "directory": seen.directory,
        "round": seen.round,
        "began": seen.began,
        "ended": seen.ended,
        "driver": seen.driver,
        "states": seen.states,
        "books": _plain(seen.books),
        "imports": [
            {name: getattr(row, name) for name in Row.__dataclass_fields__ if name != "books"}
            | {"books": _plain(row.books) if row.books is not None else None}
            for row in seen.rows
        ],
    }


def _plain(books: Books) -> dict[str, int]:
    return {field.name: getattr(books, field.name) for field in fields(Books)}


def figures(seen: Overview, now: float) -> Iterator[Figure]:
    """Yield a fleet's figures by account, for Prometheus."""
    imports: Counter[tuple[tuple[str, str], ...]] = Counter()
    rows: Counter[tuple[tuple[str, str], ...]] = Counter()
    losses: Counter[tuple[tuple[str, str], ...]] = Counter()
    for row in seen.rows:
        account = ("account", row.account)
        imports[(account, ("state", row.state))] += 1
        losses[(account,)] += row.losses
        for state, count in _plain(row.books).items() if row.books is not None else ():
            if state != "read":
                rows[(account, ("state", state))] += count
    yield Figure("fleet_imports", "gauge", "Imports of the fleet by where they stand.", imports)
    yield Figure("fleet_rows", "gauge", "Rows of the latest run of each import, by how they ended.", rows)
    yield Figure("fleet_losses", "gauge", "How often imports were lost and begun again in this round.", losses)
    yield Figure("fleet_round", "gauge", "Number of the round.", {(): float(seen.round)})
    yield Figure("fleet_updated_timestamp_seconds", "gauge", "When these figures were told.", {(): now})
