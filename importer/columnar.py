"""Records by the column: what `RecordMaker.make` does to one row, done to a whole chunk at once.

A chunk is turned on its side, so that trimming and checking run in C over columns, and what repeats (dates, codes) is
read once. Only rows that are sound in every respect are made here. Whatever else a row holds, `make` tells: it is asked
for each row that is odd in any way, so the two cannot disagree about what is wrong. A law in the tests holds them to
the same records. This module is pure.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter, itemgetter
from typing import Any, Final

import orjson

from importer import canonical
from importer.checks import Check, property_checks, text_problems
from importer.codecs import plain
from importer.model import Problem, Record, Rejection, Row
from importer.properties import END_DATE, NAME, NAME_CHARACTERS_MAX, START_DATE, TEXT_CHARACTERS_MAX
from importer.records import RecordMaker, content_of_keyless, identities
from importer.rules import Rule

_REMEMBERED_MAX: Final = 10_000  #: distinct texts of one column whose reading is kept

#: What is ASCII and printable, with line breaks and tabs: to take it away is quicker than to look at each character.
_PLAIN: Final = bytes([*b"\t\n\r", *range(0x20, 0x7F)])

_Odd = set[int]  # indices of the rows that `make` has to judge


class _Memory(dict[str, str | None]):
    """What a property becomes of each text; None where that is not plain. Forgets all when it grows too large."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        super().__init__()
        self._read = read
        self.in_nfc = True  # whether all values ever given are plainly so

    def __missing__(self, text: str) -> str | None:
        if len(self) >= _REMEMBERED_MAX:
            self.clear()
        value = self[text] = self._read(text)
        self.in_nfc = self.in_nfc and canonical.is_plainly_nfc((value or "").encode())
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """How one property is made of the texts of its column."""

    name: str  #: of the property
    place: int  #: of the column in the source; -1 when the property is a constant
    constant: str = ""
    memory: _Memory | None = None  #: None: the text as it stands
    canonical: _Memory  #: the canonical form of a value


