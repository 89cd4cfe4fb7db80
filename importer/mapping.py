"""Mapping: which column feeds which property, and how its text becomes the property's value.

    parse_mapping(TOML as a dict) ─┐
    identity_mapping(columns) ─────┴─▶ CampaignMapping ──bind(columns)──▶ BoundMapping ──apply(cells)──▶ properties

A mapping is checked whole before anything is read or sent: what it says wrongly ends the run with the place, the near
miss and the remedy. What a row holds wrongly is a `Problem`. Text is trimmed; a blank value leaves its property out.
The shape of the file is shown in `config/mappings/example.toml`. This module is pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from importer.codecs import Template, plain
from importer.errors import UsageError
from importer.items.mapped import ItemMaker, column_rules, is_item, item_rules
from importer.model import Problem
from importer.near_miss import did_you_mean
from importer.properties import NAME, WRITABLE, complaint, listed
from importer.rules import Rule, one_text, refuse_unknown, rule, texts

#: Columns which a failures file adds; they are never properties.
OWN_COLUMNS: Final = frozenset({"_error", "_code", "_line", "_identity"})

_KEYS: Final = ("name", "key", "ignore", "properties")
_COLUMNS_SHOWN_MAX: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignMapping:
    """A checked mapping."""

    name: str  #: its name, which is the default key space; empty without a mapping
    key: tuple[str, ...] = ()  #: source columns or properties that make two rows the same campaign
    ignore: frozenset[str] = frozenset()  #: columns deliberately not imported
    rules: tuple[Rule, ...]  #: one for each property
    items: ItemMaker = field(default_factory=ItemMaker)  #: of budget and spend
    closed: bool = False  #: whether a row may hold no columns but those of the rules, the key and `ignore`

    @property
    def columns(self) -> frozenset[str]:
        """Every column that the mapping knows."""
        read = {column for rule in self.rules for column in rule.columns}
        return frozenset(read) | self.items.columns | self.ignore | frozenset(self.key) | OWN_COLUMNS

    def described(self) -> list[Any]:
        """Return all of it but budget and spend items as plain JSON values, equal for equal mappings."""
        rules = [[rule.name, rule.optional, rule.described] for rule in self.rules]
        return [self.name, self.key, sorted(self.ignore), self.closed, rules]

    def unmapped(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Return those of the source's `columns` which are neither imported nor ignored on purpose, for a notice."""
        known = self.columns
        return tuple(column for column in columns if column not in known)


# From TOML


def parse_mapping(data: Mapping[str, Any], *, name: str) -> CampaignMapping:
    """Return the mapping that parsed TOML describes; `name` (the file's) stands in for a missing `name`.

    Raises `UsageError`, with the place, for anything missing, unknown or of the wrong kind.
    """
    place = f'mapping "{name}"'
    _refuse_misplaced(data, place)
    refuse_unknown(data, _KEYS, place)
    tables = data.get("properties")
    if not isinstance(tables, Mapping) or NAME not in tables:
        raise UsageError(f"{place}: properties.{NAME} is missing", hint='Say what feeds it: hs_name = "Column".')
    items = {prop: table for prop, table in tables.items() if is_item(prop)}
    others = {prop: table for prop, table in tables.items() if prop not in items}
    rules = tuple(rule(prop, table, f"{place}: properties.{prop}") for prop, table in others.items())
    return CampaignMapping(
        name=one_text(data.get("name", name), f"{place}: name"),
        key=texts(data.get("key", []), f"{place}: key"),
        ignore=frozenset(texts(data.get("ignore", []), f"{place}: ignore")),
        rules=rules,
        items=ItemMaker(item_rules(items, place)),
    )


def _refuse_misplaced(data: Mapping[str, Any], place: str) -> None:
    """Refuse a property that stands beside `properties`, where it is easily put."""
    for key in data:
        if key in WRITABLE or is_item(key):
            raise UsageError(
                f'{place}: "{key}" stands outside of properties',
                hint="Write it below the line [mapping.properties] (in a file of its own: [properties]); a table of it"
                f" is [mapping.properties.{key}].",
            )


# Without a mapping


def identity_mapping(
    columns: Iterable[str],
    *,
    key: Iterable[str] = (),
    allow: frozenset[str] = frozenset(),
    ready: Sequence[CampaignMapping] = (),
) -> CampaignMapping:
    """Return the mapping of a source whose columns carry the names of properties.

    `key` columns need not be properties; they are then not sent. `allow` holds properties that the user vouches for.
    Raises `UsageError` for a column that is nothing of this, naming the near miss and the ways out, and pointing to
    the mapping of `ready` which knows the columns.
    """
    there = tuple(columns)
    own = OWN_COLUMNS | (set(key) - set(WRITABLE) - allow) | {column for column in there if is_item(column)}
    headings = tuple(column for column in there if column not in own)
    wrong = [why for one in headings if (why := _complaint(one, allow)) is not None]
    if NAME not in headings:
        wrong.insert(0, f"there is no column {NAME}")
    if wrong:
        fitting = looks_like(there, ready)
        raise UsageError(
            f"the columns do not carry the names of properties: {listed(wrong)}",
            hint=f"They are those of a ready mapping: use --mapping {fitting.name}."
            if fitting is not None
            else "importer init SOURCE proposes a mapping. Or rename the columns, name a mapping with --mapping FILE,"
            " vouch for a property of your account with --allow-property NAME, or make the column the key with --key"
            " NAME.",
        )
    # A later row of a JSON source may hold a property that the first rows lack: all of them are listened to.
    names = dict.fromkeys((*headings, *WRITABLE, *sorted(allow)))
    rules = tuple(Rule(name=one, column=one, optional=True, described={"column": one}) for one in names)
    items = ItemMaker(column_rules(there))
    return CampaignMapping(name="", key=tuple(dict.fromkeys(key)), rules=rules, items=items, closed=True)


