"""Money as people write it, and as HubSpot takes it: a plain decimal. Pure, and no locale is asked.

The mapping says which mark stands before the cents; the other one may only group digits by three. So `1.234` is one
thousand and odd where the comma is the decimal mark, and one and a bit where the point is: never a guess.
"""

import re
import unicodedata
from decimal import Decimal
from typing import Final

from importer.codecs import Codec, shown
from importer.model import Problem

MARKS: Final = (".", ",")
#: So many digits pass through JSON readers that know only doubles as they were written.
DIGITS_MAX: Final = 15

#: Signs that people write for a currency; for all others only the code is known.
_SIGNS: Final = {
    "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "¥", "INR": "₹", "KRW": "₩", "UAH": "₴", "TRY": "₺",
    **dict.fromkeys(("USD", "CAD", "AUD", "NZD", "HKD", "SGD", "MXN", "ARS", "CLP", "COP"), "$"),
}  # fmt: skip
_SPACES: Final = re.compile("[\u0020\u00a0\u2009\u202f'\u2019]")
_CODE: Final = re.compile("[A-Za-z]{3}")
_GROUPED: Final = {
    mark: re.compile(rf"(\d{{1,3}}(?:{re.escape(group)}\d{{3}})+|\d+)(?:{re.escape(mark)}(\d+))?")
    for mark, group in ((".", ","), (",", "."))
}
_EITHER: Final = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")  #: cents, or thousands
_SPACED: Final = re.compile(r"\d{1,3}(?:S\d{3})+(?!\d)|\d+(?!S)")


def amount_codec(decimal: str | None = None, currency: str | None = None) -> Codec:
    """Return a codec for amounts with that decimal mark; cells may bear `currency`: a code such as EUR, and its sign.

    Without a mark it is the point, and what would be another amount with the comma is refused.
    It returns digits with at most one point, without needless zeros, or an `invalid_amount` problem.
    Raises `ValueError` for another mark or what is no currency code.
    """
    mark = "." if decimal is None else decimal
    if mark not in MARKS:
        raise ValueError('decimal is neither "." nor ","')
    if currency is not None and not _CODE.fullmatch(currency):
        raise ValueError("currency is not a code of three letters such as EUR")
    example = "1234.50" if mark == "." else "1234,50"

    def read(text: str) -> str | Problem:
        bare, foreign = _without_currency(text, currency)
        if foreign:
            return Problem(
                "invalid_amount", f"{shown(text)} names a currency which the mapping does not",
                fix='Write the number alone, or name the currency in the mapping: currency = "EUR".',
            )  # fmt: skip
        number = _number(bare, mark)
        if decimal is None and _EITHER.fullmatch(bare):
            return Problem(
                "invalid_amount", f"{shown(text)} is one amount with a decimal point and another with a decimal comma",
                fix='Say in the mapping which it is: decimal = "." or decimal = ",".',
            )  # fmt: skip
        if number is None:
            return Problem(
                "invalid_amount", f"{shown(text)} is not an amount like {example}",
                fix=f'Write it like {example}; the mapping\'s decimal = "{MARKS[mark == "."]}" reads the other mark.',
            )  # fmt: skip
        if sum(map(str.isdigit, number)) > DIGITS_MAX:
            return Problem("invalid_amount", f"{shown(text)} has more than {DIGITS_MAX} digits")
        return number

    return read


def _without_currency(text: str, currency: str | None) -> tuple[str, bool]:
    """Return the text without a currency's sign or code at its ends, and whether one of another currency was there."""
    left = text.strip()
    for cut in (_leading, _trailing):
        found = cut(left)
        if found is None:
            continue
        token, rest = found
        if not any(map(str.isdigit, rest)):
            break
        left = rest
        if currency is None or token.upper() not in {currency.upper(), _SIGNS.get(currency.upper())}:
            return left, True
    return left, False


def _leading(text: str) -> tuple[str, str] | None:
    size = _size_of(text[:3], text[:1])
    return (text[:size], text[size:].lstrip()) if size else None


def _trailing(text: str) -> tuple[str, str] | None:
    size = _size_of(text[-3:], text[-1:])
    return (text[-size:], text[:-size].rstrip()) if size else None


def _size_of(three: str, one: str) -> int:
    if _CODE.fullmatch(three):
        return 3
    return 1 if one and unicodedata.category(one) == "Sc" else 0


def _number(text: str, mark: str) -> str | None:
    """Return the plain decimal that `text` is, or None."""
    spaced = _SPACES.sub("S", text)
    if "S" in spaced:  # spaces and apostrophes group by three, before the decimal mark only
        whole, _mark, cents = spaced.partition(mark)
        if not _SPACED.fullmatch(whole) or "S" in cents:
            return None
        spaced = spaced.replace("S", "")
        if MARKS[mark == "."] in spaced:
            return None
    found = _GROUPED[mark].fullmatch(spaced)
    if found is None or not spaced.isascii():
        return None
    digits = found[1].replace(".", "").replace(",", "")
    return plain_decimal(f"{digits}.{found[2] or '0'}")


def plain_decimal(text: str) -> str:
    """Return a decimal without needless zeros: `1234.50` as `1234.5`, `007` as `7`."""
    written = format(Decimal(text), "f")
    return (written.rstrip("0").rstrip(".") if "." in written else written) or "0"
