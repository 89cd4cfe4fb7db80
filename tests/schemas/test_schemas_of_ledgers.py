"""The published schemas take what real runs leave, whatever happened to them, and refuse what is broken."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from importer.model import CellError
from importer.schemas.published import SCHEMAS, text
from tests.pipeline.conftest import World
from tests.pipeline.test_bad_rows import BAD, COLUMNS
from tests.schemas.conformity import FOLDER, complaint, complaints
from tests.test_docs import sample_rows


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_published_is_what_the_code_says(name: str) -> None:
    """A schema that lies in docs is that of the code, and a sound one."""
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == text(name), "stale: make schemas"
    Draft202012Validator.check_schema(SCHEMAS[name]())


def test_nothing_else_is_published() -> None:
    """Each file in the folder has code behind it."""
    assert {path.stem for path in FOLDER.iterdir()} == set(SCHEMAS)


async def test_a_ledger_of_many_kinds_of_lines(world: World) -> None:
    """Bad rows, doubts, named refusals, skipped and changed rows, several runs: every line fits its schema."""
    lines = [",".join(COLUMNS).encode(), *BAD.values()]
    lines += [f"Campaign {n},2026-01-01,2026-01-31,planned,EUR,note".encode() for n in range(150)]
    source = world.folder / "mixed.csv"
    source.write_bytes(b"\n".join(lines) + b"\n")
    async with world.simulator("normalise=upper_status") as simulator:
        await world.run(simulator, source)
        source.write_bytes(source.read_bytes().replace(b"EUR,note", b"USD,note"))
        await world.run(simulator, source)
    assert {entry["t"] for entry in world.rows("journal.jsonl")} >= {
        "header",
        "run",
        "intent",
        "outcome",
        "reject",
        "end",
    }
    assert [row for row in world.rows("results.jsonl") if "normalised" in row]
    assert complaints(world.ledger) == []


@pytest.mark.parametrize(
    "switches",
    [["504@2", "504_after_commit@3"], ["207_named@1"], ["400@1"], ["duplicate_result@1", "stranger_result@2"]],
)
async def test_doubts_and_refusals(world: World, switches: list[str]) -> None:
    """What is looked up, cut down and named by HubSpot stands in lines that fit."""
    async with world.simulator(*switches) as simulator:
        await world.run(simulator, world.campaigns(120))
    assert complaints(world.ledger) == []


def test_rows_of_every_origin() -> None:
    """Rows by reply, lookup and decision, refused, rejected and unresolved: none is refused."""
    results, failures = sample_rows()
    rejected = [row for row in failures if "problems" in row]
    for row in rejected:  # as an entry of the journal holds them
        row["problems"] = [{"column": None, "fix": None, **problem} for problem in row["problems"]]
    assert [complaint("results", row) for row in results] == [None] * len(results)
    assert [complaint("failures", row) for row in failures] == [None] * len(failures)


@pytest.fixture
async def entries(world: World) -> list[dict[str, Any]]:
    """Return the journal of a small run."""
    source = world.source([{"hs_name": "A", "hs_start_date": "soon"}, {"hs_name": "B", "hs_start_date": "2026-01-01"}])
    async with world.simulator() as simulator:
        await world.run(simulator, source)
    return world.rows("journal.jsonl")


async def test_every_field_of_a_line_matters(entries: list[dict[str, Any]]) -> None:
    """A line without one of its fields, with one more, or with another kind of value is refused."""
    for entry in entries:
        assert complaint("journal", entry) is None
        assert complaint("journal", entry | {"surplus": 1})
        for name in entry:
            assert complaint("journal", {key: value for key, value in entry.items() if key != name}), name
            if name not in {"scheme", "evidence"}:
                assert complaint("journal", entry | {name: [{"no": "such"}]}), name


async def test_what_is_deep_inside_matters_too(entries: list[dict[str, Any]]) -> None:
    """A request body of another shape, a short item, a code nobody knows: refused."""
    (intent,) = (entry for entry in entries if entry["t"] == "intent")
    (reject,) = (entry for entry in entries if entry["t"] == "reject")
    for broken in (_changed(intent, "body", "inputs", []), _changed(intent, "items", 0, [0, 1]),
                   _changed(intent, "items", 0, 3, "ABC"), _changed(reject, "items", 0, "problems", []),
                   _changed(reject, "items", 0, "problems", 0, "code", "no_such_code")):  # fmt: skip
        assert complaint("journal", broken)


def _changed(entry: dict[str, Any], *way: Any) -> dict[str, Any]:
    """Return the entry with the last of `way` in the place that the others lead to."""
    made = copy.deepcopy(entry)
    place: Any = made
    for step in way[:-2]:
        place = place[step]
    place[way[-2]] = way[-1]
    return made


@pytest.mark.parametrize("name", ["results", "failures"])
def test_every_field_of_a_row_matters(name: str) -> None:
    """A row with a field more, or with another kind of value, is refused; so is one without what all rows have."""
    for row in sample_rows()[name == "failures"]:
        assert complaint(name, row | {"surplus": 1})
        for field in row.keys() - {"row", "problems"}:
            assert complaint(name, row | {field: [1]}), field
        for field in ("n", "source", "run", "identity"):
            assert complaint(name, {key: value for key, value in row.items() if key != field}), field


def _objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every object that a schema tells, however deep."""
    if "properties" in schema:
        yield schema
    for form in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("properties", {}).values()):
        yield from _objects(form)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _objects(schema[key])


@pytest.mark.parametrize("name", ["results", "failures", "listed", "conflicts", "undone", "summary", "details"])
def test_every_field_says_what_it_means(name: str) -> None:
    """No field of a row or an object is without a description."""
    bare = {
        key for told in _objects(SCHEMAS[name]()) for key, field in told["properties"].items()
        if "description" not in field
    }  # fmt: skip
    assert bare == set()


def test_every_field_of_an_entry_says_what_it_means() -> None:
    """Nor is one of the journal, but for the type that names the entry."""
    for entry in SCHEMAS["journal"]()["oneOf"]:
        assert entry["description"]
        assert {name for name, field in entry["properties"].items() if "description" not in field} == {"t"}


def test_texts_of_errors_are_json(tmp_path: Path) -> None:
    """An error of a spreadsheet stands in a row as its text: the row of a failure may hold anything."""
    row = sample_rows()[1][0] | {"row": {"a": CellError.NAME.value, "b": 1, "c": None, "d": [True]}}
    assert complaint("failures", json.loads(json.dumps(row))) is None
