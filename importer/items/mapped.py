"""Columns named `budget.…` and `spend.…`: which items they make of a row. Pure.

`budget.amount` makes one item, `budget.q1.amount` one more that is called q1, and so on; beside the amount an item may
have a name, an order and a description. What is blank makes no item; what is no amount fails the whole row before
anything is sent. Items are no part of a row's identity. They are part of its content: a changed amount is told.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

import orjson

from importer import canonical
from importer.checks import text_problems
from importer.codecs import plain, shown
from importer.errors import UsageError
from importer.items.amounts import amount_codec
from importer.model import CampaignItem, Problem, Record, Rejection
from importer.near_miss import did_you_mean
from importer.problems import SOURCE_CODES
from importer.rules import Rule, rule

KINDS: Final = ("budget", "spend")
FIELDS: Final = ("amount", "name", "order", "description")
ITEMS_MAX: Final = 100  #: of one row; each is a request

_HINT: Final = "Write budget.amount, budget.LABEL.amount, spend.amount, …; beside amount: name, order, description."
_NUMBER: Final = amount_codec(".")
_ORDER: Final = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRule:
    """How one item is made."""

    kind: str  #: budget or spend
    label: str  #: empty for the one without
    fields: Mapping[str, Rule]  #: by the name of the field; always with an amount

    @property
    def place(self) -> str:
        """What its fields' names begin with."""
        return f"{self.kind}.{self.label}" if self.label else self.kind


def is_item(name: str) -> bool:
    """Return whether a property's or a column's name is meant as a part of an item."""
    return name in KINDS or name.startswith(tuple(f"{kind}." for kind in KINDS))


def item_rules(tables: Mapping[str, Any], place: str) -> tuple[ItemRule, ...]:
    """Return the rules of a mapping's entries for items, in their order.

    Takes them flat (`"budget.q1.amount" = "Q1"`) and as tables (`[properties.budget.q1]`). Raises `UsageError`.
    """
    found: dict[tuple[str, str], dict[str, Rule]] = {}
    for path, table in _flat(tables):
        kind, label, name = _parts(path, place)
        found.setdefault((kind, label), {})[name] = _field(name, table, f"{place}: properties.{path}")
    for (kind, label), fields in found.items():
        if "amount" not in fields:
            shown = ".".join(filter(None, (kind, label)))
            raise UsageError(f"{place}: properties.{shown} has {', '.join(fields)} and no amount", hint=_HINT)
    rules = [ItemRule(kind=kind, label=label, fields=fields) for (kind, label), fields in found.items()]
    if len(rules) > ITEMS_MAX:
        raise UsageError(f"{place}: {len(rules)} items of one row; {ITEMS_MAX} are the limit", hint=_HINT)
    return tuple(rules)


def column_rules(columns: Iterable[str]) -> tuple[ItemRule, ...]:
    """Return the rules of a source whose columns carry the names of items' fields. Raises `UsageError`."""
    return item_rules({one: {"column": one, "optional": True} for one in columns if is_item(one)}, "columns")


