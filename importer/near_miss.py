"""Near misses: the known word that somebody most likely meant, for "did you mean". Pure."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_CUTOFF: Final = 0.75  #: share of characters in common from which a word counts as near
_WORD_CHARACTERS_MAX: Final = 100  #: longer words are never compared: the comparison is quadratic
_SEPARATORS: Final = re.compile(r"[\s_\-.]+")


def nearest(word: str, known: Iterable[str], *, cutoff: float = _CUTOFF) -> str | None:
    """Return the known word nearest to `word`, or None; case, spaces, hyphens and underscores count little."""
    if len(word) > _WORD_CHARACTERS_MAX:
        return None
    by_form = {_form(one): one for one in known}
    found = get_close_matches(_form(word), by_form, n=1, cutoff=cutoff)
    return by_form[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean "x"?)` for the nearest known word, or nothing; made to follow the word in a sentence."""
    near = nearest(word, known)
    return f' (did you mean "{near}"?)' if near is not None else ""


def _form(word: str) -> str:
    return _SEPARATORS.sub("_", word.strip().casefold())
