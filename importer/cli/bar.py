"""The bar, drawn by rich; loaded only when there is a terminal to draw it on."""

from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from importer.cli.progress import Snapshot, View, counts, last_error, rate, waiting, workers
from importer.cli.screen import Screen, clean, wants_colour
from importer.report.books import Tally
from importer.report.words import duration


class _Terminal(Console):
    """A console which falls silent, rather than end the process, when its terminal is gone."""

    def on_broken_pipe(self) -> None:
        """Write nothing more."""
        self.quiet = True


class Bar:
    """A few lines at the bottom of the terminal: how far, how fast, how many failed, the last error, any wait."""

    def __init__(self, screen: Screen) -> None:
        """Draw on the screen's stream for talk."""
        colour = wants_colour(screen.err)
        console = _Terminal(file=screen.err, force_terminal=True, no_color=not colour, highlight=False)
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._stack = ExitStack()
        self._screen = screen

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start()
        self._stack.callback(self._live.stop)
        self._stack.enter_context(self._screen.under(self.say))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        with suppress(OSError, ValueError):  # the terminal may be gone
            self._stack.close()

    def say(self, line: str) -> None:
        """Write a line above the bar; one that cannot be written is let go."""
        with suppress(OSError, ValueError):
            self._live.console.print(Text.from_ansi(line), soft_wrap=True)

    def draw(self, tally: Tally, now: Snapshot, seen: View) -> None:
        """Draw the counts as they stand."""
        with suppress(OSError, ValueError):  # the terminal may be gone
            self._live.update(_picture(tally, now, seen), refresh=True)


def _picture(tally: Tally, now: Snapshot, seen: View) -> Group:
    far = Table.grid(padding=(0, 1), expand=False)
    share = seen.share or 0.0
    left = f"about {duration(seen.left_s)} left" if seen.left_s is not None else ""
    far.add_row(
        ProgressBar(  # rich's own colours are those of an alarm
            total=1.0,
            completed=share,
            width=40,
            pulse=seen.share is None,
            complete_style="cyan",
            finished_style="green",
            pulse_style="cyan",
        ),
        Text(f"{share:.0%}" if seen.share is not None else ""),
        Text(left, style="dim"),
    )
    told = Text(", ").join(Text(words, style=style) for words, style in counts(tally, now))
    speed = Text(f"{seen.rows_per_s:,.0f} rows/s, {rate(tally, seen)}, {workers(tally)}")
    rows: list[Table | Text] = [far, told, speed]
    trouble, waits = last_error(tally), waiting(tally, now.at_s)
    if trouble:
        rows.append(_line(trouble, "green" if tally.cured else "yellow"))
    if waits:
        rows.append(_line(f"waiting: {waits}", "yellow"))
    return Group(*rows)


def _line(text: str, style: str) -> Text:
    return Text(clean(text), style=style, no_wrap=True, overflow="ellipsis")