def _complaint(heading: str, allow: frozenset[str]) -> str | None:
    """Return why a heading is no property, or None; one that is the field of an item but for its case is told so."""
    bare = heading.strip().casefold()
    if is_item(bare) and "." in bare and heading not in allow:
        return f'"{heading}" is no field of an item; did you mean {bare}?'
    return complaint(heading, allow=allow, custom=False)


def looks_like(columns: Iterable[str], mappings: Iterable[CampaignMapping]) -> CampaignMapping | None:
    """Return the mapping whose required columns are all there and which knows most of `columns`, or None."""
    there = frozenset(columns)
    fitting = [one for one in mappings if not _missing(one, there) and there >= set(one.key) - _made(one)]
    return max(fitting, key=lambda one: len(one.columns & there), default=None)


# Bound to the columns of a source


def bind(mapping: CampaignMapping, columns: Iterable[str]) -> "BoundMapping":
    """Return `mapping` ready to be applied to rows with these columns.

    Raises `UsageError` when a column that is not optional is missing, with the near miss among `columns`.
    """
    there = tuple(columns)
    missing = _missing(mapping, frozenset(there))
    if missing:
        prop, column = missing[0]
        more = f"; {len(missing) - 1} more are missing" if len(missing) > 1 else ""
        raise UsageError(
            f'mapping "{mapping.name}": {prop} needs the column "{column}", which the source does not have'
            f"{did_you_mean(column, there)}{more}",
            hint="Mend the mapping, or mark the property with optional = true. The source's columns are: "
            + ", ".join(there[:_COLUMNS_SHOWN_MAX])
            + ("." if len(there) <= _COLUMNS_SHOWN_MAX else ", …"),
        )
    return BoundMapping(mapping, there)


def _missing(mapping: CampaignMapping, there: frozenset[str]) -> list[tuple[str, str]]:
    """Return property and column for each column that is needed and not there."""
    needed = {column: rule.name for rule in mapping.rules if not rule.optional for column in reversed(rule.columns)}
    missing = [(prop, column) for column, prop in needed.items() if column not in there]
    return missing + mapping.items.missing(there)


def _made(mapping: CampaignMapping) -> frozenset[str]:
    return frozenset(rule.name for rule in mapping.rules)


class BoundMapping:
    """A mapping at work on the rows of one source. Holds no state that a row changes."""

    __slots__ = ("_constants", "_known", "_single", "_templates", "columns", "mapping", "rules")

    def __init__(self, mapping: CampaignMapping, columns: tuple[str, ...]) -> None:
        """Take a mapping and the source's columns; `bind` checks that they fit."""
        self.mapping = mapping
        self.columns = columns
        self.rules = {rule.name: rule for rule in mapping.rules}
        self._known = mapping.columns if mapping.closed else None
        self._constants = {rule.name: rule.constant for rule in mapping.rules if rule.constant is not None}
        self._single = tuple(
            (rule.name, rule.column, rule.codec, rule.default) for rule in mapping.rules if rule.column is not None
        )
        self._templates = tuple(
            (rule.name, rule.template, rule.default) for rule in mapping.rules if rule.template is not None
        )

    @property
    def fed(self) -> frozenset[str]:
        """Return the properties which the source's columns feed: a blank cell of theirs says that there is no value."""
        columns = frozenset(self.columns)
        return frozenset(name for name, rule in self.rules.items() if columns.intersection(rule.columns))

    def origin(self, prop: str) -> str:
        """Return the column that feeds a property; the property's own name when it is not exactly one."""
        rule = self.rules.get(prop)
        return rule.column if rule is not None and rule.column is not None else prop

    def apply(self, cells: Mapping[str, Any]) -> tuple[dict[str, str], list[Problem]]:
        """Return the properties that a row's cells make, and every problem the cells have.

        A property whose cells have a problem, or are blank, is left out. A missing cell is blank.
        """
        made = self._constants.copy()
        problems: list[Problem] = []
        for prop, column, codec, default in self._single:
            cell = cells.get(column)
            value: str | Problem = "" if cell is None else cell.strip() if type(cell) is str else plain(cell)
            if not value:
                value = default
            elif codec is not None and isinstance(value, str):
                value = codec(value)
            if isinstance(value, Problem):
                problems.append(value._replace(column=column))
            elif value:
                made[prop] = value
        for prop, template, default in self._templates:
            text = template.fill(self._texts(cells, template, problems)) or default
            if text:
                made[prop] = text
        if self._known is not None and not cells.keys() <= self._known:
            problems.extend(self._strays(cells))
        return made, problems

    @staticmethod
    def _texts(cells: Mapping[str, Any], template: Template, problems: list[Problem]) -> dict[str, str]:
        """Return the text of each of the template's columns; blank, and a problem added, where there is none."""
        found: dict[str, str] = {}
        for column in template.columns:
            value = plain(cells.get(column))
            if isinstance(value, Problem):
                problems.append(value._replace(column=column))
            found[column] = "" if isinstance(value, Problem) else value
        return found

    def _strays(self, cells: Mapping[str, Any]) -> list[Problem]:
        """Return a problem for each filled column of a row which the source's first rows did not have."""
        known = self._known or frozenset()
        strays = (column for column in cells if column not in known and plain(cells[column]))
        return [Problem("unknown_column", complaint(one, custom=False) or f"{one} is not known", one) for one in strays]


def name_rule(bound: BoundMapping) -> dict[str, Any]:
    """Return how `hs_name` is made, as plain JSON values: the same for the same way, whatever else the mapping says."""
    return dict(bound.rules[NAME].described)
