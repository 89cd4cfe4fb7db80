"""What updates, adoption and undo leave in a ledger is what the schemas say."""

import json
from pathlib import Path
from typing import Any

import pytest

from importer.cli import commands, undoing
from importer.errors import ExitStatus
from importer.records import RecordPolicy
from tests.cli.test_undo_command import by_hand
from tests.modes.test_adopt import adopt
from tests.modes.test_upsert import feed, night
from tests.pipeline.conftest import World
from tests.schemas.conformity import complaint, complaints

NAMED = RecordPolicy(key=("hs_name",))
LEDGER = Path("good.csv.simulated.ledger")


@pytest.mark.parametrize("decision", ["skip", "overwrite", "fail"])
async def test_updates_conflicts_and_what_was_deleted(world: World, decision: Any) -> None:
    """Changed, gone, made again and changed by somebody else: each line fits, whatever is decided about a conflict."""
    async with world.simulator() as simulator:
        await night(world, simulator, feed(6))
        simulator._account.update(1, {"hs_notes": "by hand"})
        simulator._account.archive(2)
        new = feed(7, n0="new", n1="new", n2="new", n3="")
        await night(world, simulator, new, on_conflict=decision, recreate_missing=True)
    assert {entry["t"] for entry in world.rows("journal.jsonl")} >= {"update", "updated", "gone"}
    (row,) = world.rows("conflicts.jsonl")
    assert row["did"] == decision
    assert complaints(world.ledger) == []


async def test_adoption(world: World) -> None:
    """Campaigns that were found in the account, and what a run makes of them afterwards."""
    async with world.simulator() as simulator:
        simulator._account.make([{"hs_name": f"C{n}"} for n in range(5)], request=0, foreign=True)
        await adopt(world, simulator, NAMED)
        await night(world, simulator, feed(7))
    assert [row for row in world.rows("results.jsonl") if row["via"] == "adopt"]
    assert complaints(world.ledger) == []


@pytest.fixture
def undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Import three campaigns, change one and delete another as another hand would, undo, and return the rows."""
    monkeypatch.chdir(tmp_path)
    Path("good.csv").write_text("hs_name,hs_notes\nSpring,a\nSummer,b\nAutumn,c\n")
    assert commands.run(["good.csv"], {"simulate": True, "quiet": True}, []) == ExitStatus.OK
    by_hand(Spring={"hs_notes": "mine"}, Summer=None)
    assert undoing.undo(str(LEDGER), {"yes": True}, ["undo", str(LEDGER), "--yes"]) == ExitStatus.SOME_FAILED
    capsys.readouterr()
    return [json.loads(line) for line in (LEDGER / "undone.jsonl").read_text().splitlines()]


def test_what_was_undone(undone: list[dict[str, Any]]) -> None:
    """Archived, changed and left, deleted by somebody else: rows and journal fit."""
    assert {row["fate"] for row in undone} == {"archived", "changed", "missing"}
    assert complaints(LEDGER) == []


def test_every_field_of_an_undone_row_matters(undone: list[dict[str, Any]]) -> None:
    """A row with a field more, one less, or another kind of value, is refused."""
    for row in undone:
        assert complaint("undone", row | {"surplus": 1})
        for field in row:
            assert complaint("undone", row | {field: [1]}), field
            assert complaint("undone", {key: value for key, value in row.items() if key != field}), field
