"""A round: every import once. What of it is done is read from the ledgers, so a driver that dies forgets nothing.

As a round begins, the size of each journal is noted. An import is done when its journal holds, behind that mark, the
end of a complete pass, and that run's summary is there. No clock is compared: the hosts' may differ.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from importer.fleet import places
from importer.fleet.model import Fleet, Import
from importer.fleet.standing import Standing, State
from importer.ledger.replay import JOURNAL
from importer.report.books import Books
from importer.report.private import write_private
from importer.reporting import RUNS, SUMMARY

_BLOCK: Final = 1 << 16
_ENDS: Final = (b'"t":"end"', b'"t":"stop"')
_HEAD: Final = 40  #: characters of a line in which its type stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round: every import of the fleet once."""

    number: int
    began: float  #: epoch seconds
    marks: Mapping[str, int]  #: import → bytes of its journal as the round began
    ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LastEnd:
    """How a run in a ledger ended, as its journal says."""

    run: int
    at: float  #: epoch seconds by the clock of the host it ran on
    complete: bool  #: whether the pass came to its end
    books: Books


def read_round(fleet: Fleet) -> Round | None:
    """Return the latest round; None where there was none, or its file is broken. Blocks."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        told = json.loads(Path(places.within(fleet, places.ROUND)).read_bytes())
        return Round(number=told["number"], began=told["began"], marks=told["marks"], ended=told["ended"])
    return None


def write_round(fleet: Fleet, current: Round) -> None:
    """Keep a round. Blocks; raises `OSError`."""
    told = {
        "number": current.number,
        "began": current.began,
        "ended": current.ended,
        "marks": dict(current.marks),
    }
    write_private(Path(places.within(fleet, places.ROUND)), json.dumps(told).encode())


def current_round(fleet: Fleet, now: float) -> Round:
    """Return the round that was cut off, to be gone on with, or a new one. Blocks; raises `OSError`.

    An import that is new in the fleet file has no mark: all of its journal counts as of before.
    """
    latest = read_round(fleet)
    if latest is not None and not latest.ended:
        new = {one.name: size_of(one) for one in fleet.imports if one.name not in latest.marks}
        current = Round(number=latest.number, began=latest.began, marks={**latest.marks, **new})
    else:
        marks = {one.name: size_of(one) for one in fleet.imports}
        current = Round(number=latest.number + 1 if latest else 1, began=now, marks=marks)
    write_round(fleet, current)
    return current


def size_of(one: Import) -> int:
    """Return the bytes of an import's journal; 0 where there is none."""
    try:
        return (Path(one.ledger) / JOURNAL).stat().st_size
    except OSError:
        return 0


def done_in(current: Round, imports: Iterable[Import]) -> dict[str, Standing]:
    """Return the standings of the imports that are done in this round, as their ledgers tell. Blocks."""
    found = {}
    for one in imports:
        end = last_end(one, current.marks.get(one.name, 0))
        if end is not None and end.complete and _told(one, end):
            found[one.name] = Standing(state=state_of(end.books), reason="its ledger says so")
    return found


def _told(one: Import, end: LastEnd) -> bool:
    """Return whether the run came to write its summary: one killed before may not have written all of its results."""
    return (Path(one.ledger) / RUNS / f"{end.run:04d}" / SUMMARY).exists()


def state_of(books: Books) -> State:
    """Return the state of an import whose pass is complete."""
    if books.unresolved or books.in_doubt:
        return State.UNRESOLVED
    return State.DONE_WITH_FAILURES if books.failed else State.DONE


def last_end(one: Import, mark: int = 0) -> LastEnd | None:
    """Return how the latest run ended whose end stands behind `mark` in the journal; None where there is none.

    None, too, while a run is at work, or was killed: then something else stands behind the latest end. Blocks.
    """
    for line in _lines_backwards(Path(one.ledger) / JOURNAL, mark):
        head = line[:_HEAD]
        if b'"t":"run"' in head:
            return None
        if any(mark in head for mark in _ENDS):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                entry: dict[str, Any] = json.loads(line)
                return LastEnd(
                    run=entry["run"], at=entry["at"], complete=entry["t"] == "end", books=Books(**entry["books"])
                )
            return None
    return None


def _lines_backwards(path: Path, mark: int) -> Iterator[bytes]:
    """Yield the whole lines behind the first `mark` bytes of a file, the last one first; none of what is not there."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        end = file.seek(0, 2)
        at, rest = end, b""
        floor = mark if mark <= end else 0  # the journal is another one than the round began with
        while at > floor:
            size = min(_BLOCK, at - floor)
            at -= size
            file.seek(at)
            lines = (file.read(size) + rest).split(b"\n")
            rest = lines[0]
            yield from (line for line in reversed(lines[1:]) if line)
        if rest:
            yield rest
