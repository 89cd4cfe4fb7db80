"""The screen: nothing shown steers the terminal, colours obey, closed streams fall silent; commands can be pasted."""

import io
import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.cli.pasting import command_line, program, quoted
from importer.cli.screen import Screen, clean, one_line, wants_colour

HOSTILE = "a\x1b[2Jb\x07c\x9bd\u202ee\x00f\rg\u2066h"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


@pytest.fixture(autouse=True)
def no_wishes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's wishes about colour out of the tests."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)


@given(st.text())
def test_cleaned_text_holds_nothing_that_steers(text: str) -> None:
    """No control but tab and line feed, no bidi mark, no surrogate is left; harmless text stays as it is."""
    cleaned = clean(text)
    assert all(character in "\t\n" or (character >= " " and not "\x7f" <= character <= "\x9f") for character in cleaned)
    assert not set(cleaned) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
    cleaned.encode()
    assert clean(cleaned) == cleaned


def test_escapes_become_visible() -> None:
    """What would clear the screen is shown as text."""
    assert clean(HOSTILE) == "a\\x1b[2Jb\\x07c\\x9bd\\u202ee\\x00f\\rg\\u2066h"
    assert one_line("two\nlines\tand") == "two\\nlines and"
    assert one_line("x" * 300, 10) == "xxxxxxxxx…"


def test_talk_goes_to_stderr_and_data_to_stdout() -> None:
    """Each stream gets its own; quiet drops notices and nothing else."""
    out, err = io.StringIO(), io.StringIO()
    screen = Screen(out, err, quiet=True)
    screen.data("data")
    screen.say(f"talk {HOSTILE}")
    screen.notice("dropped")
    assert out.getvalue() == "data\n"
    assert err.getvalue() == f"talk {clean(HOSTILE)}\n"


def test_colour_obeys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terminals get colour, files do not; FORCE_COLOR demands it, NO_COLOR and a dumb terminal forbid it."""
    assert wants_colour(Terminal())
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_colour(Terminal())
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert wants_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Terminal())


def test_a_closed_stream_falls_silent() -> None:
    """Nobody reads the pipe any more: writing goes on into nothing, also what was buffered."""
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    screen = Screen(stream, stream)
    for _ in range(3):
        screen.data("x" * 100_000)
        screen.say("y")
    stream.close()
    screen.say("and now it is closed altogether")
    assert screen.err is None


def test_a_stream_that_is_not_there_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started without stdout and stderr, as some daemons are, it says nothing."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    screen = Screen()
    screen.data("x")
    screen.say("y")


def test_what_the_stream_cannot_encode_is_escaped() -> None:
    """An ASCII terminal shows an escape in place of a letter it does not have."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Screen(stream, stream).data("über")
    assert raw.getvalue() == b"\\xfcber\n"


def test_lines_go_above_what_is_drawn() -> None:
    """While something is drawn at the bottom, talk is handed to whoever draws."""
    err, above = io.StringIO(), list[str]()
    screen = Screen(io.StringIO(), err)
    with screen.under(above.append):
        screen.say("above")
    screen.say("after")
    assert above == ["above"]
    assert err.getvalue() == "after\n"


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@settings(deadline=None, max_examples=25)
@given(st.lists(WORDS, min_size=1, max_size=20))
def test_a_pasted_command_means_what_was_typed(words: list[str]) -> None:
    """Bash reads back exactly the words, whatever stands in them, and nothing shown steers the terminal."""
    line = " ".join(quoted(word) for word in words)
    assert clean(line) == line
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True,
        env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.stdout.decode().split("\0")[:-1] == words


def test_the_command_begins_with_what_was_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """`importer` when it was called so, else the way through Python."""
    monkeypatch.setattr(sys, "argv", ["/usr/bin/importer", "run"])
    assert command_line(["run", "my file.csv"]) == "importer run 'my file.csv'"
    monkeypatch.setattr(sys, "argv", ["/x/importer/__main__.py", "run"])
    assert program() == "python -m importer"