class ColumnarMaker:
    """Makes the records of chunks. Remembers readings of repeated texts, and nothing of the rows themselves."""

    def __init__(self, maker: RecordMaker) -> None:
        """Take the maker that tells what is right; its mapping decides what can be done by the column."""
        self._maker = maker
        bound = maker.bound
        self._source = bound.columns
        self._places = {column: place for place, column in enumerate(bound.columns)}
        self._get: Callable[[Any], Any] = itemgetter(*bound.columns) if len(bound.columns) > 1 else _only(bound.columns)
        self._known = frozenset(bound.columns)
        checks = dict(property_checks(maker.policy.statuses))
        rules = bound.mapping.rules
        self.columns = [_constant(rule, checks) for rule in rules if rule.constant is not None]
        fed = [rule for rule in rules if rule.column in self._places]
        self.columns += [_fed(rule, self._places[rule.column or ""], checks) for rule in fed]
        self.columns.sort(key=attrgetter("name"))
        self._names = tuple(column.name for column in self.columns)
        self._key = maker.key
        self._plain = NAME in self._names and all(rule.template is None for rule in rules)
        self._plain &= all(column.constant or column.place >= 0 for column in self.columns)
        self._plain &= "_identity" not in self._known

    def make_all(self, chunk: Sequence[Row | Rejection]) -> list[Record | Rejection]:
        """Return the record, or the rejection, of each row, in order; rejections of the source pass through."""
        make = self._maker.make
        rows = [item for item in chunk if type(item) is Row]
        if not self._plain or not rows:
            return [make(item) if isinstance(item, Row) else item for item in chunk]
        odd: _Odd = set()
        try:
            made: list[Record | Rejection] = list(self._made(rows, odd))
        except (orjson.JSONEncodeError, UnicodeEncodeError):  # a lone surrogate, which no source should let through
            made, odd = list[Record | Rejection](), set()
            made += map(make, rows)
        for at in odd:
            made[at] = make(rows[at])
        if len(rows) == len(chunk):
            return made
        following = iter(made)
        return [next(following) if isinstance(item, Row) else item for item in chunk]

    def _made(self, rows: Sequence[Row], odd: _Odd) -> Iterable[Record]:
        """Return a record for each row; those of odd rows are of no use."""
        cells = self._cells(rows, odd)
        found = [self._values(column, cells, len(rows), odd) for column in self.columns]
        values = [of_one for of_one, _in_nfc in found]
        self._check_across(values, odd)
        payloads: Iterable[bytes] = canonical.framed_rows(self._names, values)
        if self._key:
            made = self._keyed(cells, values, len(rows), odd)
            contents: Iterable[str] = self._contents(values)
        else:
            in_nfc = all(in_nfc for _values, in_nfc in found)
            made = identities(self._maker.policy.key_space, "all", payloads, in_nfc=in_nfc)
            contents = map(content_of_keyless, made)
        given: Iterable[dict[str, str] | None] = repeat(None)
        correlation = self._maker.policy.correlation
        if correlation is not None:
            read = map(orjson.loads, payloads)
            given = [of_one | {correlation: identity} for of_one, identity in zip(read, made, strict=True)]
            payloads = repeat(b"")
        names = values[self._names.index(NAME)]
        parts = zip(rows, made, names, given, contents, repeat(None), payloads, repeat(()))
        return map(tuple.__new__, repeat(Record), parts)  # the named constructor costs as much again

    def _cells(self, rows: Sequence[Row], odd: _Odd) -> list[tuple[Any, ...]]:
        """Return the cells by the source's columns; rows with other columns are odd."""
        columns = rows[0].columns
        if columns is not None and all(row.columns is columns for row in rows) and tuple(columns) == self._source:
            return list(zip(*[row.held for row in rows], strict=True))
        found: list[Any] = [row.cells for row in rows]
        if set(map(len, found)) == {len(self._source)}:
            try:
                return list(zip(*map(self._get, found), strict=True))
            except KeyError:
                pass  # as many columns, but others
        known = self._known
        odd.update(at for at, of_one in enumerate(found) if not of_one.keys() <= known)
        return [tuple([of_one.get(column, "") for of_one in found]) for column in self._source]

    def _values(
        self, column: _Column, cells: Sequence[Sequence[Any]], count: int, odd: _Odd
    ) -> tuple[Sequence[str], bool]:
        """Return what a property is in each row, blank where it is left out; and whether all is plainly in NFC."""
        if column.place < 0:
            return [column.constant] * count, canonical.is_plainly_nfc(column.constant.encode())
        texts = _texts(cells[column.place], odd)
        memory = column.memory
        if memory is None:
            longest = NAME_CHARACTERS_MAX if column.name == NAME else TEXT_CHARACTERS_MAX
            printable, in_nfc = _looked_through("".join(texts))
            if not printable or max(map(len, texts)) > longest:
                name = column.name
                odd.update(at for at, text in enumerate(texts) if len(text) > longest or text_problems(name, text))
            return texts, in_nfc
        values: list[Any] = list(map(memory.__getitem__, texts))
        if None in values:
            odd.update(at for at, value in enumerate(values) if value is None)
            values = [value or "" for value in values]
        return values, memory.in_nfc

    def _check_across(self, values: Sequence[Sequence[str]], odd: _Odd) -> None:
        """Find the rows without a name, and those that end before they start."""
        by_name = dict(zip(self._names, values, strict=True))
        if "" in by_name[NAME]:
            odd.update(at for at, name in enumerate(by_name[NAME]) if not name)
        if START_DATE in by_name and END_DATE in by_name:
            days = zip(by_name[START_DATE], by_name[END_DATE], strict=True)
            odd.update(at for at, (start, end) in enumerate(days) if end < start and end)

    def _keyed(
        self, cells: Sequence[Sequence[Any]], values: Sequence[Sequence[str]], count: int, odd: _Odd
    ) -> list[str]:
        """Return the identities that the key makes; a row with a blank in its key is odd."""
        parts: list[Sequence[str]] = []
        for name, is_column in self._key:
            if is_column:
                parts.append(_texts(cells[self._places[name]], odd))
            else:
                parts.append(values[self._names.index(name)] if name in self._names else [""] * count)
        for part in parts:
            if "" in part:
                odd.update(at for at, value in enumerate(part) if not value)
        keys = canonical.framed_rows([name for name, _ in self._key], parts)
        return identities(self._maker.policy.key_space, "key", keys)

    def _contents(self, values: Sequence[Sequence[str]]) -> list[str]:
        """Return the digests of the canonical content."""
        forms: list[Sequence[str]] = []
        for column, of_one in zip(self.columns, values, strict=True):
            remember = column.canonical
            as_it_stands = column.place >= 0 and column.memory is None
            forms.append(canonical.texts(of_one) if as_it_stands else [remember[value] or "" for value in of_one])
        return [canonical.digest_framed(form) for form in canonical.framed_rows(self._names, forms)]


