"""Progress: how far, how fast, how many failed. A bar on a terminal, a plain line every 10 s elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import anyio

from importer.cli.screen import Screen, clean, is_terminal
from importer.model import BATCH_RECORDS_MAX, State
from importer.report.books import Tally
from importer.report.words import duration

Mode = Literal["auto", "always", "never"]

LINE_EVERY_S: Final = 10.0
BAR_EVERY_S: Final = 0.25
_WINDOW_S: Final = 10.0  #: speeds are those of so many last seconds, in which HubSpot counts requests, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The counts at one moment."""

    at_s: float  #: monotonic
    rows: int
    settled: int  #: rows in a state
    created: int
    skipped: int
    failed: int
    unresolved: int
    requests: int
    bytes_read: int


def snapshot(tally: Tally, now_s: float) -> Snapshot:
    """Return the counts as they stand."""
    return Snapshot(
        at_s=now_s,
        rows=tally.rows_read,
        settled=tally.books().accounted,
        created=tally.ended[State.CREATED],
        skipped=tally.ended[State.SKIPPED],
        failed=tally.ended[State.FAILED],
        unresolved=tally.ended[State.UNRESOLVED],
        requests=tally.requests,
        bytes_read=tally.bytes_read,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What progress shows, in figures."""

    share: float | None  #: of all rows that is settled, 0 to 1; None when the size of the sources is unknown
    left_s: float | None  #: estimate of the seconds left
    rows_per_s: float
    in_window: float  #: requests in the latest 10 s, as HubSpot counts them


def view(tally: Tally, before: Snapshot, now: Snapshot) -> View:
    """Return the speeds between two moments and what they promise.

    The rows of the sources are not known before their end; they are estimated from the bytes read so far.
    """
    seconds = max(now.at_s - before.at_s, 1e-9)
    rows_per_s = (now.settled - before.settled) / seconds
    total = tally.bytes_total
    rows_total = now.rows * max(total / now.bytes_read, 1.0) if total and now.bytes_read and now.rows else None
    left = max(rows_total - now.settled, 0.0) if rows_total is not None else None
    return View(
        share=min(now.settled / rows_total, 1.0) if rows_total is not None else None,
        left_s=_left_s(tally, before, now, left) if left and rows_per_s > 0 else None,
        rows_per_s=rows_per_s,
        in_window=(now.requests - before.requests) / max(seconds / _WINDOW_S, 1.0),
    )


def _left_s(tally: Tally, before: Snapshot, now: Snapshot, rows: float) -> float:
    """Return how long so many rows take at the speed of late, yet no faster than HubSpot permits what has to be sent.

    A run begins with a burst, as many requests as a window takes; its speed lasts no longer than that window.
    """
    settled = now.settled - before.settled
    at_speed = rows / settled * (now.at_s - before.at_s)
    if not tally.permitted_per_s:
        return at_speed
    sent = (now.created - before.created) / settled
    return max(at_speed, rows * sent / BATCH_RECORDS_MAX / tally.permitted_per_s)


def line(tally: Tally, before: Snapshot, now: Snapshot) -> str:
    """Return one plain line that answers the three questions."""
    seen = view(tally, before, now)
    parts = [", ".join(words for words, _style in counts(tally, now))]
    if seen.share is not None:
        parts.append(f"{seen.share:.0%}" + (f", about {duration(seen.left_s)} left" if seen.left_s is not None else ""))
    parts.append(f"{seen.rows_per_s:,.0f} rows/s, {rate(tally, seen)}, {workers(tally)}")
    trouble, waits = last_error(tally), waiting(tally, now.at_s)
    parts += [trouble] if trouble else []
    parts += [f"waiting: {waits}"] if waits else []
    return clean("; ".join(parts))


def counts(tally: Tally, now: Snapshot) -> list[tuple[str, str]]:
    """Return how many rows stand where, each with its style; of the rarer states only those that there are."""
    told = [
        (now.rows, "read", ""),
        (now.created, "created", "green"),
        (now.skipped, "skipped", ""),
        (now.failed, "failed", "red"),
        (now.unresolved, "unresolved", "red"),
        (tally.doubted, "in doubt", "yellow"),
    ]
    always = {"read", "created", "failed"}
    shown = [
        (f"{number:,} {word}", style if number else "") for number, word, style in told if number or word in always
    ]
    expected = tally.items_expected
    return shown + ([(f"{tally.items.made:,} of {expected:,} items made", "")] if expected else [])


def rate(tally: Tally, seen: View) -> str:
    """Return how much of the rate limit is used, and permitted where that is known."""
    of = f" of {tally.permitted_per_s * _WINDOW_S:,.0f}" if tally.permitted_per_s is not None else ""
    return f"{seen.in_window:,.0f}{of} requests in {_WINDOW_S:.0f} s"


def workers(tally: Tally) -> str:
    """Return how many workers have a request on its way, of those that may."""
    return f"{tally.in_flight} of {tally.workers} workers busy"


def last_error(tally: Tally) -> str | None:
    """Return the latest error that was or is to be made good, and whether it has been; None where there was none."""
    if tally.trouble is None:
        return None
    return f"last error: {tally.trouble} ({'cured' if tally.cured else 'not cured yet'})"


def waiting(tally: Tally, now_s: float) -> str | None:
    """Return why nothing is sent just now, with the time left where that is known; None if it is."""
    if tally.waiting_for is None:
        return None
    until = tally.waiting_until
    left = f", {duration(until - now_s)} left" if until is not None and until > now_s else ""
    return f"{tally.waiting_for}{left}"


async def show(tally: Tally, screen: Screen, mode: Mode = "auto") -> None:
    """Show progress until cancelled; a cancellation takes the bar off the screen."""
    if not is_terminal(screen.err):
        await show_lines(tally, screen, mode)
    elif not _silent(screen, mode):
        await _bar(tally, screen)


async def show_lines(tally: Tally, screen: Screen, mode: Mode = "auto") -> None:
    """Show progress as lines, also on a terminal, until cancelled; a cancellation leaves nothing."""
    if not _silent(screen, mode):
        await _lines(tally, screen.say)


def _silent(screen: Screen, mode: Mode) -> bool:
    return mode == "never" or (screen.quiet and mode != "always")


async def _lines(tally: Tally, say: Callable[[str], None]) -> None:
    """Say a line every 10 s; a cancellation leaves nothing."""
    before = snapshot(tally, anyio.current_time())
    while True:
        await anyio.sleep(LINE_EVERY_S)
        now = snapshot(tally, anyio.current_time())
        say(line(tally, before, now))
        before = now


async def _bar(tally: Tally, screen: Screen) -> None:
    """Draw a bar on the terminal; a cancellation removes it."""
    from importer.cli.bar import Bar  # noqa: PLC0415 - rich is slow to import, and most runs have no terminal

    past = [snapshot(tally, anyio.current_time())]
    with Bar(screen) as bar:
        while True:
            now = snapshot(tally, anyio.current_time())
            past = [one for one in past if now.at_s - one.at_s <= _WINDOW_S] or past[-1:]
            bar.draw(tally, now, view(tally, past[0], now))
            past.append(now)
            await anyio.sleep(BAR_EVERY_S)
