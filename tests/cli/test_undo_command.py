"""`undo` and `verify --remote` from the command line: shown, asked, done; sums, rows, statuses and next commands."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from importer.cli import commands, ledgers, undoing
from importer.errors import ExitStatus
from tests import warm

LEDGER = "good.csv.simulated.ledger"


class Terminal(io.StringIO):
    """A stream with somebody behind it."""

    def isatty(self) -> bool:
        """Be a terminal."""
        return True


@pytest.fixture(autouse=True)
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Work in a folder in which three campaigns were imported into a simulated account."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.csv").write_text("hs_name,hs_notes\nSpring,a\nSummer,b\n=Autumn,c\n")
    assert commands.run(["good.csv"], {"simulate": True, "quiet": True}, []) == ExitStatus.OK
    capsys.readouterr()


def undo(*argv: str, **flags: Any) -> int:
    """Call `undo` on the ledger."""
    return undoing.undo(LEDGER, flags, ["undo", LEDGER, *argv])


def verify(**flags: Any) -> int:
    """Call `verify --remote` on the ledger."""
    return ledgers.verify(LEDGER, {"remote": True} | flags, [])


def by_hand(**changes: dict[str, str] | None) -> None:
    """Change campaigns (by name) in the simulated account as another hand would; None deletes."""
    results = (Path(LEDGER) / "results.jsonl").read_text().splitlines()
    ids = {row["name"].lstrip("="): row["id"] for row in map(json.loads, results)}
    truth = Path(LEDGER) / "simulator" / "truth.jsonl"
    with truth.open("a") as file:
        for name, properties in changes.items():
            line = {"type": "archive", "id": ids[name]}
            if properties is not None:
                told = next(json.loads(one) for one in truth.read_text().splitlines() if f'"id":"{ids[name]}"' in one)
                line = {"type": "update", "id": ids[name], "at": 1, "properties": told["properties"] | properties}
            file.write(json.dumps(line) + "\n")


def test_without_a_terminal_it_only_looks_and_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is archived without --yes where nobody can be asked; the command that does it names the run."""
    assert undo() == ExitStatus.OK
    out, err = capsys.readouterr()
    assert out.startswith("3 made by run 1 = 3 to archive (")
    assert "would archive: 3 of 3 made by run 1\n  Spring, Summer, =Autumn\n" in err
    assert f"to do it: python -m importer undo {LEDGER} --run 1 --yes" in err
    assert not (Path(LEDGER) / "undone.jsonl").exists()


def test_yes_archives_and_again_finds_nothing_left(capsys: pytest.CaptureFixture[str]) -> None:
    """The sum, a row for each campaign in a private file, and the second time nothing to do."""
    assert undo("--yes", yes=True) == ExitStatus.OK
    assert capsys.readouterr().out.startswith("3 made by run 1 = 3 archived (")
    rows = [json.loads(line) for line in (Path(LEDGER) / "undone.jsonl").read_text().splitlines()]
    assert [(row["name"], row["fate"], row["line_number"]) for row in rows] == [
        ("Spring", "archived", 2), ("Summer", "archived", 3), ("=Autumn", "archived", 4),
    ]  # fmt: skip
    assert (Path(LEDGER) / "undone.jsonl").stat().st_mode & 0o777 == 0o600
    assert undo("--yes", yes=True) == ExitStatus.OK
    assert capsys.readouterr().out.startswith("3 made by run 1 = 0 archived + 3 archived before (")
    assert ledgers.verify(LEDGER, {}, []) == ExitStatus.OK


@pytest.mark.parametrize(("answer", "left"), [("y\n", "3 archived"), ("no\n", "3 to archive"), ("", "3 to archive")])
def test_on_a_terminal_it_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, left: str
) -> None:
    """The question stands below what would be archived; only a yes goes on."""
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    err = Terminal()
    monkeypatch.setattr("sys.stderr", err)
    assert undo(progress="never") == ExitStatus.OK
    assert "Archive 3 campaigns in a simulated HubSpot account? [y/N] (--yes answers)" in err.getvalue()
    assert capsys.readouterr().out.startswith(f"3 made by run 1 = {left} (")


def test_what_was_changed_is_left_named_and_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    """Both values are shown, and the command that takes it too; what was deleted is told apart."""
    by_hand(Spring={"hs_notes": "mine\x1b[2J"}, Summer=None)
    assert undo("--yes", yes=True) == ExitStatus.SOME_FAILED
    out, err = capsys.readouterr()
    assert out.startswith("3 made by run 1 = 1 archived + 1 gone already + 1 changed (left) (")
    assert "Spring: hs_notes: 'a' is now 'mine\\x1b[2J'" in err
    assert "\x1b[2J" not in err
    assert f"to archive the changed ones too: python -m importer undo {LEDGER} --yes --run 1 --even-if-changed" in err
    assert undo("--yes", yes=True, even_if_changed=True) == ExitStatus.OK


def test_json_is_one_object_and_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Books, runs and status for programs; the sum goes to stderr."""
    assert undo("--json", json=True, dry_run=True, run="all") == ExitStatus.OK
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["looked_only"], told["runs"], told["status"]) == (True, [1, 1], 0)
    assert told["books"].pop("made") == sum(told["books"].values()) == 3
    assert "3 to archive" in err


def test_a_run_that_made_nothing_names_the_one_that_did(capsys: pytest.CaptureFixture[str]) -> None:
    """The latest run is meant, always: another one is only named."""
    assert commands.run(["good.csv"], {"simulate": True, "quiet": True}, []) == ExitStatus.OK
    assert undo("--yes", yes=True) == ExitStatus.OK
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].startswith("0 made by run 2 = 0 archived (")
    assert f"run 2 made nothing; run 1 did: python -m importer undo {LEDGER} --run 1" in err


@pytest.mark.parametrize("typed", ["x", "0", "2", "3-2", "1-9", "-1"])
def test_a_run_that_cannot_be_meant_is_refused(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, one line, a hint; nothing is archived."""
    assert undo(run=typed, yes=True) == ExitStatus.USAGE
    assert "hint: " in capsys.readouterr().err


