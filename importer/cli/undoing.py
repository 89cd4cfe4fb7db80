"""`undo`: what would be archived, the question, and how it ended, for people and for scripts."""

import json
import re
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread

from importer import runs
from importer.archiving import Ended, Fate
from importer.cli.beside import Beside, changes
from importer.cli.commands import plan_of_ledger, with_settings
from importer.cli.pasting import command_line
from importer.cli.screen import Screen, clean, is_terminal, one_line
from importer.cli.session import describe
from importer.errors import ExitStatus, UsageError
from importer.ledger.projections import as_lines
from importer.preflight import Account
from importer.producing import open_list
from importer.report.books import Tally
from importer.report.words import duration, many
from importer.settings import Loaded
from importer.stopping import Stop, StoppedError
from importer.undone import UndoBooks, Undone, Wish

UNDONE: Final = "undone.jsonl"
SHOWN_MAX: Final = 5  #: campaigns of each fate that are shown
_RUNS: Final = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")
_OWN: Final = ("run", "dry_run", "even_if_changed")
_WORDS: Final = {
    Fate.ARCHIVED: "archived",
    Fate.EARLIER: "archived before",
    Fate.MISSING: "gone already",
    Fate.UPDATED: "updated by a later run (left)",
    Fate.CHANGED: "changed (left)",
    Fate.STANDS: "still there",
    Fate.UNCLEAR: "unclear",
    Fate.LEFT: "not reached",
}
#: Fates that deserve a line for each of the first few, and what to say of them.
_SHOWN: Final = (Fate.UPDATED, Fate.CHANGED, Fate.STANDS, Fate.UNCLEAR)
_CONTINUES: Final = frozenset({ExitStatus.PAUSED, ExitStatus.INTERRUPTED, ExitStatus.TERMINATED, ExitStatus.ACCESS,
                               ExitStatus.LEDGER})  # fmt: skip


def undo(ledger: str, flags: Mapping[str, Any], argv: Sequence[str]) -> int:
    """Archive what a run made, after a yes; return the exit status."""
    settings = {name: value for name, value in flags.items() if name not in _OWN}

    def begin(loaded: Loaded, screen: Screen) -> int:
        look_only = bool(flags.get("dry_run") or loaded.settings.dry_run)
        loaded = replace(loaded, settings=loaded.settings.model_copy(update={"dry_run": False}))  # it does ask HubSpot
        yes = loaded.settings.yes and not look_only
        someone = is_terminal(sys.stdin) and is_terminal(screen.err)
        wish = Wish(
            runs=_runs(flags.get("run")), even_if_changed=bool(flags.get("even_if_changed")),
            look_only=look_only or not (yes or someone),
        )  # fmt: skip
        plan = plan_of_ledger(loaded, Path(ledger))
        shown = _Shown(screen, Path(ledger))
        with Beside(plan=plan, settings=loaded.settings, screen=screen, told=shown.progress) as beside:

            async def work(tally: Tally, stop: Stop) -> Undone:
                ask = None if yes or wish.look_only else _asker(shown, stop)
                return await runs.take_back(
                    plan, wish, tally=tally, books=shown.books, stop=stop, greet=shown.greet, ask=ask, tell=shown.tell
                )

            done = beside.run(work)
            shown.close()
        shown.ending(done, argv, as_json=loaded.settings.json_output)
        return int(done.status)

    return with_settings(settings, begin)


def _runs(typed: str | None) -> tuple[int, int] | None:
    """Return which runs `--run` means: a number, from and to, all (None), or nothing said: the latest."""
    if typed is None:
        return 0, 0
    found = _RUNS.fullmatch(typed)
    if found is not None and int(found[1]):
        return int(found[1]), int(found[2] or found[1])
    if typed == "all":
        return None
    raise UsageError(f'--run takes the number of a run, 2-5, or all, not "{typed}"', hint="importer status LEDGER")


def _asker(shown: "_Shown", stop: Stop) -> Any:
    """Return the question between the look and the archiving."""

    async def ask(account: Account, meant: tuple[int, int], books: UndoBooks) -> bool:
        shown.looked(meant, books)
        would = books.fates[Fate.LEFT] + books.fates[Fate.MISSING]
        if not would:
            return False
        whose = describe(account).removesuffix(f" at {account.base_url}")
        shown.screen.say(f"Archive {many(would, 'campaign')} in {whose}? [y/N] (--yes answers)")
        answer, shown.asking = "", True
        with suppress(StoppedError), stop.interruptible():
            answer = await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
        shown.begin_anew()
        return answer.strip().casefold() in {"y", "yes"}

    return ask


