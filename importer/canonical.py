"""The canonical form of a value: what two spellings of one content have in common.

It only ever *compares*. What is sent are the values as the codecs made them; what is stored is what was sent.
Text is NFC, trimmed, inner white space collapsed; dates are cut to their day; codes and enumerations are
case-folded; empty values are dropped, as HubSpot's reading endpoints drop them. This module is pure.
"""

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import repeat
from typing import Any, Final

import orjson

DATE_PROPERTIES: Final = frozenset({"hs_start_date", "hs_end_date"})
CODE_PROPERTIES: Final = frozenset({"hs_currency_code", "hs_campaign_status"})

#: Sent properties which HubSpot ignores or shows elsewhere (`hs_business_unit_ids` comes back as `businessUnits`).
NOT_ECHOED: Final = frozenset({"hs_business_unit_ids", "hs_goal"})

#: Bytes of characters that are in NFC wherever they stand: below U+0300, Cyrillic's first half, most of Chinese.
_IN_NFC: Final = bytes([*range(0xCC), 0xD0, 0xD1, *range(0xE4, 0xEA)])

#: How UTF-8 writes U+1F000 to U+1FFFF, pictographs, all of which are in NFC wherever they stand.
_PICTOGRAPH: Final = b"\xf0\x9f"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_CHARACTERS: Final = 10  # YYYY-MM-DD
_EPOCH_MS_DIGITS: Final = range(11, 15)  # milliseconds since 1970 for the years 1973 to 5138


def text(value: str) -> str:
    """Return `value` in NFC, trimmed, inner white space collapsed to single spaces."""
    if not value.isascii():
        value = unicodedata.normalize("NFC", value)
    return " ".join(value.split())


def day(value: str) -> str:
    """Return the day of a date as YYYY-MM-DD.

    Takes a day, an ISO 8601 date-time (its written day: HubSpot writes days in the portal's time zone) or epoch
    milliseconds (a UTC midnight, as HubSpot's older APIs write dates); anything else stays as text.
    """
    value = text(value)
    if len(value) > _DAY_CHARACTERS and value[4] == value[7] == "-" and value[10] in "T ":
        return value[:_DAY_CHARACTERS]
    if len(value) in _EPOCH_MS_DIGITS and value.isascii() and value.isdigit():
        return (_EPOCH + timedelta(milliseconds=int(value))).strftime("%Y-%m-%d")
    return value


def value_of(name: str, value: str) -> str:
    """Return the canonical form of the value of property `name`; empty when the value says nothing."""
    return _FORMS.get(name, text)(value)


def _code(value: str) -> str:
    return text(value).casefold()


#: How the value of a property is compared where it is not as text.
_FORMS: Final[dict[str, Callable[[str], str]]] = {
    **dict.fromkeys(DATE_PROPERTIES, day),
    **dict.fromkeys(CODE_PROPERTIES, _code),
}


def form(properties: Mapping[str, str], *, without: Iterable[str] = NOT_ECHOED) -> dict[str, str]:
    """Return the canonical form of `properties`: property → canonical value, empties and `without` left out."""
    left_out = frozenset(without)
    made = {name: value_of(name, value) for name, value in properties.items() if name not in left_out}
    return {name: value for name, value in made.items() if value}


def digest(properties: Mapping[str, str], *, without: Iterable[str] = ()) -> str:
    """Return 16 hex digits which are equal for canonically equal properties, in any order."""
    return digest_framed(framed(form(properties, without=without)))


def digest_framed(form: bytes) -> str:
    """Return the digest of properties which stand in canonical form, as `framed` writes them."""
    return blake2b(form, digest_size=8).hexdigest()


def framed(value: Any) -> bytes:
    """Return texts, lists and mappings of texts as bytes which are equal for equal values alone, whatever the order."""
    try:
        return orjson.dumps(value, None, orjson.OPT_SORT_KEYS)
    except TypeError:  # a lone surrogate, which no source lets through and HubSpot should not send
        return json.dumps(value, sort_keys=True).encode()


def framed_rows(names: Sequence[str], columns: Sequence[Sequence[str]]) -> list[bytes]:
    """Return what `framed` makes of each row of a table of texts, blanks left out; `names` are sorted.

    Raises:
        orjson.JSONEncodeError: a lone surrogate stands in it.
    """
    texts = [_written(column) for column in columns]
    heads = [orjson.dumps(name) + b':"' for name in names]
    everywhere = next((at for at, of_one in enumerate(texts) if b"" not in of_one), None)
    if everywhere is None:
        return [b"{" + row[1:] + b"}" for row in _rows([b"," + head for head in heads], texts, [b'"'] * len(texts))]
    # The first column without a blank is what the commas of the others lean on.
    befores = [head if at <= everywhere else b"," + head for at, head in enumerate(heads)]
    afters = [b'",' if at < everywhere else b'"' for at in range(len(texts))]
    return _rows(befores, texts, afters, opening=b"{", closing=b"}")


def _rows(
    befores: Sequence[bytes],
    columns: Sequence[Sequence[bytes]],
    afters: Sequence[bytes],
    *,
    opening: bytes = b"",
    closing: bytes = b"",
) -> list[bytes]:
    """Return the rows of a table joined, each text between what its column has before and after it; no blanks."""
    parts: list[Iterable[bytes]] = []
    between = opening  # what is the same in all rows is joined once
    for before, of_one, after in zip(befores, columns, afters, strict=True):
        if b"" in of_one:
            parts += repeat(between), [before if text else b"" for text in of_one], of_one
            parts.append([after if text else b"" for text in of_one])
            between = b""
        else:
            parts += repeat(between + before), of_one
            between = after
    return list(map(b"".join, zip(*parts, repeat(between + closing))))


def _written(texts: Sequence[str]) -> list[bytes]:
    """Return texts as JSON writes them between its quotes."""
    written = orjson.dumps(texts)[2:-2]
    if b"\\" not in written:
        return written.split(b'"')[::2]
    return written.split(b'","')  # a quote inside of a text has a backslash before it


def texts(values: Sequence[str]) -> Sequence[str]:
    """Return `text` of each text, which nearly always is the text itself."""
    together = " ".join(["", *values, ""])
    # Of all white space only the blank is printable.
    usual = "  " not in together and together.isprintable() and unicodedata.is_normalized("NFC", together)
    return values if usual else list(map(text, values))


def nfc(text: bytes) -> bytes:
    """Return UTF-8 text in NFC."""
    return text if is_plainly_nfc(text) else unicodedata.normalize("NFC", text.decode()).encode()


def is_plainly_nfc(text: bytes) -> bool:
    """Return whether it takes no look at the characters to see that UTF-8 text is in NFC."""
    if text.isascii():
        return True
    others = text.translate(None, _IN_NFC)
    return not others or (not others.strip(_PICTOGRAPH[:1]) and text.count(_PICTOGRAPH) == len(others))


def name_key(name: str) -> str:
    """Return the form under which two names count as the same name: canonical and case-folded."""
    return text(name).casefold()
