"""Commands that can be pasted into a shell as they are shown."""

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from importer.cli.screen import clean
from importer.sources.addresses import masked

_SPECIAL: Final = re.compile(r"[\\']")


def command_line(argv: Sequence[str]) -> str:
    """Return the command that runs this program with `argv`, quoted for a POSIX shell.

    Of addresses, what may be a secret is left out: a link with a signature has to be typed again.
    """
    return " ".join([program(), *(quoted(masked(word)) for word in argv)])


def program() -> str:
    """Return how this program was called: its name, or `python -m importer`."""
    called = Path(sys.argv[0]).name
    return "importer" if called in {"importer", "importer.exe"} else "python -m importer"


def quoted(word: str) -> str:
    """Return `word` quoted; one that would steer the terminal is spelt with escapes (`$'…'`, bash and zsh)."""
    if word.isprintable() and clean(word) == word:
        return shlex.quote(word)
    spelt = "".join(_spell(character) for character in word)
    return f"$'{spelt}'"


def _spell(character: str) -> str:
    if character.isprintable() and clean(character) == character:
        return _SPECIAL.sub(r"\\\g<0>", character)
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
