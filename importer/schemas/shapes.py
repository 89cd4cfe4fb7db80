"""Types as JSON Schemas: what a `TypedDict` or a dataclass of this house allows, and nothing else."""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Any, Final, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
IDENTITY: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_NAMES: Final = ("hs_", "createdAt")  #: a comment that begins with one keeps its small letter
_PLAIN: Final[Mapping[Any, Schema]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    Any: {},
}
_ABOVE: Final = re.compile(r"^ {4}(?: {4})?#: (.+)$")
_FIELD: Final = re.compile(r"^ {4}(?: {4}(?=\"))?\"?(\w+)\"?: .*?(?:  #: (.+))?$")


def schema_of(kind: Any) -> Schema:
    """Return the schema of a type: plain ones, literals, unions, lists, mappings, tuples, and shapes made of them."""
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"const": args[0]} if len(args) == 1 else {"enum": list(args)}
    if origin in {Union, UnionType}:
        return _any_of([schema_of(one) for one in args])
    if origin in {list, Sequence}:
        return {"type": "array", "items": schema_of(args[0])}
    if origin in {dict, Mapping}:
        return {"type": "object", "additionalProperties": schema_of(args[1])}
    if origin is tuple and args[-1] is not ...:
        items = [schema_of(one) for one in args]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "items": False}
    if is_typeddict(kind) or is_dataclass(kind):
        return shape(kind)
    raise TypeError(f"no schema is known for {kind!r}")


def shape(kind: Any, /, **also: Schema) -> Schema:
    """Return the schema of an object with the fields of `kind`, some of them described more closely by `also`."""
    hints = get_type_hints(kind, include_extras=True)
    said = _comments(kind)
    fields, required = {}, []
    for name, hint in hints.items():
        optional = get_origin(hint) is NotRequired
        made = also[name] if name in also else schema_of(get_args(hint)[0] if optional else hint)
        fields[name] = {"description": said[name]} | _undescribed(made) if name in said else made
        if not optional:
            required.append(name)
    return closed(fields, required, description=_summary(kind))


def closed(fields: Mapping[str, Schema], required: Sequence[str], *, description: str = "") -> Schema:
    """Return the schema of an object with these fields and no others."""
    about = {"description": description} if description else {}
    made: Schema = {"type": "object", **about, "properties": dict(fields), "required": list(required)}
    return made | {"additionalProperties": False}


def _undescribed(made: Schema) -> Schema:
    return {name: value for name, value in made.items() if name != "description"}


def document(title: str, made: Schema) -> Schema:
    """Return a schema that stands by itself."""
    return {"$schema": DIALECT, "title": title, **made}


def or_null(made: Schema) -> Schema:
    """Return the schema that takes null, too."""
    return _any_of([made, {"type": "null"}])


def _any_of(made: Sequence[Schema]) -> Schema:
    if all(set(one) == {"type"} for one in made):
        return {"type": [one["type"] for one in made]}
    return {"anyOf": list(made)}


def _comments(kind: Any) -> dict[str, str]:
    """Return what the `#:` comments above or beside the fields of `kind` say, as far as its source can be had."""
    said: dict[str, str] = {}
    above: list[str] = []
    for line in _source(kind).splitlines():
        if found := _ABOVE.match(line):
            above.append(found[1])
            continue
        if (field := _FIELD.match(line)) and (words := " ".join([*above, *filter(None, [field[2]])])):
            said[field[1]] = _sentence(words)
        above.clear()
    return said


def _sentence(words: str) -> str:
    """Return the words with a capital and a full stop, unless they begin with a name as it is written in code."""
    first = words if words.startswith(_NAMES) else words[0].upper() + words[1:]
    return first + "."


def _summary(kind: Any) -> str:
    """Return the first line of a class's docstring, or of the `#:` comment above what a call made."""
    source = _source(kind)
    if source.startswith("#: "):
        return source.partition("\n")[0].removeprefix("#: ")
    body = ast.parse(source).body
    held = ast.get_docstring(body[0]) if body and isinstance(body[0], ast.ClassDef) else None
    return (held or "").partition("\n")[0]


def _source(kind: Any) -> str:
    """Return the source of a class, or of the call to `TypedDict` that made it; empty where there is none."""
    try:
        return textwrap.dedent(inspect.getsource(kind))
    except (OSError, TypeError):
        made_by_call = re.compile(rf"^(?:#: .*\n)*{kind.__name__} = TypedDict\(\n(?:.*\n)*?\)", re.MULTILINE)
        found = made_by_call.search(inspect.getsource(sys.modules[kind.__module__]))
        return found[0] if found else ""
