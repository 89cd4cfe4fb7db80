"""summary.json: complete, stable in its keys, private, whole or not at all."""

import json
import stat
from dataclasses import fields, replace
from pathlib import Path

import pytest

from importer.errors import AccessError, ExitStatus
from importer.report.books import Books, Summary
from importer.report.summary import as_json, refusal_text, text, write_summary

SUMMARY = Summary(
    run=3,
    status=ExitStatus.SOME_FAILED,
    reason=None,
    hint=None,
    books=Books(read=3, created=2, failed=1),
    counts={"requests": 4, "resent": 1, "codes": {"invalid_date": 1}},
    ledger="a.csv.ledger",
    sources=("a.csv",),
    account="123",
    base_url="https://api.hubapi.com",
    started_at="2026-11-23T10:00:00+00:00",
    seconds=14.23456,
)


def test_the_object_holds_everything_and_agrees_with_itself() -> None:
    """Every field of the summary is there; status, name, books and line say the same."""
    found = json.loads(text(SUMMARY))
    assert set(found) == {item.name for item in fields(Summary)} | {"schema", "status_name", "line"}
    assert (found["status"], found["status_name"]) == (1, "some_failed")
    assert found["books"]["read"] == sum(count for name, count in found["books"].items() if name != "read")
    assert found["line"] == SUMMARY.books.line()
    assert found["seconds"] == 14.235


def test_a_refusal_has_the_same_keys_without_books() -> None:
    """What --json prints when nothing was begun can be read by the same script."""
    found = json.loads(refusal_text(AccessError("no token", hint="make one")))
    assert set(found) <= set(as_json(SUMMARY))
    assert (found["status"], found["reason"], found["hint"]) == (4, "no token", "make one")
    assert found["books"] is None


@pytest.mark.posix("files have no modes there")
def test_the_file_is_private_and_replaces_an_older_one(tmp_path: Path) -> None:
    """Mode 0600, the new content, and nothing else left in the folder."""
    path = tmp_path / "summary.json"
    write_summary(path, SUMMARY)
    write_summary(path, replace(SUMMARY, run=4))
    assert json.loads(path.read_text())["run"] == 4
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_summary_that_cannot_be_written_leaves_no_half(tmp_path: Path) -> None:
    """A value that is no JSON leaves the old file as it was and no half one."""
    path = tmp_path / "summary.json"
    write_summary(path, SUMMARY)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_summary(path, replace(SUMMARY, seconds=float("nan")))
    assert json.loads(path.read_text())["run"] == 3
    assert list(tmp_path.iterdir()) == [path]
