"""The screen: stdout is data, stderr is talk; nothing shown can steer the terminal, and a closed pipe ends no run."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, TextIO

from importer import legible

_STYLES: Final = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "dim": "2"}

clean, one_line = legible.clean, legible.one_line


def wants_colour(stream: TextIO | None) -> bool:
    """Whether `stream` takes colour: NO_COLOR forbids it, FORCE_COLOR demands it, else terminals get it."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody sits behind `stream`."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


class Screen:
    """Where the command line speaks. Each stream falls silent, for good, when nobody listens any more."""

    def __init__(self, stdout: TextIO | None = None, stderr: TextIO | None = None, *, quiet: bool = False) -> None:
        """Take the streams (default: the process's own); `quiet` drops notices."""
        self._out = sys.stdout if stdout is None else stdout
        self._err = sys.stderr if stderr is None else stderr
        self.quiet = quiet
        self._colour = wants_colour(self._err)
        self._above: Callable[[str], None] | None = None

    @property
    def err(self) -> TextIO | None:
        """The stream for talk; None once it is closed."""
        return self._err

    @property
    def data_is_utf8(self) -> bool:
        """Whether data goes, in UTF-8, to something else than a terminal."""
        encoding = getattr(self._out, "encoding", None) or ""
        return encoding.lower() in {"utf-8", "utf8"} and not is_terminal(self._out)

    def data(self, text: str) -> None:
        """Write a line of data to stdout."""
        if not _write(self._out, text):
            self._out = None

    def say(self, text: str = "", *, style: str | None = None) -> None:
        """Write a line of talk to stderr, quiet or not; escapes in it are cleaned."""
        self.raw(self.styled(clean(text), style))

    def notice(self, text: str = "", *, style: str | None = None) -> None:
        """Write a line that --quiet drops."""
        if not self.quiet:
            self.say(text, style=style)

    def raw(self, line: str) -> None:
        """Write a finished line to stderr as it stands, above the bar while there is one."""
        line = line.rstrip("\n")
        if self._above is not None:
            self._above(line)
        elif not _write(self._err, line):
            self._err = None

    @contextmanager
    def under(self, above: Callable[[str], None]) -> Iterator[None]:
        """Hand lines of talk to `above` while something else is drawn at the bottom of the terminal."""
        self._above = above
        try:
            yield
        finally:
            self._above = None

    def styled(self, text: str, style: str | None) -> str:
        """Return `text` in a style, where the terminal takes colour."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if style and self._colour else text


def _write(stream: TextIO | None, text: str) -> bool:
    """Write a line; return False when the stream is closed."""
    if stream is None:
        return False
    try:
        try:
            stream.write(text + "\n")
        except UnicodeEncodeError:
            stream.write(text.encode(stream.encoding or "ascii", "backslashreplace").decode(stream.encoding) + "\n")
        stream.flush()
    except (OSError, ValueError):
        _silence(stream)
        return False
    return True


def _silence(stream: TextIO) -> None:
    """Let what is still buffered go nowhere, or the interpreter would complain about it as it exits."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
