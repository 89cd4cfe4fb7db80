"""Failed rows as a file: nothing a spreadsheet would run, nothing lost on the way to mending and back."""

import csv
import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.errors import LedgerError
from importer.failed_rows import OWN, failed_rows, write_rows
from importer.formulas import guard, unguard
from tests.in_process import run_importer
from tests.pipeline.conftest import World, made

HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "'=1", "''-x", "' = 1", "plain", ""]


@given(st.text() | st.text("'=+-@\t\r\0x "))
@example("'=1")
def test_a_guarded_cell_is_no_formula_and_comes_back(text: str) -> None:
    """Whatever a cell holds: guarded it begins with nothing a spreadsheet runs, and unguarded it is what it was."""
    guarded = guard(text)
    assert not guarded.startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
    assert unguard(guarded) == text


def test_rows_of_different_shapes_share_a_header() -> None:
    """Columns are those of all rows in the order met, ours last; what a row lacks is blank, what is no text is JSON."""
    told = dict.fromkeys(OWN, "x")
    rows: list[dict[str, Any]] = [{"a": "=1", "b": None} | told, {"c": [1, 2], "a": "-"} | told]
    out = io.StringIO()
    assert write_rows(lambda: iter(rows), out, "csv") == 2
    assert list(csv.reader(io.StringIO(out.getvalue()))) == [
        ["a", "b", "c", *OWN],
        ["'=1", "", "", "x", "x", "x", "x"],
        ["'-", "", "[1,2]", "x", "x", "x", "x"],
    ]
    out = io.StringIO()
    write_rows(lambda: iter(rows), out, "tsv", raw=True)
    assert out.getvalue().splitlines()[1].startswith("=1\t\t\t")


async def test_mended_rows_are_imported_and_nothing_else(world: World) -> None:
    """Failed rows are written, mended and imported with the same ledger: just those are made, formulas as they were."""
    rows = [{"hs_name": f"Campaign {n}", "hs_start_date": "2026-01-01", "hs_notes": note}
            for n, note in enumerate(HOSTILE)]  # fmt: skip
    for row in rows[:-1]:
        row["hs_start_date"] = "the first"
    source = world.folder / "campaigns.csv"
    with source.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)

    async with world.simulator() as simulator:
        first = await world.run(simulator, source)
        fix = world.folder / "fix.csv"
        with fix.open("w", newline="") as file:
            assert write_rows(lambda: failed_rows(world.ledger), file, "csv") == len(rows) - 1
        mended = fix.read_text().replace("the first", "2026-02-02")
        fix.write_text(mended)
        second = await world.run(simulator, fix)

        truth = {
            campaign.properties["hs_name"]: campaign.properties.get("hs_notes", "") for campaign in simulator.truth
        }
        assert set(made(simulator).values()) == {1}
    assert (first.books.created, first.books.failed) == (1, len(rows) - 1)
    assert (second.books.read, second.books.created) == (len(rows) - 1, len(rows) - 1)
    assert truth == {row["hs_name"]: row["hs_notes"].strip() for row in rows}
    with fix.open(newline="") as file:
        cells = [row["hs_notes"] for row in csv.DictReader(file)]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]


async def test_the_latest_complete_pass_counts(world: World) -> None:
    """A row that failed in an earlier pass and is mended since is not there."""
    async with world.simulator() as simulator:
        bad = world.source([{"hs_name": "A", "hs_start_date": "soon"}, {"hs_name": "B", "hs_start_date": "later"}])
        await world.run(simulator, bad)
        assert [row["hs_name"] for row in failed_rows(world.ledger)] == ["A", "B"]
        world.source([{"hs_name": "A", "hs_start_date": "2026-01-01"}, {"hs_name": "B", "hs_start_date": "later"}])
        await world.run(simulator, bad)
    (left,) = failed_rows(world.ledger)
    assert (left["hs_name"], left["_code"], left["_line"]) == ("B", "invalid_date", 3)
    with pytest.raises(LedgerError, match="not a ledger"):
        list(failed_rows(world.folder))


@pytest.mark.posix("files have no modes there")
def test_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is made 0600, never written over, and its kind is told by its name; without --output it is printed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("hs_name,hs_start_date\nGood,2026-01-01\n=Bad,soon\n")
    assert run_importer("run", "a.csv", "--simulate", "--ledger", "l").returncode == 1
    written = run_importer("failures", "l", "--output", "fix.csv")
    again = run_importer("failures", "l", "--output", "fix.csv")
    strange = run_importer("failures", "l", "--output", "fix.pdf")
    lines = run_importer("failures", "l", "--output", "fix.jsonl")
    printed = run_importer("failures", "l")
    assert (written.returncode, again.returncode, strange.returncode, lines.returncode) == (0, 2, 2, 0)
    assert "1 failed row to mend" in written.stderr
    assert stat.S_IMODE((tmp_path / "fix.csv").stat().st_mode) == 0o600
    assert printed.stdout.splitlines() == (tmp_path / "fix.csv").read_text().splitlines()
    assert "\n'=Bad,soon,invalid_date," in printed.stdout
    assert json.loads((tmp_path / "fix.jsonl").read_text())["hs_name"] == "=Bad"
    assert run_importer("failures", os.devnull).returncode == 5
