"""One rate limit for several processes, as a value that each of them changes in its turn. Pure.

The value is the rolling window of `pacing`, with all that it has learnt, and a list of the processes that take part.
A turn hands over what has ended since the last one and takes as many slots as there are and are waited for. So a
request of whatever process holds its slot until it has certainly left the server's window, a refusal holds all of them
back, and a pause is everybody's.

A process that has died cannot hand its slots over. It takes no turns any more, and after `LEASE_S` its slots count as
requests that were sent just then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from importer.pacing import RatePolicy
from importer.sharing.kept import KeptWindow

LEASE_S: Final = 30.0  #: without a turn, after which a process counts as dead
HEARTBEAT_S: Final = 5.0  #: at least so often a process that holds slots takes a turn
POLL_S: Final = 0.1  #: at least so often a process that waits for slots takes a turn
AHEAD_MAX: Final = 8  #: slots that a process may have had more than another that waits for some
_HUNGRY_S: Final = 1.0  #: so long others believe that a process waits for slots, as it said
_LEAST_S: Final = 0.02  #: between two turns of a process that waits
_ANY: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The end of a request: an answer, or none."""

    book: str  #: of the turn that gave its slot
    since: float  #: when that was, by the shared clock
    headers: Mapping[str, str] | None  #: names in lower case; None: it ended without an answer
    refused: bool = False  #: the answer was a 429


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a process hands over in one turn."""

    me: str  #: its name, which no other process has
    book: str | None  #: the one that it knows from earlier turns
    held: int  #: slots that it held when this turn began
    ended: Sequence[Ended] = ()
    returned: int = 0  #: slots whose requests were never sent
    pause_s: float = 0.0  #: so long nobody is to send
    wanted: int = 0  #: who waits for slots
    leaving: bool = False  #: this is its last turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a turn gives."""

    book: str
    since: float  #: the moment of the turn, by the shared clock
    slots: int  #: at most as many as were wanted
    held: int  #: slots that the process holds from now on
    wait_s: float | None  #: when to take the next turn, if some got none; None: all that was wanted was given
    permitted_per_s: float
    daily_remaining: int | None
    daily_limit: int | None
    reason: str  #: why there is no slot, if there is none, for people
    lost: bool = False  #: the state was not there any more


def take_turn(state: dict[str, Any], wish: Wish, policy: RatePolicy, now: float, *, lost: bool = False) -> Granted:
    """Do one turn at `now` (the shared clock, which never goes back) and change `state` by it.

    `lost` says that the state is new, and another may have been lost.
    """
    saved = state["window"]
    window = KeptWindow(policy) if saved is None else KeptWindow.restored(policy, saved)
    members: dict[str, Any] = state["members"]
    lost = lost or (wish.book is not None and wish.book != state["book"])
    if lost:  # what was sent lately stands nowhere any more
        window.pause(now + window.window_s)
        state["anew"] = now + window.window_s
    _bury(members, window, now)
    held = _registered(members, window, wish, now)
    held -= _hand_over(window, wish, state["book"], now)
    if wish.pause_s > 0:
        window.pause(now + wish.pause_s)
    if wish.leaving:
        for _ in range(held):
            window.abandoned(now)
        held, slots = 0, 0
        members.pop(wish.me, None)
    else:
        had, most = _fair(members, wish.me, now)
        slots = _take(window, min(wish.wanted, max(0, most - had)), now)
        held += slots
        members[wish.me] = {"held": held, "seen": now, "hungry": slots < wish.wanted, "had": had + slots}
    wait_s = max(_LEAST_S, min(POLL_S, window.until_free(now))) if slots < wish.wanted else None
    state["window"] = window.saved(now)
    return Granted(
        book=state["book"], since=now, slots=slots, held=held, wait_s=wait_s, lost=lost,
        permitted_per_s=window.permitted_per_s, daily_remaining=window.daily_remaining,
        daily_limit=window.daily_limit, reason=_reason(state, window, now),
    )  # fmt: skip


def _reason(state: Mapping[str, Any], window: KeptWindow, now: float) -> str:
    """Return why there is no slot, if there is none."""
    left_s: float = (state["anew"] or now) - now
    return f"the limit that begins anew, {left_s:.0f} s left" if left_s > 0 else window.reason(now)


def _bury(members: dict[str, Any], window: KeptWindow, now: float) -> None:
    """Count the slots of those who took no turn for long as sent just now."""
    for name in [name for name, member in members.items() if now - member["seen"] > LEASE_S]:
        for _ in range(members.pop(name)["held"]):
            window.abandoned(now)


def _registered(members: dict[str, Any], window: KeptWindow, wish: Wish, now: float) -> int:
    """Return how many slots the process holds, as it knows itself; the state may have been lost, or it was buried."""
    known = members[wish.me]["held"] if wish.me in members else 0
    for _ in range(wish.held - known):
        window.take_anyway()
    for _ in range(known - wish.held):
        window.abandoned(now)
    return wish.held


def _hand_over(window: KeptWindow, wish: Wish, book: str, now: float) -> int:
    """Note what has ended; return how many slots that were."""
    for one in wish.ended:
        if one.headers is None:
            window.abandoned(now)
        else:
            since = one.since if one.book == book else float("-inf")  # by another clock: it proves nothing
            window.answered(now, one.headers, since=since, refused=one.refused)
    for _ in range(wish.returned):
        window.give_back()
    return len(wish.ended) + wish.returned


def _fair(members: Mapping[str, Any], me: str, now: float) -> tuple[int, int]:
    """Return how many slots a process has had, and how many it may have at most before others who wait get theirs.

    What somebody could have had while he wanted none is not made up for.
    """
    others = [member for name, member in members.items() if name != me]
    waiting = [member["had"] for member in others if member["hungry"] and now - member["seen"] <= _HUNGRY_S]
    mine = members.get(me)
    if mine is None:
        had = min(waiting) if waiting else max((member["had"] for member in others), default=0)
    elif waiting and not mine["hungry"]:
        had = max(mine["had"], min(waiting))
    else:
        had = mine["had"]
    return had, min(waiting) + AHEAD_MAX if waiting else had + _ANY


def _take(window: KeptWindow, wanted: int, now: float) -> int:
    """Take what is wanted and there."""
    slots = 0
    while slots < wanted and window.take(now) == 0.0:
        slots += 1
    return slots
