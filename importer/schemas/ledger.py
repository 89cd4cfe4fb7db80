"""The lines of the ledger's files, and the objects of a run."""

from dataclasses import fields
from typing import Any, Final

from importer.archiving import Fate
from importer.errors import ExitStatus
from importer.estimating import Estimate
from importer.ledger import entries, item_entries, mode_entries, rows
from importer.model import Pairing, State
from importer.problems import CODES
from importer.report import details, summary
from importer.report.books import Books, Summary, Tally
from importer.report.item_books import ItemBooks
from importer.schemas.shapes import IDENTITY, Schema, closed, document, or_null, schema_of, shape
from importer.settling import SETTLED_COUNTS
from importer.summing_up import NOT_COUNTS

_PAIRINGS: Final[Schema] = {"enum": [str(pairing) for pairing in Pairing]}
_CODE: Final[Schema] = {"enum": sorted(CODES)}
_NUMBER: Final[Schema] = {"type": "integer", "minimum": 0, "description": "Number of the line, consecutive from 0."}
_SEAL: Final[Schema] = {
    "type": "string",
    "pattern": "^[0-9a-f]{8}$",
    "description": "CRC-32 of the line up to here, begun with that of the line before.",
}
_PROBLEM: Final = closed(
    {
        "code": {"description": "The failure code.", **_CODE},
        "message": {"description": "The cause, one sentence.", "type": "string"},
        "column": {"description": "The column or property to look at.", "type": ["string", "null"]},
        "fix": {"description": "What to do.", "type": ["string", "null"]},
    },
    ["code", "message", "column", "fix"],
)
_PROBLEMS: Final[Schema] = {"type": "array", "items": _PROBLEM, "minItems": 1}
_PROPERTIES: Final = schema_of(dict[str, str])
_ITEM: Final[Schema] = {
    "type": "array",
    "description": "Source (index into src), ordinal, line number, identity, name, content digest.",
    "prefixItems": [
        {"type": "integer", "minimum": 0},
        {"type": "integer", "minimum": 0},
        {"type": ["integer", "null"]},
        IDENTITY,
        {"type": "string"},
        {"type": "string", "pattern": "^[0-9a-f]{16}$"},
    ],
    "minItems": 6,
    "items": False,
}
_CREATED: Final[Schema] = {
    "type": "array",
    "items": {
        "type": "array",
        "description": "Index in the batch, id, createdAt, pairing, values that came back in another spelling.",
        "prefixItems": [
            {"type": "integer", "minimum": 0},
            {"type": "string"},
            {"type": ["string", "null"]},
            _PAIRINGS,
            or_null(_PROPERTIES),
        ],
        "minItems": 5,
        "items": False,
    },
}
_FAILED: Final[Schema] = {"type": "array", "items": shape(entries.FailedItem, code=_CODE)}
_EXTRA: Final[Schema] = {
    "type": "array",
    "items": closed({"id": {"type": "string"}, "name": {"type": ["string", "null"]}}, ["id", "name"]),
}
_BOOKS: Final = shape(Books)
_FINGERPRINT: Final[Schema] = {
    "type": "array",
    "items": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
}
_BODY: Final = closed(
    {
        "inputs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": closed({"properties": _PROPERTIES}, ["properties"]),
        }
    },
    ["inputs"],
)
_KIND: Final[Schema] = {"description": "What the item is.", "enum": ["budget", "spend"]}
_ITEM_FIELDS: Final[dict[str, Schema]] = {
    "name": {"description": "Of the item.", "type": "string"},
    "amount": {"description": "In the account's currency.", "type": "number", "minimum": 0},
    "order": {"description": "Its place among the items of its kind.", "type": "integer", "minimum": 0},
    "description": {"description": "Of the item; absent where the row has none.", "type": "string"},
}
_ITEM_BODY: Final = closed(_ITEM_FIELDS, ["name", "amount", "order"])
_FAILED_ITEM: Final = closed(
    {"kind": _KIND, "campaign": {"description": "HubSpot's id.", "type": "string"}, **_ITEM_FIELDS},
    ["kind", "campaign", "name", "amount", "order"],
)
_ITEM_EVENTS: Final = ["created", "refused", "returned", "doubted", "found", "absent", "undecidable"]
_MORE: Final[Schema] = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "array",
        "description": "Place of its record in the batch, kind, name, amount, order, description.",
        "prefixItems": [
            {"type": "integer", "minimum": 0},
            _KIND,
            {"type": "string"},
            {"type": "string", "pattern": "^[0-9]+([.][0-9]+)?$"},
            {"type": "integer", "minimum": 0},
            {"type": "string"},
        ],
        "minItems": 6,
        "items": False,
    },
}
_CHANGES: Final = closed(
    {
        "inputs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": closed({"id": {"type": "string"}, "properties": _PROPERTIES}, ["id", "properties"]),
        }
    },
    ["inputs"],
)


