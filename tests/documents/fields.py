"""Tables of fields, written from the published schemas: name, what it holds, what it means."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from importer.schemas.published import SCHEMAS
from importer.schemas.shapes import Schema
from tests.documents.markdown import code, row, table

_ENUM_MAX: Final = 6  #: values that are named in a table; of more, only their type is
#: Words of a meaning that lead somewhere, in a page of docs/reference.
_LINKS: Final = {
    "exit status": "exit-statuses.md",
    "failure code": "failure-codes.md",
    "what makes two rows the same campaign": "../explanation/identity.md",
    "how row and campaign were paired": "states.md#pairings",
    "failures by their code": "failure-codes.md",
    "sent alone": "../how-to/canary.md#the-canary",
    "what a run would do": "#estimate",
}
_CODE: Final = re.compile(r"(?<![`\w.])(hs_\w+|\w+\.jsonl|--[\w-]+(?: \w+)?)(?![`\w])")
_TYPES: Final = {"integer": "integer", "number": "number", "string": "text", "boolean": "true or false", "null": "null",
                 "array": "list", "object": "object"}  # fmt: skip


def fields_of(name: str, *way: str) -> list[str]:
    """Return the table of a schema, or of the object in it that the keys of `way` lead to; `*` is any key."""
    made = _form(SCHEMAS[name]())
    for key in way:
        made = _form(made["additionalProperties"] if key == "*" else made["properties"][key])
    return told(made)


def told(made: Schema, *, without: Sequence[str] = ()) -> list[str]:
    """Return the table of one object's fields."""
    rows = [
        row(code(name), _kind(field) + ("" if name in made["required"] else ", may be absent"), _meaning(field))
        for name, field in made["properties"].items()
        if name not in without
    ]
    return table("field", "holds", "meaning", rows=rows)


def entries() -> list[str]:
    """Return every type of entry of the journal, with its fields; those of all lines are left out."""
    lines = []
    for entry in SCHEMAS["journal"]()["oneOf"]:
        names = " and ".join(code(name) for name in _named(entry["properties"]["t"]))
        lines += [f"## {names}", "", entry["description"], "", *told(entry, without=("n", "t", "c")), ""]
    return lines[:-1]


def _named(kind: Schema) -> Sequence[str]:
    return kind["enum"] if "enum" in kind else [kind["const"]]


def _form(made: Schema) -> Schema:
    """Return the form of an object that is told: the first, where there are several."""
    for kind in ("oneOf", "anyOf"):
        if kind in made:
            return next(form for form in made[kind] if "properties" in form)
    return made


def _meaning(field: Mapping[str, Any]) -> str:
    words = field["description"].removesuffix(".")
    words = _CODE.sub(r"`\1`", words)
    for phrase, target in _LINKS.items():
        words = re.sub(phrase, lambda found, to=target: f"[{found[0]}]({to})", words, count=1, flags=re.IGNORECASE)  # type: ignore[misc] # as above
    return words


def _kind(field: Mapping[str, Any]) -> str:
    """Return what a field may hold, in words."""
    if "const" in field:
        return code(field["const"]) if field["const"] != [] else "list"
    if "enum" in field:
        values = field["enum"]
        if len(values) <= _ENUM_MAX:
            return ", ".join(code(value) for value in values)
        return _TYPES["integer" if isinstance(values[0], int) else "string"]
    if "anyOf" in field:
        return " or ".join(_kind(form) for form in field["anyOf"])
    types = field.get("type", "anything")
    return " or ".join(_TYPES.get(one, one) for one in ([types] if isinstance(types, str) else types))