def _only(columns: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what fetches the cell of the only column, as a tuple."""
    (column,) = columns
    return lambda cells: (cells[column],)


def _constant(rule: Rule, checks: dict[str, Check]) -> _Column:
    value = _reader(rule, checks)(rule.constant or "")
    return _Column(name=rule.name, place=-1, constant=value or "", canonical=_form(rule.name))


def _fed(rule: Rule, place: int, checks: dict[str, Check]) -> _Column:
    """Return the column of a rule; texts which are sent as they stand need no memory, and are seldom met twice."""
    as_it_stands = rule.codec is None and not rule.default and (rule.name == NAME or rule.name not in checks)
    memory = None if as_it_stands else _Memory(_reader(rule, checks))
    return _Column(name=rule.name, place=place, memory=memory, canonical=_form(rule.name))


def _form(name: str) -> _Memory:
    return _Memory(lambda value: canonical.value_of(name, value))


def _reader(rule: Rule, checks: dict[str, Check]) -> Callable[[str], str | None]:
    """Return what reads the text of one cell as `make` would; None for all that it has something to say about."""
    check = checks.get(rule.name)

    def read(text: str) -> str | None:
        value = rule.default if not text else text if rule.codec is None else rule.codec(text)
        if isinstance(value, Problem):
            return None
        if len(value) > TEXT_CHARACTERS_MAX or (not value.isprintable() and text_problems(rule.name, value)):
            return None
        if not value or check is None:
            return value
        checked = check(value)
        return None if isinstance(checked, Problem) else checked

    return read


def _texts(cells: Sequence[Any], odd: _Odd) -> Sequence[str]:
    """Return the trimmed texts of a column's cells; blank, and the row odd, where a cell holds no plain value."""
    try:
        together = "".join(cells)
        written = orjson.dumps(cells) if together.isascii() else b"\\"
        if b"\\" not in written and b'" ' not in written and b' "' not in written:
            return cells  # neither blanks nor characters that JSON escapes, so nothing that could be trimmed
        return list(map(str.strip, cells))
    except TypeError:  # a number, a blank or a list, of a JSON source
        if {*map(type, cells)} == {str, type(None)}:
            return _texts(["" if cell is None else cell for cell in cells], odd)
        values = list(map(plain, cells))
        odd.update(at for at, value in enumerate(values) if isinstance(value, Problem))
        return ["" if isinstance(value, Problem) else value for value in values]


def _looked_through(text: str) -> tuple[bool, bool]:
    """Return whether nothing but line breaks and tabs in `text` is unprintable, and whether it is plainly in NFC."""
    written = text.encode()
    others = written.translate(None, _PLAIN)
    return not others or others.decode().isprintable(), not others or canonical.is_plainly_nfc(written)
