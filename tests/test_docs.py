"""The reference agrees with the code: its tables are written from it, and fields told by hand are those there are."""

import re
from dataclasses import fields
from typing import Any, get_args

import pytest

from importer import problems
from importer.errors import ExitStatus
from importer.ledger import entries, item_entries, mode_entries
from importer.ledger.fold import Fold
from importer.report.books import Books, Summary, Tally
from importer.report.summary import as_json
from importer.summing_up import NOT_COUNTS
from tests.documents.reference import DOCS, PARTS, written


@pytest.mark.parametrize("name", PARTS)
def test_the_page_is_that_of_the_code(name: str) -> None:
    """The page holds what the code says today."""
    assert (DOCS / name).read_text(encoding="utf-8") == written(name), "stale: make reference"


def test_every_code_of_a_failed_row_is_on_its_page() -> None:
    """The three tables of failure codes leave none out."""
    text = (DOCS / "reference/failure-codes.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(problems.CODES)


# The ledger's files


def sample_rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return rows of results and failures by reply, refusal, lookup, decision, rejection, update, adoption."""
    fold = Fold()
    items = [[0, at, at + 2, f"{at:032x}", f"name {at}", f"{at:016x}"] for at in range(6)]
    failed = {"i": 1, "code": "refused", "message": "no", "column": None, "fix": None, "attribution": "record",
              "row": None}  # fmt: skip
    rejected = {"source": "a.csv", "ordinal": 9, "line": 11, "identity": None, "name": None, "state": "failed",
                "problems": [{"code": "name_missing", "message": "no name"}], "row": {}}  # fmt: skip
    body: dict[str, Any] = {"inputs": [{"properties": {}} for _ in items]}
    shown = "2026-11-23T00:00:00Z"
    story: list[dict[str, Any]] = [
        {"t": "run", "run": 1, "scheme": {"key_space": ""}},
        {"t": "intent", "run": 1, "a": 1, "srv": None, "at": 0.0, "src": ["a.csv"], "items": items,
         "more": [[0, "budget", "B", "5", 0, ""]], "body": body},
        {"t": "outcome", "of": 1, "corr": None, "returned": [], "doubt": [2, 3, 4, 5], "failed": [failed],
         "created": [[0, "id0", shown, "exact", {"hs_name": "x"}]]},
        {"t": "resolve", "of": 1, "run": 1, "evidence": {}, "absent": [], "failed": [],
         "unresolved": [[3, "why"], [4, "why"]],
         "created": [[2, "id2", shown, "listing", None]]},
        {"t": "resolve", "of": 1, "run": 1, "evidence": {}, "absent": [5], "failed": [], "unresolved": [],
         "created": [[4, "id4", shown, "listing", None]]},
        {"t": "decision", "of": 1, "i": 3, "identity": items[3][3], "decision": "created", "id": "id3"},
        {"t": "reject", "run": 1, "items": [rejected]},
        {"t": "update", "run": 1, "a": 1, "srv": None, "at": 0.0, "src": ["a.csv"], "items": items[:1], "ids": ["id0"],
         "body": body},
        {"t": "updated", "of": 7, "corr": None, "returned": [], "doubt": [], "failed": [],
         "updated": [[0, ["hs_notes"]]]},
        {"t": "adopt", "run": 1, "values": [{}],
         "items": [[f"{9:032x}", "id9", "name 9", f"{9:016x}", shown, "name"]]},
        {"t": "item", "run": 1, "a": 1, "again": False, "of": 1, "k": 0, "kind": "budget", "campaign": "id0",
         "identity": items[0][3], "name": "x", "source": "a.csv", "ordinal": 0, "line": 2,
         "body": {"name": "B", "amount": 5, "order": 0}},
        {"t": "item_outcome", "of": 10, "event": "refused", "corr": None, "code": "item_refused", "note": "no"},
    ]  # fmt: skip
    effects = [fold.apply(n, entry) for n, entry in enumerate(story)]
    return [line for e in effects for line in e.results], [line for e in effects for line in e.failures]


def field_names(document: str, heading: str) -> set[str]:
    """Return the first cells of the table below a heading of a document."""
    section = (DOCS / document).read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_every_field_of_a_result_is_told() -> None:
    """The document lists just the fields that rows of results.jsonl have."""
    assert field_names("reference/ledger.md", "results.jsonl") == {name for line in sample_rows()[0] for name in line}


def test_every_field_of_a_failure_is_told() -> None:
    """The document lists just the fields that rows of failures.jsonl have."""
    assert field_names("reference/ledger.md", "failures.jsonl") == {name for line in sample_rows()[1] for name in line}


def test_every_entry_of_the_journal_is_told() -> None:
    """The document lists just the types of entry that the journal has."""
    types = set()
    kinds = (entries.Entry, mode_entries.ModeEntry, item_entries.ItemEntry)
    for kind in (one for union in kinds for one in get_args(union)):
        types |= set(get_args(kind.__annotations__["t"]))
    assert field_names("reference/ledger.md", "journal.jsonl") == types


def test_every_key_of_the_summary_is_told() -> None:
    """The document lists just the keys, states and counts that summary.json has."""
    summary = Summary(
        run=1, status=ExitStatus.OK, reason=None, hint=None, books=Books(), counts={}, ledger="", sources=(),
        account=None, base_url="", started_at="", seconds=0.0,
    )  # fmt: skip
    assert field_names("reference/summary.md", "The object") == set(as_json(summary))
    assert field_names("reference/summary.md", "books") == {item.name for item in fields(Books)}
    assert field_names("reference/summary.md", "counts") == counts()


def counts() -> set[str]:
    """Return the counts that a real, empty, summary holds."""
    return {item.name for item in fields(Tally)} - NOT_COUNTS
