"""Rounds are read from journals, the history survives torn lines, and the overview tells what is there."""

import json
from pathlib import Path

import pytest

from importer.errors import FleetHeldError
from importer.fleet import marks, places
from importer.fleet.driver_lock import DriverLock, make_directory
from importer.fleet.history import History, read_history
from importer.fleet.model import Account, Fleet, Import
from importer.fleet.overview import CUT_OFF, as_json, figures, look_at_fleet
from importer.fleet.page import render
from importer.fleet.standing import Standing, State
from importer.report.books import Books
from importer.telemetry.textfile import exposition

NASTY = "<script>alert(1)</script>\u202e"


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """Return a fleet of two imports of one account, with its directory made."""
    imports = tuple(
        Import(name=name, account="acme", sources=(f"/{name}.csv",), ledger=str(tmp_path / f"{name}.ledger"))
        for name in ("one", "two")
    )
    made = Fleet(
        directory=str(tmp_path / "shared"), accounts={"acme": Account(name="acme", token="env:T")}, imports=imports
    )  # fmt: skip
    make_directory(made)
    return made


def journal(one: Import, *kinds: str, failed: int = 0) -> None:
    """Append entries of these kinds to the import's journal."""
    folder = Path(one.ledger)
    folder.mkdir(exist_ok=True)
    with (folder / "journal.jsonl").open("a") as file:
        for kind in kinds:
            entry = {
                "n": 1,
                "t": kind,
                "run": 1,
                "at": 5.0,
                "books": {"read": 2, "created": 2 - failed, "failed": failed},
            }
            file.write(json.dumps(entry, separators=(",", ":")) + "\n")
    if "end" in kinds:
        summary = folder / "runs" / "0001" / "summary.json"
        summary.parent.mkdir(parents=True, exist_ok=True)
        summary.write_text("{}")


def test_what_ended_behind_the_mark_is_done_in_the_round(fleet: Fleet) -> None:
    """Ends before the round do not count, complete ones in it do, stops and begun runs do not."""
    one, two = fleet.imports
    journal(one, "run", "end")
    current = marks.current_round(fleet, 100.0)
    assert marks.done_in(current, fleet.imports) == {}
    journal(one, "run", "stop")
    journal(two, "run", "end", failed=1)
    assert {name: told.state for name, told in marks.done_in(current, fleet.imports).items()} == {
        "two": State.DONE_WITH_FAILURES
    }
    journal(one, "run", "end", "resolve")
    journal(two, "run")
    assert set(marks.done_in(current, fleet.imports)) == {"one"}
    assert marks.last_end(two) is None


def test_what_ended_and_was_killed_before_its_summary_runs_again(fleet: Fleet) -> None:
    """The journal is whole, the rows for people may not be: the next run writes them, and sends nothing."""
    one, _ = fleet.imports
    current = marks.current_round(fleet, 100.0)
    journal(one, "run", "end")
    assert set(marks.done_in(current, fleet.imports)) == {"one"}
    (Path(one.ledger) / "runs" / "0001" / "summary.json").unlink()
    assert marks.done_in(current, fleet.imports) == {}


def test_a_round_that_was_cut_off_is_gone_on_with(fleet: Fleet) -> None:
    """The same number and marks until it is ended; a broken file begins a new one, which is harmless."""
    first = marks.current_round(fleet, 1.0)
    journal(fleet.imports[0], "run", "end")
    again = marks.current_round(fleet, 2.0)
    assert again == first
    marks.write_round(fleet, marks.Round(number=1, began=1.0, marks=first.marks, ended=True))
    assert marks.current_round(fleet, 3.0).number == 2
    Path(places.within(fleet, places.ROUND)).write_text("{")
    assert marks.current_round(fleet, 4.0).number == 1


def test_an_end_is_found_behind_megabytes_and_in_a_journal_that_is_another(fleet: Fleet) -> None:
    """Lines longer than a block are read; a journal shorter than the mark is a new one, and counts from its start."""
    one = fleet.imports[0]
    journal(one, "run", "end")
    with (Path(one.ledger) / "journal.jsonl").open("a") as file:
        file.write(json.dumps({"t": "decision", "x": "y" * 200_000}) + "\n")
    end = marks.last_end(one)
    assert end is not None
    assert (end.complete, end.books) == (True, Books(read=2, created=2))
    assert marks.last_end(one, 10**9) == end


def test_the_history_goes_on_behind_half_a_line(fleet: Fleet) -> None:
    """What a kill tore is left out, and nothing is glued to it."""
    path = Path(places.within(fleet, places.HISTORY))
    history = History(fleet, 1)
    history.write(1.0, {"one": Standing(state=State.RUNNING)})
    history.close()
    with path.open("ab") as file:
        file.write(b'{"at": 2.0, "import": "on')
    history = History(fleet, 1)
    history.write(3.0, {"two": Standing(state=State.HELD, until=9.0, reason="held")})
    history.close()
    told = read_history(fleet, 1)
    assert {name: (at, standing.state) for name, (at, standing) in told.items()} == {
        "one": (1.0, State.RUNNING), "two": (3.0, State.HELD),
    }  # fmt: skip
    assert read_history(fleet, 2) == {}


def test_two_drivers_on_one_directory_are_refused(fleet: Fleet) -> None:
    """The second is told who has it; after the first has let go nobody is said to have it."""
    first, second = DriverLock(fleet), DriverLock(fleet)
    first.take()
    assert look_at_fleet(fleet).driver is not None
    with pytest.raises(FleetHeldError, match=r"is held by another run \(process \d+ on "):
        second.take()
    first.release()
    assert look_at_fleet(fleet).driver is None
    second.take()
    second.release()


def test_the_overview_page_and_figures_tell_the_same(fleet: Fleet) -> None:
    """A driver that died leaves `cut_off`, the ledger knows better than the history, and hostile words do not act."""
    current = marks.current_round(fleet, 100.0)
    history = History(fleet, current.number)
    history.write(101.0, {
        "one": Standing(state=State.RUNNING), "two": Standing(state=State.RUNNING, losses=2, reason=NASTY),
    })  # fmt: skip
    history.close()
    journal(fleet.imports[0], "run", "end")
    seen = look_at_fleet(fleet)
    assert [row.state for row in seen.rows] == [State.DONE, CUT_OFF]
    assert seen.books == Books(read=2, created=2)
    told = as_json(seen)
    assert (told["states"], told["imports"][0]["books"]["created"]) == ({"cut_off": 1, "done": 1}, 2)
    json.dumps(told)
    page = render(seen, 200.0)
    assert "<script" not in page
    assert "\u202e" not in page
    assert "1 import of 2 not done yet" in page
    assert "script-src" not in page
    text = exposition(figures(seen, 200.0), ())
    assert 'campaign_import_fleet_imports{account="acme",state="cut_off"} 1' in text
    assert 'campaign_import_fleet_losses{account="acme"} 2' in text
