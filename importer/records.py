"""Records: the properties of a row, validated, with the identity that says whether two rows are one campaign.

The identity is a digest of the key: 128 bits of BLAKE2b over the key space and the names and values of the key, written
as JSON, so that no two keys can run together. Values are NFC and trimmed and keep their case. Without a key, all
properties that are sent are the key, and since equal identities then have equal content, the identity tells that too.
The correlation property, which carries the identity to HubSpot, is no part of identity or content. This module is pure.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Literal, NamedTuple

from importer import canonical
from importer.checks import Check, property_checks, text_problems
from importer.codecs import plain
from importer.errors import UsageError
from importer.mapping import BoundMapping, name_rule
from importer.model import Problem, Record, Rejection, Row
from importer.near_miss import did_you_mean
from importer.properties import END_DATE, NAME, START_DATE, STATUSES, TEXT_CHARACTERS_MAX, check_names

SCHEME_VERSION: Final = 2  #: raise it when records would get other identities than before

Kind = Literal["key", "all"]  #: what an identity is made of: the key, or all properties that are sent

_IDENTITY: Final = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPolicy:
    """What makes a record valid, and what makes it the same as another."""

    key: tuple[str, ...] = ()  #: source columns or properties; empty: all properties that are sent
    key_space: str = ""  #: keeps the equal keys of two systems apart; by default the mapping's name
    allow_properties: frozenset[str] = frozenset()  #: properties that the user vouches for
    statuses: frozenset[str] | None = frozenset(STATUSES)  #: permitted values of hs_campaign_status; None: any
    correlation: str | None = None  #: custom property that is filled with the identity


class _KeyPart(NamedTuple):
    """One column of the key."""

    name: str
    is_column: bool  #: a column of the source, else a property


class RecordMaker:
    """Makes a `Record` of a row, or a `Rejection` with everything that is wrong with it. Holds no state of rows."""

    def __init__(self, policy: RecordPolicy, bound: BoundMapping) -> None:
        """Take the rules and the mapping at work on the source.

        Raises `UsageError` for a property that cannot be sent, a key that the source does not have, or a
        correlation property which the source fills too.
        """
        place = f'mapping "{bound.mapping.name}"' if bound.mapping.name else "columns"
        check_names(bound.rules, allow=policy.allow_properties, place=place)
        _check_correlation(policy, bound)
        self.scheme = scheme(policy, bound)
        self.bound = bound
        self.key = _key_parts(policy, bound)
        self.policy = policy
        self._checks: tuple[tuple[str, Check], ...] = property_checks(policy.statuses)
        _check_fixed(bound, dict(self._checks), place)

    def make(self, row: Row) -> Record | Rejection:
        """Return the record that `row` holds, or why it holds none."""
        cells = row.cells
        assert cells is not None, "a row known from the journal only has no cells"
        properties, problems = self.bound.apply(cells)
        self._validate(properties, problems)
        identity = self._keyed(cells, properties, problems) if self.key else None
        if problems:
            return Rejection(row, tuple(dict.fromkeys(problems)), identity, properties.get(NAME))
        payload = canonical.framed(properties)
        if identity is None:
            (identity,) = identities(self.policy.key_space, "all", [payload])
        content = canonical.digest(properties) if self.key else content_of_keyless(identity)
        given = None
        if self.policy.correlation is not None:
            given, payload = {**properties, self.policy.correlation: identity}, b""
        return Record(row, identity, properties[NAME], given, content, _mends(cells), payload)

    def twin(self, record: Record, n: int) -> Record:
        """Return `record` as the `n`-th repetition of its identity; the 0-th is the record itself."""
        if n == 0:
            return record
        identity = occurrence(record.identity, n)
        if self.policy.correlation is None:
            return record._replace(identity=identity)
        properties = {**record.properties, self.policy.correlation: identity}
        return record._replace(identity=identity, given=properties, payload=b"")

    def _validate(self, properties: dict[str, str], problems: list[Problem]) -> None:
        """Bring the properties into the form that is sent, and add what is wrong with them to `problems`."""
        for name, value in properties.items():
            if len(value) > TEXT_CHARACTERS_MAX or not value.isprintable():
                problems.extend(self._at(name, problem) for problem in text_problems(name, value))
        for name, check in self._checks:
            if name in properties:
                checked = check(properties[name])
                if isinstance(checked, Problem):
                    problems.append(self._at(name, checked))
                else:
                    properties[name] = checked
        if NAME not in properties and not self._told(NAME, problems):
            column = self.bound.origin(NAME)
            what = "is blank" if column == NAME else f"is blank: it feeds {NAME}"
            problems.append(Problem("name_missing", f"{column} {what}", column))
        start, end = properties.get(START_DATE), properties.get(END_DATE)
        if start and end and end < start and not any(one.code == "invalid_date" for one in problems):
            problems.append(
                self._at(
                    END_DATE, Problem("dates_reversed", f"the campaign ends on {end}, before its start on {start}")
                )
            )

    def _at(self, name: str, problem: Problem) -> Problem:
        return problem._replace(column=self.bound.origin(name))

    def _told(self, name: str, problems: list[Problem]) -> bool:
        """Return whether a problem already says why a property is not there."""
        rule = self.bound.rules.get(name)
        return rule is not None and any(one.column in rule.columns for one in problems)

    def _keyed(self, cells: Mapping[str, Any], properties: Mapping[str, str], problems: list[Problem]) -> str | None:
        """Return the identity that the key makes, or None, with a problem added, when a part of it is blank."""
        parts: dict[str, str] = {}
        for name, is_column in self.key:
            value = plain(cells.get(name)) if is_column else properties.get(name, "")
            if isinstance(value, Problem):
                problems.append(value._replace(column=name))
            elif value:
                parts[name] = value
            elif is_column or not self._told(name, problems):
                problems.append(Problem("key_missing", f"{name} is blank and belongs to the key", name))
        whole = len(parts) == len(self.key)
        return identities(self.policy.key_space, "key", [canonical.framed(parts)])[0] if whole else None


def identities(key_space: str, kind: Kind, payloads: Iterable[bytes], *, in_nfc: bool = False) -> list[str]:
    """Return the identity of each record, whose key, or all of whose properties, `payloads` hold (`framed`).

    `in_nfc` says that all payloads are known to be in NFC.
    """
    before = canonical.nfc(canonical.framed([key_space, kind]))
    # Nothing composes with JSON's marks, so all of it is brought to NFC at once.
    keys = payloads if in_nfc else map(canonical.nfc, payloads)
    return [blake2b(before + key, digest_size=16).hexdigest() for key in keys]


def content_of_keyless(identity: str) -> str:
    """Return the content digest of a record whose identity says all of its content."""
    return identity[:16]


def occurrence(identity: str, n: int) -> str:
    """Return the identity of the `n`-th repetition of a record; the 0-th is `identity` itself."""
    return blake2b(bytes.fromhex(identity) + n.to_bytes(8, "big"), digest_size=16).hexdigest() if n else identity


def scheme(policy: RecordPolicy, bound: BoundMapping) -> dict[str, Any]:
    """Return what the identities of a run depend on, as plain JSON values to be compared with `==`.

    A part of the key is a column, whose value stands as the source has it, or a property, which depends on the rule
    that makes it. Without a key it is how `hs_name` is made; the rest of a mapping may then be mended freely.
    """
    made: dict[str, Any] = {"version": SCHEME_VERSION, "key_space": policy.key_space, "key": []}
    for name, is_column in _key_parts(policy, bound):
        origin: dict[str, Any] = {"column": name}
        made["key"].append(origin if is_column else {"property": name, "rule": dict(bound.rules[name].described)})
    if not policy.key:
        made["name_rule"] = name_rule(bound)
    return made


# Identity


def _key_parts(policy: RecordPolicy, bound: BoundMapping) -> tuple[_KeyPart, ...]:
    """Return the columns of the key in the order of their names; raise `UsageError` for one that is not there."""
    columns = frozenset(bound.columns)
    parts = []
    for name in sorted(set(policy.key)):
        rule = bound.rules.get(name)
        if name not in columns and (rule is None or (rule.optional and not columns.intersection(rule.columns))):
            near = did_you_mean(name, (*bound.columns, *bound.rules))
            raise UsageError(
                f'the key "{name}" is neither a column of the source nor a property that is made from it{near}',
                hint="Name a column or a property with --key: " + ", ".join(bound.columns[:40]) + ".",
            )
        if name not in columns and rule is not None and rule.constant is not None:
            raise UsageError(
                f'the key "{name}" is a constant: every row would be the same campaign',
                hint="Name a column whose value differs from row to row with --key.",
            )
        parts.append(_KeyPart(name, name in columns))
    return tuple(parts)


def _mends(cells: Mapping[str, Any]) -> str | None:
    """Return the identity in a failures file's `_identity` column, or None."""
    value = cells.get("_identity")
    return value if isinstance(value, str) and _IDENTITY.fullmatch(value) else None


def _check_correlation(policy: RecordPolicy, bound: BoundMapping) -> None:
    name = policy.correlation
    if name is None:
        return
    check_names((name,), allow=policy.allow_properties, place="correlation property")
    if name.startswith("hs_") or name in bound.rules:
        raise UsageError(
            f"the correlation property {name} is filled by the importer and cannot come from elsewhere too",
            hint="Name a custom text property which nothing else fills.",
        )


def _check_fixed(bound: BoundMapping, checks: Mapping[str, Check], place: str) -> None:
    """Refuse a mapping whose own values would fail in every row."""
    for rule in bound.rules.values():
        for value in rule.fixed:
            checked = checks[rule.name](value) if value and rule.name in checks else value
            if isinstance(checked, Problem):
                raise UsageError(f"{place}: properties.{rule.name}: {checked.message}", hint=checked.fix)
