"""Cells that a spreadsheet would take for a formula: guarded on the way out, taken back on the way in. Pure.

Spreadsheets run a cell that begins with one of `= + - @`, a tab, a carriage return or NUL (CWE-1236). An apostrophe
before it makes it text. Cells that already begin with apostrophes before such a character get one more, so that
taking one away gives back exactly what was there.
"""

import re
from typing import Final

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\0]")
_GUARDED: Final = re.compile(r"'+[=+\-@\t\r\0]")


def guard(text: str) -> str:
    """Return `text` as a spreadsheet shows it without running it."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """Return what `guard` was given."""
    return text[1:] if _GUARDED.match(text) else text
