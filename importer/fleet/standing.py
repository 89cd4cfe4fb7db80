"""Where an import stands, and what follows from how its process ended. Pure.

    waiting ──▶ running ──▶ done | done_with_failures | unresolved | failed
       ▲           │
       └───────────┴── lost (at once), held (after 2, 4 … 60 s), paused (at its time)

An import whose account was refused is `blocked` without having been begun.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from importer.errors import ExitStatus
from importer.fleet.model import Ended

_LOOK_FIRST_S: Final = 2.0
_LOOK_LAST_S: Final = 60.0
CRASHES_MAX: Final = 1  #: how often an import is begun again after an internal error


class State(StrEnum):
    """Where an import stands in this round."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    HELD = "held"
    BLOCKED = "blocked"
    DONE = "done"
    DONE_WITH_FAILURES = "done_with_failures"
    UNRESOLVED = "unresolved"
    FAILED = "failed"


#: What nothing follows after in this round.
FINAL: Final = frozenset(
    {State.BLOCKED, State.DONE, State.DONE_WITH_FAILURES, State.UNRESOLVED, State.FAILED}
)  # fmt: skip
#: Statuses after which the pass over the sources is complete.
COMPLETE: Final[Mapping[int, State]] = {
    ExitStatus.OK: State.DONE,
    ExitStatus.SOME_FAILED: State.DONE_WITH_FAILURES,
    ExitStatus.UNRESOLVED: State.UNRESOLVED,
}
#: Statuses of a process that somebody stopped: it went as far as its ledger says.
_STOPPED: Final = frozenset({ExitStatus.INTERRUPTED, ExitStatus.TERMINATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one import stands."""

    state: State = State.WAITING
    losses: int = 0  #: how often its process or worker was lost
    crashes: int = 0  #: how often it ended with an internal error
    looks: int = 0  #: how often in a row it was held by another
    until: float | None = None  #: epoch seconds before which it is not begun
    status: int | None = None  #: exit status of the latest end
    reason: str | None = None  #: one sentence for people
    where: str = ""  #: host and process of the latest run


def begun(standing: Standing) -> Standing:
    """Return the standing of an import that is at work from now on."""
    return replace(standing, state=State.RUNNING, until=None, status=None, reason=None, where="")


def blocked(standing: Standing, account: str) -> Standing:
    """Return the standing of an import that is not begun, since its account was refused."""
    return replace(standing, state=State.BLOCKED, until=None, reason=f"the account {account} was refused (exit 4)")


def followed(standing: Standing, ended: Ended, *, now: float, retries: int, wait_max_s: float) -> Standing:
    """Return what follows for a running import from the end of its process.

    `now` and the times in the result are epoch seconds. Held and lost imports are waited for; `wait_max_s` is the
    longest pause that is: a longer one, or one whose end nobody knows, stays `paused` without a time.
    """
    told = replace(
        standing, status=ended.status, where=ended.where, reason=ended.said or ended.lost, until=None, looks=0
    )
    if ended.status is None or ended.status in _STOPPED:
        return _lost(told, retries, now)
    if ended.status in COMPLETE:
        return replace(told, state=COMPLETE[ended.status])
    if ended.status == ExitStatus.HELD:
        wait_s = min(_LOOK_FIRST_S * 2 ** min(standing.looks, 10), _LOOK_LAST_S)
        return replace(told, state=State.HELD, looks=standing.looks + 1, until=now + wait_s)
    if ended.status == ExitStatus.PAUSED:
        near = ended.pause_until is not None and ended.pause_until <= now + wait_max_s
        return replace(told, state=State.PAUSED, until=ended.pause_until if near else None)
    if ended.status == ExitStatus.INTERNAL and standing.crashes < CRASHES_MAX:
        return replace(told, state=State.WAITING, crashes=standing.crashes + 1, until=now)
    return replace(told, state=State.FAILED)


def _lost(told: Standing, retries: int, now: float) -> Standing:
    losses = told.losses + 1
    if losses <= retries:
        return replace(told, state=State.WAITING, losses=losses, until=now)
    return replace(told, state=State.FAILED, losses=losses, status=None, reason=f"lost {losses} times: {told.reason}")


def over(standing: Standing) -> bool:
    """Return whether nothing more happens to the import in this round."""
    return standing.state in FINAL or (standing.state is State.PAUSED and standing.until is None)
