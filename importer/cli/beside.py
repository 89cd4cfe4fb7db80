"""Work that asks HubSpot and is no import (undo, verify --remote): beside it signals, a log, and how far it is."""

import shutil
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import anyio

from importer.cli.interrupts import watch_signals
from importer.cli.progress import LINE_EVERY_S
from importer.cli.screen import Screen, is_terminal, one_line
from importer.cli.session import Session, hearing, logged, plain_error
from importer.plan import Plan
from importer.report.books import Tally
from importer.settings import Settings
from importer.stopping import Stop

T = TypeVar("T")

_REDRAW_EVERY_S: Final = 0.2
_ERASE: Final = "\r\x1b[2K"


class Beside:
    """One command at work; a context, in which its log is open."""

    def __init__(self, *, plan: Plan, settings: Settings, screen: Screen, told: Callable[[Tally], str]) -> None:
        """Take what it works with; `told` returns one line that says how far it is, or nothing to be silent."""
        self._plan, self._settings, self._screen, self._told = plan, settings, screen, told
        self._open = ExitStack()
        self._log: Any = None

    def __enter__(self) -> Self:
        """Open the log."""
        self._log = self._open.enter_context(logged(self._plan, self._settings, self._screen))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the log; what nobody foresaw goes into it."""
        self._open.__exit__(kind, error, at)

    def run(self, work: Callable[[Tally, Stop], Awaitable[T]]) -> T:
        """Do `work` and return what it returns, or raise the one error that it ended in. Blocks."""
        return anyio.run(self._perform, work)

    async def _perform(self, work: Callable[[Tally, Stop], Awaitable[T]]) -> T:
        """Do the work beside progress and signals; a cancellation goes to the work."""
        stop, tally, done = Stop(), Tally(), list[T]()
        session = Session(plan=self._plan, settings=self._settings, screen=self._screen, log=self._log)
        failure: Exception | None = None
        async with anyio.create_task_group() as beside:
            await beside.start(partial(watch_signals, stop, hearing(session), cuts=True))
            beside.start_soon(self._show, tally)
            try:
                done.append(await work(tally, stop))
            except Exception as error:  # noqa: BLE001 - raised below, outside the group, which would wrap it
                failure = error
            beside.cancel_scope.cancel()
        if failure is not None:
            raise plain_error(failure)
        return done[0]

    async def _show(self, tally: Tally) -> None:
        """Say how far it is, until cancelled: on a terminal one line, drawn again, elsewhere a line now and then."""
        mode, screen = self._settings.progress, self._screen
        if mode == "never" or (screen.quiet and mode != "always"):
            return
        if not is_terminal(screen.err):
            while True:
                await anyio.sleep(LINE_EVERY_S)
                told = self._told(tally)
                if told:
                    screen.say(told)
        with screen.under(lambda line: self._write(f"{_ERASE}{line}\n")):
            try:
                while True:
                    await anyio.sleep(_REDRAW_EVERY_S)
                    told = self._told(tally)
                    if told:  # nothing is drawn over a question
                        self._write(f"{_ERASE}{told[: self._columns()]}")
            finally:
                self._write(_ERASE)

    def _write(self, text: str) -> None:
        if self._screen.err is not None:
            self._screen.err.write(text)
            self._screen.err.flush()

    @staticmethod
    def _columns() -> int:
        return max(shutil.get_terminal_size().columns - 1, 20)


def changes(changed: Mapping[str, tuple[str, str]]) -> str:
    """Return properties with their values as written and as shown, for people, on one line."""
    told = [f"{name}: '{one_line(written, 30)}' is now '{one_line(now, 30)}'"
            for name, (written, now) in sorted(changed.items())]  # fmt: skip
    return ", ".join(told)
