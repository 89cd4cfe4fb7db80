"""What the sampled values of one column are: unique, dates, statuses, currencies, numbers. This module is pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Final

from importer.codecs import plain
from importer.model import Problem
from importer.proposing.dates import Reading, readings
from importer.proposing.words import CURRENCIES, STATUS_OF, squeezed

_NUMBER: Final = re.compile(r"[-+]?[0-9][0-9.,' ]*%?")
_KEY_CHARACTERS_MAX: Final = 64
_ODD_ONE_IN: Final = 10  #: distinct values of a column of dates, one may be none; of fewer, one
_LABELS_MAX: Final = 50  #: distinct values of a column which can be a list of choices
_NAME_SHARE_MIN: Final = 0.5  #: distinct values in all, from which a text column may be one of names


@dataclass(frozen=True)
class Column:
    """One column of the sample."""

    name: str
    values: tuple[str, ...]  #: trimmed, one for each row; blank where there is none
    nested: bool = False  #: whether it holds lists or objects

    @cached_property
    def filled(self) -> tuple[str, ...]:
        """The values that are not blank."""
        return tuple(value for value in self.values if value)

    @cached_property
    def distinct(self) -> tuple[str, ...]:
        """The different values, in order of appearance."""
        return tuple(dict.fromkeys(self.filled))

    @property
    def unique(self) -> bool:
        """Whether every row has a value of its own."""
        return bool(self.values) and len(self.distinct) == len(self.values)

    @cached_property
    def dates(self) -> list[Reading]:
        """How all values read as dates; empty where they do not."""
        return readings(self.distinct)

    @cached_property
    def odd_dates(self) -> tuple[str, ...]:
        """The few values that are dates in no format, where all others read as dates; empty where there are none such.

        One slip among many dates is the slip's fault, not the column's.
        """
        if self.dates:
            return ()
        most = max(1, len(self.distinct) // _ODD_ONE_IN)
        odd = tuple(islice((value for value in self.distinct if not readings([value])), most + 1))
        sound = [value for value in self.distinct if value not in odd]
        return odd if odd and len(odd) <= most and len(sound) > len(odd) and readings(sound) else ()

    @cached_property
    def sound_dates(self) -> list[Reading]:
        """How all values but the odd ones read as dates; empty where they do not."""
        if not self.odd_dates:
            return self.dates
        return readings([value for value in self.distinct if value not in self.odd_dates])

    @cached_property
    def statuses(self) -> dict[str, str]:
        """Label → value of hs_campaign_status, for the labels that are known; empty for a column of too many."""
        if len(self.distinct) > _LABELS_MAX:
            return {}
        return {label: STATUS_OF[squeezed(label)] for label in self.distinct if squeezed(label) in STATUS_OF}

    @property
    def all_statuses(self) -> bool:
        """Whether it holds nothing but statuses."""
        return bool(self.distinct) and len(self.statuses) == len(self.distinct)

    @property
    def all_currencies(self) -> bool:
        """Whether it holds nothing but codes of currencies."""
        return bool(self.distinct) and all(value.upper() in CURRENCIES for value in self.distinct)

    @property
    def all_numbers(self) -> bool:
        """Whether it holds nothing but numbers."""
        return bool(self.distinct) and all(_NUMBER.fullmatch(value) for value in self.distinct)

    @property
    def keylike(self) -> bool:
        """Whether its values could name records: one for each row, short, no dates."""
        return self.unique and max(map(len, self.filled)) <= _KEY_CHARACTERS_MAX and not self.dates

    @property
    def namelike(self) -> bool:
        """Whether its values could be names: filled, mostly different, words."""
        if not self.values or len(self.filled) < len(self.values):
            return False
        words = [value for value in self.distinct if " " in value and "@" not in value and "://" not in value]
        many = len(self.distinct) >= _NAME_SHARE_MIN * len(self.values)
        return many and len(words) >= _NAME_SHARE_MIN * len(self.distinct) and not self.dates


def columns_of(names: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """Return the columns of the sampled rows; a missing cell and an error of a sheet are blank.

    A list or an object makes a column nested.
    """
    found = []
    for name in names:
        cells = [plain(row.get(name)) for row in rows]
        values = tuple("" if isinstance(cell, Problem) else cell for cell in cells)
        nested = any(isinstance(cell, Problem) and cell.code == "not_plain" for cell in cells)
        found.append(Column(name, values, nested))
    return tuple(found)