def _flat(tables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, table in tables.items():
        if not isinstance(table, Mapping) or name not in KINDS or isinstance(table.get("column"), str):
            yield name, table
            continue
        for key, inner in table.items():
            if key in FIELDS or not isinstance(inner, Mapping):
                yield f"{name}.{key}", inner
            else:
                for field, last in inner.items():
                    yield f"{name}.{key}.{field}", last


def _parts(path: str, place: str) -> tuple[str, str, str]:
    """Return kind, label and field."""
    kind, *label, name = path.split(".") if "." in path else (path, "")
    if name not in FIELDS or len(label) > 1 or "" in label:
        near = did_you_mean(name, FIELDS) if name else ""
        raise UsageError(f'{place}: "{path}" is no field of an item{near}', hint=_HINT)
    return kind, "".join(label), name


def _field(name: str, table: Any, place: str) -> Rule:
    if name != "amount":
        return rule(name, table, place)
    more = {key: table[key] for key in ("decimal", "currency") if isinstance(table, Mapping) and key in table}
    if more:
        table = {key: value for key, value in table.items() if key not in more}
    try:
        codec = amount_codec(more.get("decimal"), more.get("currency"))
    except (ValueError, TypeError) as error:
        raise UsageError(f"{place}: {error}", hint=_HINT) from None
    made = rule(name, table, place)
    for fixed in made.fixed:
        if fixed and isinstance(told := codec(fixed), Problem):
            raise UsageError(f"{place}: {told.message}", hint=told.fix)
    if made.codec is not None or made.template is not None:
        raise UsageError(f"{place}: an amount comes from a column or is a constant", hint=_HINT)
    return replace(made, codec=codec)


@dataclass(frozen=True, slots=True)
class ItemMaker:
    """Makes the items of rows. Holds no state of rows."""

    rules: Sequence[ItemRule] = ()

    @property
    def columns(self) -> frozenset[str]:
        """Every column that is read."""
        return frozenset(column for one in self.rules for field in one.fields.values() for column in field.columns)

    def missing(self, there: Iterable[str]) -> list[tuple[str, str]]:
        """Return field and column for each column that is needed and not among `there`."""
        known = frozenset(there)
        return [
            (f"{one.place}.{name}", column)
            for one in self.rules
            for name, field in one.fields.items()
            if not field.optional
            for column in field.columns
            if column not in known
        ]

    def add_to(self, chunk: Sequence[Record | Rejection]) -> list[Record | Rejection]:
        """Return the records with their items, and the rejections with what is wrong with theirs."""
        return [self._with_items(one) for one in chunk]

    def _with_items(self, one: Record | Rejection) -> Record | Rejection:
        cells = one.row.cells
        if cells is None:  # the source could not read it
            return one
        items, problems = self.make(cells)
        if isinstance(one, Rejection):
            read = one.problems[0].code not in SOURCE_CODES
            return one._replace(problems=(*one.problems, *problems)) if read else one
        if problems:
            return Rejection(one.row, tuple(problems), one.identity, one.name)
        if not items:
            return one
        return one._replace(items=items, content=content_with(one.content, items))

    def make(self, cells: Mapping[str, Any]) -> tuple[tuple[CampaignItem, ...], list[Problem]]:
        """Return the items that a row's cells make, and every problem they have."""
        problems: list[Problem] = []
        items: list[CampaignItem] = []
        counts = dict.fromkeys(KINDS, 0)
        for one in self.rules:
            values = {name: _value(field, cells, problems) for name, field in one.fields.items()}
            if not values["amount"]:
                continue
            name = values.get("name") or one.label or one.kind.capitalize()
            order = values.get("order") or str(counts[one.kind])
            counts[one.kind] += 1
            if not _ORDER.fullmatch(order):
                problems.append(_problem("invalid_order", f"{shown(order)} is not a whole number", one, "order"))
                continue
            description = values.get("description", "")
            for field, value in (("name", name), ("description", description)):
                problems += [told._replace(column=_column(one, field)) for told in text_problems(field, value)]
            items.append(CampaignItem(one.kind, name, values["amount"], int(order), description))
        problems += _twins(items)
        return tuple(items), problems


def _value(field: Rule, cells: Mapping[str, Any], problems: list[Problem]) -> str:
    """Return what a field is in a row; blank, and a problem added, where it is nothing that can be used."""
    if field.template is not None:
        texts = {column: _plain(cells.get(column), column, problems) for column in field.template.columns}
        return field.template.fill(texts) or field.default
    cell = cells.get(field.column or "")
    if field.codec is not None and isinstance(cell, int | float) and not isinstance(cell, bool):
        read = _NUMBER(_plain(cell, field.column, problems))  # JSON writes numbers in one way only
        problems += [read._replace(column=field.column)] if isinstance(read, Problem) else []
        return "" if isinstance(read, Problem) else read
    text = field.constant or _plain(cells.get(field.column or ""), field.column, problems) or field.default
    value = text if not text or field.codec is None else field.codec(text)
    if isinstance(value, Problem):
        problems.append(value._replace(column=field.column))
        return ""
    return value


def _plain(cell: Any, column: str | None, problems: list[Problem]) -> str:
    value = plain(cell)
    if isinstance(value, Problem):
        problems.append(value._replace(column=column))
        return ""
    return value


def _column(one: ItemRule, field: str) -> str:
    made = one.fields.get(field)
    return made.column if made is not None and made.column is not None else f"{one.place}.{field}"


def _problem(code: str, message: str, one: ItemRule, field: str) -> Problem:
    return Problem(code, message, _column(one, field))


def _twins(items: Sequence[CampaignItem]) -> list[Problem]:
    """Return a problem for items of one kind, name and amount: after a lost answer nobody could tell them apart."""
    met: set[tuple[str, str, str]] = set()
    problems = []
    for item in items:
        same = item.kind, canonical.name_key(item.name), item.amount
        if same in met:
            cause = f"{item.kind} {shown(item.name)} of {item.amount} stands there twice"
            problems.append(Problem("duplicate_item", cause, item.kind))
        met.add(same)
    return problems


def content_with(content: str, items: Sequence[CampaignItem]) -> str:
    """Return the digest of a record's content and its items."""
    return blake2b(orjson.dumps([content, *map(tuple, items)]), digest_size=8).hexdigest()
