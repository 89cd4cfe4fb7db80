"""A fleet in words, for the terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from importer.cli.screen import one_line
from importer.fleet.model import Import
from importer.fleet.overview import Overview, Row
from importer.fleet.page import told, words
from importer.fleet.standing import Standing, State

SHOWN_MAX: Final = 40
_QUIET: Final = frozenset({State.DONE, State.WAITING, State.RUNNING})


def headline(seen: Overview) -> Iterator[str]:
    """Yield the lines of `fleet status`."""
    ended = " (ended)" if seen.ended else ""
    began = f", began {_moment(seen.began)}" if seen.began is not None else ""
    yield f"fleet:   {seen.directory}"
    yield f"round:   {seen.round}{began}{ended}" if seen.round else "round:   none yet"
    yield f"driver:  {seen.driver or 'none at work'}"
    yield f"imports: {told(seen.states)}"
    yield f"books:   {seen.books.line()}"
    shown = [row for row in seen.rows if row.state not in _QUIET]
    for row in shown[:SHOWN_MAX]:
        yield _row_line(row)
    if len(shown) > SHOWN_MAX:
        yield f"         and {len(shown) - SHOWN_MAX:,} more (--json shows all)"


def _row_line(row: Row) -> str:
    until = f" until {_moment(row.until)}" if row.until is not None else ""
    why = f": {one_line(row.reason)}" if row.reason else ""
    return f"{words(row.state)}{until}: {row.name} (account {row.account}){why}"


def changed_line(name: str, standing: Standing) -> str:
    """Return what is said when an import's standing changes."""
    until = (
        f" until {_moment(standing.until)}" if standing.until is not None and standing.state != State.WAITING else ""
    )
    again = ", again" if standing.state is State.WAITING else ""
    why = f": {one_line(standing.reason)}" if standing.reason else ""
    return f"{name}: {words(standing.state)}{again}{until}{why}"


def listed(imports: Sequence[Import], done: Mapping[str, Standing]) -> Iterable[str]:
    """Yield a line for each import: its index for --only, its name, and what it reads."""
    for index, one in enumerate(imports):
        state = words(done[one.name].state) if one.name in done else "to run"
        yield f"{index}  {one.name}  account {one.account}  {state}  {', '.join(one.sources)}"


def _moment(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="seconds")