def journal() -> Schema:
    """Return the schema of a line of journal.jsonl, whatever its type."""
    kinds = (
        shape(entries.Header, schema={"const": entries.SCHEMA}),
        shape(entries.Run),
        shape(entries.Intent, items={"type": "array", "items": _ITEM, "minItems": 1, "maxItems": 50}, body=_BODY,
              more=_MORE),
        shape(
            entries.Outcome,
            created=_CREATED,
            failed=_FAILED,
            extra=_EXTRA,
            **{"class": {"enum": ["answered", "refused", "not_sent", "unknown"]}},
        ),
        shape(
            entries.Reject,
            items={"type": "array", "items": shape(entries.RejectItem, problems=_PROBLEMS, identity=or_null(IDENTITY))},
        ),
        shape(entries.Resolve, created=_CREATED, failed=_FAILED, extra=_EXTRA,
              refusal={"enum": ["atomic", "partial"]}),
        shape(entries.Archive),
        shape(entries.Archived),
        shape(mode_entries.Update, body=_CHANGES,
              items={"type": "array", "items": _ITEM, "minItems": 1, "maxItems": 50}),
        shape(mode_entries.Updated, failed=_FAILED),
        shape(mode_entries.Confirm),
        shape(mode_entries.Gone),
        shape(mode_entries.Adopt),
        shape(item_entries.Item, identity=IDENTITY, kind=_KIND, body=_ITEM_BODY),
        shape(item_entries.ItemOutcome, code=or_null(_CODE), event={"enum": _ITEM_EVENTS},
              **{"class": {"enum": ["answered", "refused", "not_sent", "unknown", "looked"]}}),
        shape(entries.Decision, identity=IDENTITY),
        shape(entries.End, books=_BOOKS, sources=_FINGERPRINT),
    )  # fmt: skip
    lines = []
    for kind in kinds:
        held = {"n": _NUMBER, **kind["properties"], "c": _SEAL}
        lines.append(kind | {"properties": held, "required": ["n", *kind["required"], "c"]})
    return document("A line of journal.jsonl", {"oneOf": lines})


def results() -> Schema:
    """Return the schema of a line of results.jsonl."""
    return document("A line of results.jsonl", shape(rows.ResultRow, identity=IDENTITY, pairing=_PAIRINGS))


def failures() -> Schema:
    """Return the schema of a line of failures.jsonl."""
    closer = {"identity": or_null(IDENTITY), "code": _CODE, "problems": _PROBLEMS, "item": _FAILED_ITEM}
    return document("A line of failures.jsonl", shape(rows.FailureRow, **closer))


def listed() -> Schema:
    """Return the schema of a line of changed.jsonl or skipped.jsonl."""
    return document("A line of changed.jsonl or skipped.jsonl", shape(rows.ListedRow, identity=IDENTITY))


def conflicts() -> Schema:
    """Return the schema of a line of conflicts.jsonl."""
    return document("A line of conflicts.jsonl", shape(rows.ConflictRow, identity=IDENTITY))


def undone() -> Schema:
    """Return the schema of a line of undone.jsonl."""
    pair: Schema = {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}
    closer: dict[str, Schema] = {
        "identity": IDENTITY,
        "fate": {"enum": [str(fate) for fate in Fate]},
        "changed": {"type": "object", "additionalProperties": pair},
    }
    return document("A line of undone.jsonl", shape(rows.UndoneRow, **closer))