def test_no_ledger_is_5(capsys: pytest.CaptureFixture[str]) -> None:
    """An error is one line and a status, as everywhere."""
    assert undoing.undo("nothing", {"yes": True}, ["undo", "nothing"]) == ExitStatus.LEDGER
    assert "nothing is not a ledger" in capsys.readouterr().err


def test_the_dry_run_of_the_environment_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    """IMPORTER_DRY_RUN keeps an undo from archiving, even with --yes."""
    monkeypatch.setenv("IMPORTER_DRY_RUN", "true")
    assert undo("--yes", yes=True) == ExitStatus.OK
    assert not (Path(LEDGER) / "undone.jsonl").exists()


def test_the_account_is_compared_with_the_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    """Agreement is 0; differences are rows, in a table and in files, and status 9."""
    assert verify() == ExitStatus.OK
    assert capsys.readouterr().out.startswith("3 made = 3 as written + 0 missing + 0 changed; 0 unexpected (")
    by_hand(Spring={"hs_notes": "mine", "hs_name": "=Spring"}, Summer=None)
    assert verify() == ExitStatus.DIFFERENCES
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["kind", "changed", "missing", "3"]
    assert verify(output="d.csv", json=True) == ExitStatus.DIFFERENCES
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["counts"]["missing"], len(told["differences"])) == (9, 1, 2)
    with Path("d.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["kind"], row["property"], row["shown"]) for row in rows] == [
        ("changed", "hs_name", "'=Spring"), ("changed", "hs_notes", "mine"), ("missing", "", ""),
    ]  # fmt: skip
    assert Path("d.csv").stat().st_mode & 0o777 == 0o600
    assert verify(output="d.jsonl") == ExitStatus.DIFFERENCES
    assert [json.loads(line)["kind"] for line in Path("d.jsonl").read_text().splitlines()] == ["changed", "missing"]
    assert "d.jsonl: 2 differences" in capsys.readouterr().err


def test_files_that_cannot_be_written_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """One that is there, one of another kind, one nowhere, and --output without --remote: status 2, nothing asked."""
    for output in ("good.csv", "d.txt", "nowhere/d.csv"):
        assert verify(output=output) == ExitStatus.USAGE
    assert verify(output="d.csv", remote=False) == ExitStatus.USAGE
    assert "Add --remote." in capsys.readouterr().err
    assert not Path("d.csv").exists()


@pytest.mark.slow
def test_a_signal_leaves_what_the_same_command_goes_on_with(tmp_path: Path) -> None:
    """Ctrl-C in the middle ends with 130, balanced books and the command to go on, which archives the rest."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "HUBSPOT_ACCESS_TOKEN": "t"}
    Path("many.csv").write_text("hs_name\n" + "".join(f"Campaign {n}\n" for n in range(1_500)))
    serve = [sys.executable, "-m", "importer", "simulator", "--state", "account", "--latency", "fixed:0.05"]
    with warm.Warm(serve, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as account:
        assert account.stdout is not None
        try:
            base_url = next(word for line in account.stdout for word in line.split() if word.startswith("http://"))
            common = ["--base-url", base_url, "--yes", "--rate", "100000", "--timeout", "1", "--settle", "0.1"]
            words = [sys.executable, "-m", "importer"]
            warm.run([*words, "run", "many.csv", *common, "--quiet"], env=environment, check=True)
            line = [*words, "undo", "many.csv.ledger", *common, "--workers", "1"]
            with warm.Warm(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
                undone = tmp_path / "many.csv.ledger" / "undone.jsonl"
                while not undone.exists() and run.poll() is None:
                    time.sleep(0.01)  # the file is another process'
                run.send_signal(signal.SIGINT)
                out, err = run.communicate(timeout=60)
            assert run.returncode == ExitStatus.INTERRUPTED, err
            assert "1,500 made by run 1 = " in out
            assert "not reached" in out
            assert "to go on: " in err
            again = warm.run(line, env=environment, check=False, capture_output=True, text=True)
            assert again.returncode == ExitStatus.OK, again.stderr
            assert "archived before" in again.stdout
        finally:
            account.terminate()


def test_a_run_that_only_updated_lists_what_it_updated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is archived and no value put back; the updates are told, and in the object too."""
    keyed = {"simulate": True, "quiet": True, "key": ["hs_name"], "mode": "upsert", "ledger": Path("keyed.ledger")}
    (tmp_path / "feed.csv").write_text("hs_name,hs_notes\nSpring,a\nSummer,b\n")
    assert commands.run(["feed.csv"], keyed, []) == ExitStatus.OK
    (tmp_path / "feed.csv").write_text("hs_name,hs_notes\nSpring,new\nSummer,b\n")
    assert commands.run(["feed.csv"], keyed, []) == ExitStatus.OK
    capsys.readouterr()
    argv = ["undo", "keyed.ledger", "--yes", "--json"]
    assert undoing.undo("keyed.ledger", {"yes": True, "json": True}, argv) == ExitStatus.OK
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["runs"], told["books"]["made"], told["updates"]) == ([2, 2], 0, 1)
    assert "1 updated by it (left: an undo puts no value back):" in err
    assert "Spring: hs_notes, by run 2" in err
    assert "run 2 made nothing; run 1 did" in err
