"""importer.toml, and a mapping in a file of its own."""

from typing import Any, Final

from importer.cli.flags import IN_FILE, Flag
from importer.items.amounts import MARKS
from importer.items.mapped import FIELDS, KINDS
from importer.schemas.shapes import Schema, closed, document
from importer.settings import MAPPING, TABLE, Settings

_TEXT: Final[Schema] = {"type": "string", "pattern": r"\S"}
_TEXTS: Final[Schema] = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
#: Bounds of what is converted first are named as pydantic names them.
_BOUNDS: Final = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_TIME: Final[Schema] = {"type": "string", "pattern": r"^\s*([0-9.]+\s*|([0-9.]+[dhmsDHMS])+)\s*$"}
_LABELS: Final[Schema] = {"type": "object", "additionalProperties": {"type": "string"}}
_OTHERWISE: Final[Schema] = {"anyOf": [{"enum": ["fail", "keep", "drop"]}, closed({"value": _TEXT}, ["value"])]}


def mapping() -> Schema:
    """Return the schema of a mapping in a file of its own, for --mapping."""
    return document("A mapping, for --mapping", _mapping())


def configuration() -> Schema:
    """Return the schema of importer.toml and of any file for --config."""
    both = {"required": [TABLE, MAPPING], "properties": {TABLE: {"required": [MAPPING]}}}
    made = closed({TABLE: _settings(), MAPPING: _mapping()}, [])
    return document("importer.toml, the configuration of importer", made | {"not": both})


def _settings() -> Schema:
    told = Settings.model_json_schema(by_alias=False)["properties"]
    made = closed({name: _setting(flag, told[flag.field]) for name, flag in IN_FILE.items()}, [])
    return made | {"description": "Settings; flags and the environment come before them."}


def _setting(flag: Flag, told: dict[str, Any]) -> Schema:
    kinds = [kind for kind in told.get("anyOf", [told]) if kind.get("type") != "null"]
    left_out = {"title", "default", "format"}
    made = {_BOUNDS.get(name, name): value for name, value in kinds[0].items() if name not in left_out}
    if flag.kind == "list" or made.get("type") == "array":
        made = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    if flag.metavar == "TIME":
        made = {"anyOf": [made, _TIME]}
    if flag.name == "workers":
        made = {"anyOf": [made, {"const": "auto"}]}
    default = {"default": told["default"]} if flag.kind != "list" and told.get("default") is not None else {}
    return {"description": f"{flag.help[0].upper()}{flag.help[1:]}.", **made, **default}


def _mapping() -> Schema:
    """Return the schema of a mapping: name, key, columns left out, and what feeds each property."""
    properties = {
        "type": "object",
        "description": "What feeds each property of HubSpot; hs_name is required.",
        "required": ["hs_name"],
        "properties": dict.fromkeys(KINDS, _items()),
        "additionalProperties": {"anyOf": [_TEXT, _from_column(), _from_template(), _constant()]},
    }
    fields: dict[str, Schema] = {
        "name": {**_TEXT, "description": "Name under which keys are compared; else that of the file."},
        "key": {**_TEXTS, "description": "Columns or properties that make two rows the same campaign."},
        "ignore": {**_TEXTS, "description": "Columns that are left out on purpose."},
        "properties": properties,
    }
    return closed(fields, ["properties"], description="Which column feeds which property.")


def _items() -> Schema:
    """Return the schema of the table `budget` or `spend`: fields of one item, and tables of more by their labels."""
    text: Schema = {"anyOf": [_TEXT, _from_column(), _from_template(), _constant()]}
    column = _from_column()
    of_amount: dict[str, Schema] = {
        "column": _TEXT,
        "decimal": {"enum": list(MARKS), "description": "The mark before the cents."},
        "currency": {"type": "string", "pattern": "^[A-Za-z]{3}$", "description": "Whose sign or code cells may bear."},
        **{name: column["properties"][name] for name in ("default", "optional")},
    }
    amount: Schema = {"anyOf": [_TEXT, closed(of_amount, ["column"]), _constant()]}
    fields = {name: amount if name == "amount" else text for name in FIELDS}
    labelled = closed(fields, ["amount"])
    held = {"type": "object", "description": "Items of the campaign, made after it.", "properties": fields}
    return held | {"additionalProperties": labelled}


def _from_column() -> Schema:
    held: dict[str, Schema] = {
        "column": _TEXT,
        "date": {**_TEXTS, "description": "Formats of its dates: iso, or as strptime takes them."},
        "values": {**_LABELS, "description": "Label to value; a blank value leaves the property out."},
        "otherwise": {**_OTHERWISE, "description": "What becomes of labels that do not stand in values."},
        "default": {**_TEXT, "description": "The value where the cell is blank."},
        "optional": {"type": "boolean", "description": "The source may do without the column."},
    }
    exclusive = {"not": {"required": ["date", "values"]}, "dependentRequired": {"otherwise": ["values"]}}
    return closed(held, ["column"], description="From one column.") | exclusive


def _from_template() -> Schema:
    held: dict[str, Schema] = {
        "template": {**_TEXT, "description": "Text with {columns} in it; [what is left out where one is blank]."},
        "default": _TEXT,
        "optional": {"type": "boolean"},
    }
    return closed(held, ["template"], description="From several columns.")


def _constant() -> Schema:
    return closed({"constant": _TEXT}, ["constant"], description="The same value for every row.")
