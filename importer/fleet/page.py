"""fleet.html: the overview as one page that needs nothing from elsewhere and runs no script."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from importer.fleet.overview import CUT_OFF, Overview, summed
from importer.fleet.standing import State
from importer.report import page
from importer.report.charts import WIDTH, balance
from importer.report.words import many

_ATTENTION: Final = frozenset(
    {State.PAUSED, State.HELD, State.BLOCKED, State.FAILED, State.UNRESOLVED, State.DONE_WITH_FAILURES, CUT_OFF}
)
_OPEN: Final = frozenset({State.WAITING, State.RUNNING, State.PAUSED, State.HELD, CUT_OFF})


def render(seen: Overview, now: float) -> str:
    """Return the page as of `now`, epoch seconds."""
    tone, headline = _verdict(seen)
    style = page.resource("report.css")
    return page.template("fleet.html", {"moment": _moment, "words": words}).render(
        seen=seen, headline=headline, tone=tone, style=style, policy=page.policy(style), width=WIDTH,
        segments=balance(seen.books), accounts=_accounts(seen), made_at=now,
        attention=[row for row in seen.rows if row.state in _ATTENTION],
    )  # fmt: skip


def words(state: str) -> str:
    """Return a state as people say it."""
    return state.replace("_", " ")


def told(states: Mapping[str, int]) -> str:
    """Return how many imports stand where: `3 done, 1 paused`."""
    return ", ".join(f"{count:,} {words(state)}" for state, count in states.items())


def _verdict(seen: Overview) -> tuple[str, str]:
    states = seen.states
    failed = states.get(State.FAILED, 0) + states.get(State.BLOCKED, 0)
    if failed:
        return "bad", f"{many(failed, 'import')} of {len(seen.rows):,} failed"
    still = sum(states.get(state, 0) for state in _OPEN)
    if still:
        return "wait", f"{many(still, 'import')} of {len(seen.rows):,} not done yet"
    mend = states.get(State.UNRESOLVED, 0) + states.get(State.DONE_WITH_FAILURES, 0)
    if mend:
        return "mend", f"Finished; {many(mend, 'import')} with something to look at"
    return "good", "Every import is done"


def _accounts(seen: Overview) -> list[dict[str, Any]]:
    by_account: dict[str, list[Any]] = {}
    for row in seen.rows:
        by_account.setdefault(row.account, []).append(row)
    return [
        {
            "name": name,
            "told": told(_counted(rows)),
            "line": summed([row.books for row in rows if row.books is not None]).line(),
        }
        for name, rows in by_account.items()
    ]


def _counted(rows: list[Any]) -> dict[str, int]:
    states = [row.state for row in rows]
    return {state: states.count(state) for state in dict.fromkeys(states)}


def _moment(epoch_s: float) -> str:
    moment = datetime.fromtimestamp(epoch_s, UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M:%S} UTC"
