"""A canary for people: what came back of the first batch, beside what was sent, and the question whether to go on."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import anyio
import anyio.to_thread

from importer.canary import Compared, Seen, Value, go_on, nobody_to_ask
from importer.cli import progress
from importer.cli.screen import Screen, is_terminal, one_line
from importer.plan import Plan
from importer.report.books import Tally
from importer.report.words import many

_WIDTHS: Final = (12, 40)  #: of a column of the table, in characters: least and most
_HEADS: Final = ("property", "sent", "at HubSpot")
_FAILED_SHOWN_MAX: Final = 3


@dataclass(slots=True, kw_only=True)
class Judge:
    """Shows what came back, asks where somebody can answer, and stops the run where nobody can."""

    screen: Screen
    yes: bool  #: go on without asking
    listens: bool  #: whether an answer can be typed
    over: anyio.Event = field(default_factory=anyio.Event)  #: the bar may be drawn now
    stopped: bool = False  #: whether it ended the run

    async def __call__(self, seen: Seen) -> str | None:
        """Return why the run is to stop, None to go on. Cancellation: nothing was decided, so it does not go on."""
        for line, style in told(seen):
            self.screen.say(line, style=style)
        why = None
        if seen.more:
            why = await go_on(seen) if self.yes else await self._asked(seen)
        self.stopped = why is not None
        self.over.set()
        return why

    async def _asked(self, seen: Seen) -> str | None:
        if not self.listens:
            return await nobody_to_ask(seen)
        self.screen.say("Send the rest? [y/N] (--yes answers)")
        answer = await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
        if answer.strip().casefold() in {"y", "yes"}:
            return None
        return "the question after the canary was not answered with yes"


def judging(plan: Plan, screen: Screen, *, yes: bool) -> tuple[Plan, Judge | None]:
    """Return the plan with a judge that speaks on `screen`, and that judge; both as they were without a canary."""
    if plan.canary is None:
        return plan, None
    listens = is_terminal(sys.stdin) and is_terminal(screen.err) and "-" not in plan.sources
    judge = Judge(screen=screen, yes=yes, listens=listens)
    return replace(plan, canary=judge), judge


async def show_progress(judge: Judge, tally: Tally, screen: Screen, mode: progress.Mode) -> None:
    """Show lines until the question is answered, which a bar would draw over; then as usual, until cancelled."""
    screen.notice("canary: the first batch is sent alone; nothing follows until its answer has been looked at")
    async with anyio.create_task_group() as until:
        until.start_soon(progress.show_lines, tally, screen, mode)
        await judge.over.wait()
        until.cancel_scope.cancel()
    await progress.show(tally, screen, mode)


def without_canary(argv: Sequence[str]) -> list[str]:
    """Return the words of the command that sends the rest: without `--canary`, or against what a file sets."""
    rest = [word for word in argv if word != "--canary"]
    return rest if len(rest) < len(argv) else [*rest, "--no-canary"]


# What is shown


def told(seen: Seen) -> list[tuple[str, str | None]]:
    """Return the lines that say what came back, each with its style."""
    made = len(seen.compared)
    parts = [f"{made:,} created", f"{len(seen.failed):,} failed"]
    parts += [f"{seen.unsettled:,} not settled"] if seen.unsettled else []
    lines: list[tuple[str, str | None]] = [(f"canary: {many(seen.records, 'record')} sent: {', '.join(parts)}", "bold")]
    lines += [(f"  {_refusal(row)}", "red") for row in seen.failed[:_FAILED_SHOWN_MAX]]
    if len(seen.failed) > _FAILED_SHOWN_MAX:
        lines.append((f"  and {len(seen.failed) - _FAILED_SHOWN_MAX} more: failures.jsonl in the ledger", "red"))
    if not made:
        return lines
    if seen.unread is not None:
        lines.append((f"  not read back ({one_line(seen.unread)}): the values are those of HubSpot's answer", "yellow"))
    for one in seen.shown:
        lines += _table(one)
    if seen.differing:
        lines.append((f"{seen.differing:,} of {made:,} differ from what was sent (marked ≠)", "yellow"))
    else:
        lines.append((f"all {made:,} are at HubSpot as they were sent", "green"))
    return lines


def _refusal(row: Mapping[str, Any]) -> str:
    at = row["ordinal"] + 1 if row["line_number"] is None else row["line_number"]
    return one_line(f"{row['source']}:{at}: {row['code']}: {row['message']}")


def _table(one: Compared) -> list[tuple[str, str | None]]:
    rows = [_cells(value) for value in one.values]
    widths = [_width([_HEADS[at], *(row[at] for row in rows)]) for at in range(2)]
    lines: list[tuple[str, str | None]] = [(one_line(f"  {one.place}  {one.name}  (campaign {one.id})"), "bold")]
    lines.append((f"    {_line(_HEADS, widths)}", "dim"))
    for row, value in zip(rows, one.values, strict=True):
        lines.append((f"  {'≠' if value.differs else ' '} {_line(row, widths)}", "yellow" if value.differs else None))
    return lines


def _cells(value: Value) -> tuple[str, str, str]:
    held = "(not shown)" if value.held is None else value.held
    return one_line(value.name), one_line(value.sent), one_line(held)


def _width(cells: list[str]) -> int:
    return min(max(_WIDTHS[0], *map(len, cells)), _WIDTHS[1])


def _line(cells: tuple[str, str, str], widths: list[int]) -> str:
    first, second = (_cut(cell, width).ljust(width) for cell, width in zip(cells[:2], widths, strict=True))
    return f"{first}  {second}  {_cut(cells[2], _WIDTHS[1])}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