class _Shown:
    """What an undo has told so far, and how it is shown."""

    def __init__(self, screen: Screen, ledger: Path) -> None:
        """Begin with nothing told."""
        self.screen, self.ledger = screen, ledger
        self.books = UndoBooks()
        self.few: dict[Fate, list[Ended]] = {}
        self._told_look = self._looking = False
        self.asking = False  #: nothing is drawn over a question
        self._file: Any = None
        self._opening: Any = None
        self._telling = threading.Lock()  # each worker tells from a thread of its own

    def greet(self, account: Account) -> None:
        """Say whose account it is."""
        self.screen.notice(f"account: {describe(account)}", style="bold" if account.production else None)
        self.screen.notice(f"ledger: {self.ledger}")

    def tell(self, ended: list[Ended], look_only: bool) -> None:
        """Keep the first few of each fate and, unless it was only a look, write a row for each. Blocks."""
        with self._telling:
            for one in ended:
                kept = self.few.setdefault(one.fate, [])
                if len(kept) < SHOWN_MAX:
                    kept.append(one)
            self._looking = look_only
            if look_only:
                return
            if self._file is None:
                self._opening = open_list(self.ledger / UNDONE)
                self._file = self._opening.__enter__()
            self._file.write(as_lines([row(one) for one in ended]))

    def close(self) -> None:
        """Close the list of what was done. Blocks."""
        if self._opening is not None:
            self._opening.__exit__(None, None, None)

    def begin_anew(self) -> None:
        """Forget what the look told, and go on."""
        self.few, self.asking = {}, False

    def progress(self, tally: Tally) -> str:
        """Return one line that says how far it is; nothing while a question waits for its answer."""
        if self.asking:
            return ""
        parts = [f"{self.books.made:,} looked at"]
        words = _WORDS | ({Fate.LEFT: "as written"} if self._looking else {})
        parts += [f"{count:,} {words[fate]}" for fate, count in self.books.fates.items() if count]
        parts.append(many(tally.requests, "request"))
        if tally.waiting_for:
            left = tally.waiting_until - anyio.current_time() if tally.waiting_until is not None else 0.0
            parts.append(f"waiting: {tally.waiting_for}" + (f", {duration(left)} left" if left > 0 else ""))
        return clean(", ".join(parts))

    def looked(self, meant: tuple[int, int], books: UndoBooks) -> None:
        """Say what would be archived, and what would be left and why."""
        self._told_look = True
        would = [one.campaign for fate in (Fate.LEFT, Fate.MISSING) for one in self.few.get(fate, ())]
        names = ", ".join(one_line(one.name, 40) for one in would[:SHOWN_MAX])
        count = books.fates[Fate.LEFT] + books.fates[Fate.MISSING]
        self.screen.say(f"would archive: {count:,} of {books.made:,} made by {_runs_shown(meant)}")
        if names:
            self.screen.say(f"  {names}{', …' * (count > len(would[:SHOWN_MAX]))}")
        self._remarks(books)

    def _remarks(self, books: UndoBooks) -> None:
        for fate in _SHOWN:
            if not books.fates[fate]:
                continue
            self.screen.say(f"{books.fates[fate]:,} {_WORDS[fate]}:", style="yellow")
            for one in self.few.get(fate, ()):
                self.screen.say(f"  {one.campaign.id} {one_line(one.campaign.name, 40)}: {_why(one)}")
        if books.updates:
            self.screen.say(f"{books.updates:,} updated by it (left: an undo puts no value back):", style="yellow")
            for update in books.first_updates:
                changed = one_line(", ".join(update.properties), 60)
                self.screen.say(f"  {update.id} {one_line(update.name, 40)}: {changed}, by run {update.run}")
        if books.fates[Fate.MISSING]:
            self.screen.notice(f"{books.fates[Fate.MISSING]:,} gone already: deleted in HubSpot by somebody")
        if books.fates[Fate.EARLIER]:
            self.screen.notice(f"{books.fates[Fate.EARLIER]:,} archived by an undo before this one")

    def ending(self, done: Undone, argv: Sequence[str], *, as_json: bool) -> None:
        """Say how it ended: talk to stderr, the sum that holds (or, `as_json`, an object) to stdout."""
        screen, books = self.screen, done.books
        if not done.looked_only:
            self._remarks(books)
        elif not self._told_look:
            self.looked(done.runs, books)
        if done.unsettled:
            screen.say(f"{done.unsettled:,} records of it cannot be told yet, and were left: they may be in HubSpot")
            screen.say(f"to settle them first: {command_line(['reconcile', str(done.ledger)])}")
        if done.reason:
            screen.say(f"{'paused' if done.status is ExitStatus.PAUSED else 'stopped'}: {done.reason}", style="red")
            if done.hint:
                screen.say(f"hint: {done.hint}")
        for words in _next_steps(done, argv):
            screen.say(words)
        if self._file is not None:
            screen.notice(f"campaign by campaign: {self.ledger / UNDONE}")
        if as_json:
            screen.data(json.dumps(as_object(done), indent=2))
            screen.say(last_line(done), style="bold")
        else:
            screen.data(clean(last_line(done)))


