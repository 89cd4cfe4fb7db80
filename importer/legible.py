"""Text of strangers made legible: nothing in it steers what shows it, and no secret rides in a URL. Pure."""

import re
from typing import Final

#: C0 (but tab and line feed), C1, bidirectional controls, zero-width characters, lone surrogates.
UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)
_URL: Final = re.compile(r"(?P<head>[A-Za-z][A-Za-z0-9+.-]*://)(?:[^/?#\s]*@)?(?P<rest>[^?#\s]*)(?:[?#]\S*)?")


def clean(text: str) -> str:
    """Return `text` with every character that steers a terminal or a page written as its escape."""
    return UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def one_line(text: str, most: int = 200) -> str:
    """Return `text` fit for one line: cleaned, line breaks spelt, cut after `most` characters."""
    if len(text) <= most and text.isprintable():  # nothing unsafe is printable, and nearly every text is
        return text
    whole = clean(text[: most + 1]).replace("\n", "\\n").replace("\t", " ")
    return whole if len(whole) <= most else whole[: most - 1] + "…"


def shareable(text: str) -> str:
    """Return `text` without the user, password, query and fragment of each URL in it: they may hold secrets."""
    if "://" not in text:
        return text
    return _URL.sub(lambda found: found["head"] + found["rest"], text)
