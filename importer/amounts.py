"""Amounts as people write them: `2h`, `50%`, `100` or `5%`. This module is pure."""

import re
from dataclasses import dataclass
from typing import Final

_UNITS_S: Final = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_DURATION: Final = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_NUMBER: Final = re.compile(r"\d{1,12}(?:\.\d{1,6})?")


def seconds_of(text: str) -> float:
    """Return the seconds that `text` means: `90`, `45s`, `30m`, `2h`, `1h30m`, `1d`.

    Raises:
        ValueError: it is no time, or none at all.
    """
    short = text.strip().casefold()
    if _NUMBER.fullmatch(short):
        seconds = float(short)
    else:
        found = _DURATION.fullmatch(short)
        if not short or found is None:
            raise ValueError("must be a time such as 90s, 30m, 2h or 1h30m")
        seconds = sum(float(part or 0) * unit for part, unit in zip(found.groups(), _UNITS_S.values(), strict=True))
    if not 0 < seconds <= 366 * 86_400:
        raise ValueError("must be more than nothing and at most a year")
    return seconds


def share_of(text: str) -> float:
    """Return the part of a whole that `text` means: `50%` or `0.5`; above 0, at most 1.

    Raises:
        ValueError: it is no such part.
    """
    short = text.strip()
    number = short.removesuffix("%").rstrip()
    if not _NUMBER.fullmatch(number):
        raise ValueError("must be a part such as 50% or 0.5")
    share = float(number) / (100 if short.endswith("%") else 1)
    if not 0 < share <= 1:
        raise ValueError("must be above 0 and at most 100%")
    return share


@dataclass(frozen=True, slots=True)
class FailureLimit:
    """How many failed rows are too many: more than `rows` of them, or more than `share` of those read."""

    rows: int | None = None
    share: float | None = None  #: 0 to 1

    #: A share means nothing of a handful of rows: while reading it is judged from so many on, and again at the end.
    SHARE_ROWS_MIN = 100

    def __str__(self) -> str:
        return f"{self.rows:,}" if self.rows is not None else f"{(self.share or 0) * 100:g}%"

    def exceeded(self, failed: int, read: int, *, at_end: bool = False) -> bool:
        """Whether so many failed rows of those read are too many."""
        if self.rows is not None:
            return failed > self.rows
        assert self.share is not None
        return (at_end or read >= self.SHARE_ROWS_MIN) and failed > self.share * read

    @classmethod
    def parse(cls, text: str) -> "FailureLimit":
        """Return the limit that `100` or `5%` means; raise `ValueError` for anything else."""
        short = text.strip()
        if short.endswith("%"):
            return cls(share=0.0 if short[:-1].strip() == "0" else share_of(short))
        if not short.isascii() or not short.isdigit() or len(short) > 12:
            raise ValueError("must be a number of rows such as 100, or a part of them such as 5%")
        return cls(rows=int(short))
