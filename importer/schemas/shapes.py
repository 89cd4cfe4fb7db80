"""Types as JSON Schemas: what a `TypedDict` or a dataclass of this house allows, and nothing else."""

import ast
import inspect
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Any, Final, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
IDENTITY: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_PLAIN: Final[Mapping[Any, Schema]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    Any: {},
}
_COMMENTED: Final = re.compile(r"^ {4}(\w+): .*?  #: (.+)$", re.MULTILINE)


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
        fields[name] = {"description": said[name], **made} if name in said else made
        if not optional:
            required.append(name)
    return closed(fields, required, description=_summary(kind))


def closed(fields: Mapping[str, Schema], required: Sequence[str], *, description: str = "") -> Schema:
    """Return the schema of an object with these fields and no others."""
    about = {"description": description} if description else {}
    made: Schema = {"type": "object", **about, "properties": dict(fields), "required": list(required)}
    return made | {"additionalProperties": False}


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
    """Return what the `#:` comments of a class say of its fields, as far as its source can be had."""
    try:
        source = textwrap.dedent(inspect.getsource(kind))
    except (OSError, TypeError):  # made by a call
        return {}
    return {name: said[0].upper() + said[1:] + "." for name, said in _COMMENTED.findall(source)}


def _summary(kind: Any) -> str:
    """Return the first line of a class's docstring, where it has one of its own."""
    try:
        found = ast.get_docstring(ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0])  # type: ignore[arg-type] # a class
    except (OSError, TypeError):
        return ""
    return (found or "").partition("\n")[0]