def run_summary() -> Schema:
    """Return the schema of summary.json, which --json prints: of a run, or of what could not begin."""
    counts = {name: made for name, made in shape(Tally, **_TALLY)["properties"].items() if name not in NOT_COUNTS}
    made: dict[str, Any] = shape(
        Summary,
        status={"enum": [int(status) for status in ExitStatus]},
        books=_BOOKS,
        counts=closed(counts, list(counts)),
        estimate=or_null(shape(Estimate)),
        sources={"type": "array", "items": {"type": "string"}},
    )
    names = {"description": "The same in words.", "enum": [status.name.lower() for status in ExitStatus]}
    line = {"description": "The books as a sentence that adds up.", "type": "string"}
    held = {"schema": _SUMMARY, **made["properties"], "status_name": names, "line": line}
    ran = made | {"properties": held, "required": list(held)}
    refused = closed(
        {
            "schema": _SUMMARY,
            "run": {"description": "No run began.", "type": "null"},
            "status": made["properties"]["status"],
            "status_name": names,
            "reason": {"description": "Why nothing could begin.", "type": "string"},
            "hint": made["properties"]["hint"],
            "books": {"description": "No row was read.", "type": "null"},
        },
        ["schema", "run", "status", "status_name", "reason", "hint", "books"],
        description="What could not begin.",
    )
    fewer = closed({name: counts[name] for name in SETTLED_COUNTS}, SETTLED_COUNTS)
    settled = ran | {"description": "What settled earlier runs and read no source."}
    nothing: dict[str, Schema] = {
        "run": {"description": "No run began.", "type": "null"},
        "counts": {"description": "What it settled, what is left, and what that took.", **fewer},
        "sources": {"description": "No source was read.", "const": []},
    }
    settled["properties"] = held | nothing
    return document("summary.json of a run, and what --json prints", {"oneOf": [ran, settled, refused]})


_VERSION: Final = "Raised when a key changes its meaning or goes; new keys may come at any time."
_SUMMARY: Final[Schema] = {"description": _VERSION, "const": summary.SCHEMA}


def _with_not_sent(made: Schema) -> Schema:
    """Return the schema of the items' books with the sum that they do not hold."""
    held = made["properties"] | {"not_sent": {"description": "The rest.", "type": "integer", "minimum": 0}}
    return made | {"properties": held, "required": list(held)}


#: What the type of a count does not say, or what never leaves the run.
_TALLY: Final[dict[str, Schema]] = {
    "ended": {"propertyNames": {"enum": [str(state) for state in State]}},
    "samples": {},
    "troubled": {},
    "watch": {},
    "paced": {},
    "items": _with_not_sent(shape(ItemBooks)),
    "codes": {"type": "object", "propertyNames": _CODE, "additionalProperties": {"type": "integer", "minimum": 1}},
}


def run_details() -> Schema:
    """Return the schema of details.json of a run."""
    texts: Schema = {"type": "string"}
    setting: Schema = {"type": "array", "prefixItems": [texts, texts, {"type": ["string", "null"]}], "minItems": 3}
    step: Schema = {"type": "array", "prefixItems": [texts, texts], "minItems": 2, "items": False}
    table = closed(
        {
            "columns": {"description": "What is counted.", "type": "array", "items": texts},
            "rows": {
                "description": "The counts at a moment, in the order of the columns.",
                "type": "array",
                "items": {"type": "array", "items": {"type": ["number", "null"]}},
            },
        },
        ["columns", "rows"],
    )
    held: dict[str, Schema] = {
        "schema": {"description": _VERSION, "const": details.SCHEMA},
        "tool": {"type": "string", "description": "Version of the importer."},
        "account": {"type": "string", "description": "Whom the run wrote to, in words."},
        "settings": {
            "type": "array",
            "description": "Name, value and origin of each; the origin is null for a default.",
            "items": setting | {"items": False},
        },
        "next_steps": {"type": "array", "description": "Why, and the command.", "items": step},
        "timeline": {**table, "description": "Counts over time: the names once, then a row for each moment."},
    }
    named = {field.name for field in fields(details.Details)}
    assert named - {"samples"} == set(held) - {"schema", "timeline"}
    return document("details.json of a run", closed(held, list(held)))