def _next_steps(done: Undone, argv: Sequence[str]) -> list[str]:
    """Return the next commands, ready to paste."""
    fates, again = done.books.fates, [word for word in argv if word != "--dry-run"]
    if not any(word == "--run" or word.startswith("--run=") for word in again):  # the latest may be another by then
        again += ["--run", str(done.runs[0])]
    if not done.books.made and done.books.standing_run:
        other = ["undo", str(done.ledger), "--run", str(done.books.standing_run)]
        return [f"{_runs_shown(done.runs)} made nothing; run {other[-1]} did: {command_line(other)}"]
    if done.looked_only:
        would = fates[Fate.LEFT] + fates[Fate.MISSING]
        answered = [] if "--yes" in again else ["--yes"]
        return [f"nothing was archived; to do it: {command_line([*again, *answered])}"] if would else []
    if done.status in _CONTINUES or fates[Fate.STANDS] or fates[Fate.UNCLEAR]:
        return [f"to go on: {command_line(again)}"]
    if fates[Fate.CHANGED] or fates[Fate.UPDATED]:
        return [f"to archive the changed ones too: {command_line([*again, '--even-if-changed'])}"]
    return []


def last_line(done: Undone) -> str:
    """Return the sum that holds: `12 made by run 3 = 10 archived + 2 changed (left) (1 s, 4 requests)`."""
    always = Fate.LEFT if done.looked_only else Fate.ARCHIVED
    words = _WORDS | ({Fate.LEFT: "to archive"} if done.looked_only else {})
    parts = [f"{n:,} {words[fate]}" for fate, n in done.books.fates.items() if n or fate is always]
    sum_ = f"{done.books.made:,} made by {_runs_shown(done.runs)} = {' + '.join(parts)}"
    return f"{sum_} ({duration(done.seconds)}, {many(done.tally.requests, 'request')})"


def _runs_shown(meant: tuple[int, int]) -> str:
    return f"run {meant[0]}" if meant[0] == meant[1] else f"runs {meant[0]}-{meant[1]}"


def _why(one: Ended) -> str:
    if not one.changed:
        return one_line(one.why or "")
    return changes(one.changed)


def row(one: Ended) -> dict[str, Any]:
    """Return the row of undone.jsonl of one campaign."""
    made = one.campaign
    told = {"schema": 1, "id": made.id, "name": made.name, "identity": made.identity, "source": made.source}
    told |= {"ordinal": made.ordinal, "line_number": made.line_number, "run": made.run, "fate": str(one.fate)}
    return told | {"why": one.why, "changed": {name: list(pair) for name, pair in one.changed.items()}}


def as_object(done: Undone) -> dict[str, Any]:
    """Return how it ended as the object that --json prints."""
    return {
        "schema": 1,
        "status": int(done.status),
        "reason": done.reason,
        "hint": done.hint,
        "looked_only": done.looked_only,
        "runs": list(done.runs),
        "books": {"made": done.books.made} | {str(fate): count for fate, count in done.books.fates.items()},
        "updates": done.books.updates,
        "unsettled": done.unsettled,
        "requests": done.tally.requests,
        "account": done.account.id,
        "base_url": done.account.base_url,
        "ledger": str(done.ledger),
        "at": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        "seconds": round(done.seconds, 3),
    }
