"""Rules: one entry of a mapping's `properties` table, checked and made ready. Pure.

Everything here raises `UsageError` which names the place, for people who write mappings by hand.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from importer.codecs import Codec, Template, choice_codec, date_codec, parse_template
from importer.errors import UsageError
from importer.near_miss import did_you_mean

_ORIGINS: Final = ("column", "template", "constant")
_KEYS: Final = (*_ORIGINS, "date", "values", "otherwise", "default", "optional")
_HINT: Final = "config/mappings/example.toml shows every form a mapping can take."


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one property is made: from a column, a template of columns, or a constant."""

    name: str  #: name of the property
    column: str | None = None  #: the column that feeds it
    template: Template | None = None  #: several columns and the text between them
    constant: str | None = None  #: the same value for every row
    codec: Codec | None = field(
        default=None, compare=False
    )  #: what becomes of the column's text; None sends it as it stands, trimmed
    default: str = ""  #: the value where the column or the whole template is blank
    optional: bool = False  #: the source may do without its columns
    fixed: tuple[str, ...] = ()  #: values which the mapping itself holds: constant, default, those of labels
    described: Mapping[str, Any]  #: the rule as plain JSON values, equal for equal rules

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns which the rule reads."""
        if self.template is not None:
            return self.template.columns
        return () if self.column is None else (self.column,)


def rule(prop: str, table: object, place: str) -> Rule:
    """Return the rule that one entry of `properties` describes: a column's name, or a table.

    `place` opens every message, such as `mapping "salesforce": properties.hs_name`.
    """
    if isinstance(table, str):
        table = {"column": table}
    if not isinstance(table, Mapping):
        raise _wrong(place, "is neither the name of a column nor a table")
    refuse_unknown(table, _KEYS, place)
    origins = [origin for origin in _ORIGINS if origin in table]
    if len(origins) != 1:
        raise _wrong(place, f"needs one of column, template and constant, and has {' and '.join(origins) or 'none'}")
    _refuse_misplaced(table, origins[0], place)
    optional = table.get("optional", False)
    if not isinstance(optional, bool):
        raise _wrong(place, "optional is neither true nor false")
    origin = one_text(table[origins[0]], f"{place}.{origins[0]}")
    return Rule(
        name=prop,
        column=origin if origins[0] == "column" else None,
        template=_template(origin, place) if origins[0] == "template" else None,
        constant=origin.strip() if origins[0] == "constant" else None,
        codec=_codec(table, place),
        default=one_text(table["default"], f"{place}.default").strip() if "default" in table else "",
        optional=optional,
        fixed=tuple(_fixed(table)),
        described={key: _described(table[key]) for key in sorted(table) if key != "optional"},
    )


def _refuse_misplaced(table: Mapping[str, Any], origin: str, place: str) -> None:
    """Refuse keys which say nothing where they stand."""
    misplaced = {
        "column": (),
        "template": ("date", "values", "otherwise"),
        "constant": ("date", "values", "otherwise", "default", "optional"),
    }[origin]
    found = [key for key in misplaced if key in table]
    if found:
        raise _wrong(place, f"{found[0]} does not go with {origin}")
    if "date" in table and "values" in table:
        raise _wrong(place, "date does not go with values")
    if "otherwise" in table and "values" not in table:
        raise _wrong(place, "otherwise says what becomes of labels outside values, and there is no values")


def _codec(table: Mapping[str, Any], place: str) -> Codec | None:
    """Return the codec that a rule names, or None."""
    try:
        if "date" in table:
            return date_codec(texts(table["date"], f"{place}.date"))
        if "values" not in table:
            return None
        values, otherwise = table["values"], table.get("otherwise", "fail")
        if not isinstance(values, Mapping):
            raise _wrong(f"{place}.values", 'is not a table such as { "In Progress" = "in_progress" }')
        if isinstance(otherwise, Mapping):
            refuse_unknown(otherwise, ("value",), f"{place}.otherwise")
            otherwise = {"value": one_text(otherwise.get("value"), f"{place}.otherwise.value").strip()}
        elif not isinstance(otherwise, str):
            raise _wrong(f"{place}.otherwise", 'is not fail, keep, drop or { value = "…" }')
        labels = {label: one_text(value, f"{place}.values.{label}", blank=True) for label, value in values.items()}
        return choice_codec(labels, otherwise)
    except ValueError as error:
        raise _wrong(place, str(error)) from None


def _template(text: str, place: str) -> Template:
    try:
        return parse_template(text)
    except ValueError as error:
        raise _wrong(place, str(error)) from None


def refuse_unknown(table: Mapping[str, Any], known: Sequence[str], place: str) -> None:
    """Refuse keys of a table that are not among `known`, with the near miss."""
    for key in table:
        if key not in known:
            raise _wrong(place, f'unknown key "{key}"{did_you_mean(key, known)}; known are {", ".join(known)}')


def one_text(value: object, place: str, *, blank: bool = False) -> str:
    """Return `value` if it is text, and not blank unless `blank` permits it."""
    if not isinstance(value, str):
        raise _wrong(place, 'is not text; write it in quotes: "…"')
    if not value.strip() and not blank:
        raise _wrong(place, "is blank")
    return value


def texts(value: object, place: str) -> tuple[str, ...]:
    """Return a text or a list of texts as a tuple without repeats."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple):
        raise _wrong(place, 'is not a list of texts such as ["Id"]')
    return tuple(dict.fromkeys(one_text(one, place) for one in given))


def _fixed(table: Mapping[str, Any]) -> Iterator[str]:
    yield from (table[key].strip() for key in ("constant", "default") if key in table)
    yield from (value.strip() for value in table.get("values", {}).values())
    if isinstance(table.get("otherwise"), Mapping):
        yield table["otherwise"]["value"].strip()


def _described(value: Any) -> Any:
    """Return a piece of TOML as plain JSON values."""
    if isinstance(value, Mapping):
        return {key: _described(value[key]) for key in sorted(value)}
    return list(value) if isinstance(value, tuple) else value


def _wrong(place: str, what: str) -> UsageError:
    return UsageError(f"{place}: {what}", hint=_HINT)
