"""A canary at the terminal: the table, the question, and what happens where nobody can answer."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from importer.canary import Compared, Seen, Value
from importer.cli.canarying import Judge, told, without_canary
from importer.cli.screen import Screen
from importer.errors import ExitStatus
from tests import warm
from tests.in_process import run_importer

TOKEN = "secret-token-4714"
DIFFERENT = Compared(name="Spring\x1b[2J", place="a.csv:2", id="c-1", values=(
    Value("hs_name", "Spring", "Spring", False), Value("hs_currency_code", "eur", "EUR", True),
    Value("hs_goal", "x" * 99, None, False),
))  # fmt: skip
SAME = Compared(name="Autumn", place="a.csv:3", id="c-2", values=(Value("hs_name", "Autumn", "Autumn", False),))
FAILED = {"source": "a.csv", "line_number": None, "ordinal": 6, "code": "refused", "message": "no\nsuch status"}

pytestmark = pytest.mark.usefixtures("folder")


def lines(seen: Seen) -> list[str]:
    """Return the lines that are shown."""
    return [line for line, _style in told(seen)]


def test_what_differs_stands_first_and_is_marked() -> None:
    """Counts, refusals with their place, a table for each of three, the sum; nothing that steers the terminal."""
    shown = lines(Seen(records=5, compared=(SAME, DIFFERENT), failed=(FAILED,)))
    assert shown[0] == "canary: 5 records sent: 2 created, 1 failed, 2 not settled"
    assert shown[1] == "  a.csv:7: refused: no\\nsuch status"
    assert shown[2].startswith("  a.csv:2  Spring")
    assert shown[2].endswith("(campaign c-1)")
    assert re.search(r"^  ≠ hs_currency_code +eur +EUR$", "\n".join(shown), re.MULTILINE)
    assert re.search(r"^    hs_goal +x{39}… +\(not shown\)$", "\n".join(shown), re.MULTILINE)
    assert shown[-1] == "1 of 2 differ from what was sent (marked ≠)"
    assert "\x1b" not in "".join(shown)


def test_what_is_as_it_was_sent_is_said() -> None:
    """Without a difference one line says so; without a campaign there is nothing to compare; many failures are cut."""
    assert lines(Seen(records=1, compared=(SAME,)))[-1] == "all 1 are at HubSpot as they were sent"
    assert lines(Seen(records=4, failed=(FAILED,) * 4))[-1] == "  and 1 more: failures.jsonl in the ledger"
    assert "not read back (no scope)" in "".join(lines(Seen(records=1, compared=(SAME,), unread="no scope")))


@pytest.mark.parametrize(
    ("answer", "listens", "yes", "goes_on"),
    [("y\n", True, False, True), ("YES\n", True, False, True), ("n\n", True, False, False), ("\n", True, False, False),
     ("", True, False, False), ("y\n", False, False, False), ("", False, True, True)],
)  # fmt: skip
async def test_who_decides(
    monkeypatch: pytest.MonkeyPatch, answer: str, listens: bool, yes: bool, goes_on: bool
) -> None:
    """Only yes goes on; where nobody can answer the run stops; --yes asks nobody."""
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    err = io.StringIO()
    judge = Judge(screen=Screen(io.StringIO(), err), yes=yes, listens=listens)
    why = await judge(Seen(records=1, compared=(SAME,)))
    assert (why is None, judge.stopped, judge.over.is_set()) == (goes_on, not goes_on, True)
    assert ("Send the rest? [y/N]" in err.getvalue()) is (listens and not yes)


async def test_nothing_is_asked_when_nothing_follows() -> None:
    """The last batch needs no answer."""
    err = io.StringIO()
    judge = Judge(screen=Screen(io.StringIO(), err), yes=False, listens=True)
    assert await judge(Seen(records=1, compared=(SAME,), more=False)) is None
    assert "[y/N]" not in err.getvalue()


def test_the_command_that_goes_on() -> None:
    """It is the same one without the option; a file or a variable that sets it is overruled."""
    assert without_canary(["run", "--canary", "a.csv"]) == ["run", "a.csv"]
    assert without_canary(["run", "a.csv"]) == ["run", "a.csv", "--no-canary"]


# From the command line


def importer(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run the command line, with nobody at a terminal."""
    return run_importer("run", "--simulate", *argv)


@pytest.fixture
def source(folder: Path) -> str:
    """Write 120 campaigns."""
    (folder / "a.csv").write_text("hs_name\n" + "".join(f"Campaign {n}\n" for n in range(120)))
    return "a.csv"


def test_nobody_at_a_terminal_pauses_and_the_next_command_goes_on(source: str) -> None:
    """Status 7, the table, the next command; pasted, it makes the rest; --yes goes on at once."""
    paused = importer("--canary", source)
    assert paused.returncode == ExitStatus.PAUSED
    assert "all 50 are at HubSpot as they were sent" in paused.stderr
    assert re.search(r"^to go on: .* run --simulate a.csv$", paused.stderr, re.MULTILINE)
    assert paused.stdout.startswith("120 read = 50 created + 0 skipped + 0 failed + 0 unresolved + 70 not sent")
    done = importer(source)
    assert (done.returncode, done.stdout[:42]) == (ExitStatus.OK, "120 read = 70 created + 50 skipped + 0 fai")
    at_once = importer("--canary", "--yes", "--json", source, "--ledger", "other")
    assert at_once.returncode == ExitStatus.OK
    assert json.loads(at_once.stdout)["counts"]["canary"]["created"] == 50


def test_killed_while_it_waits(source: str) -> None:
    """A kill while the answer of the canary is looked for: the next run settles it first and makes the rest, once."""
    command = [sys.executable, "-m", "importer", "run", "--simulate", "--canary", "--settle", "60", "--fault",
               "504_after_commit@1", source]  # fmt: skip
    with warm.Warm(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "in doubt" in line:
                break
        running.kill()
    done = importer("--settle", "0.1", source)
    assert done.returncode == ExitStatus.OK, done.stderr
    assert "50 settled of what earlier runs left in doubt" in done.stderr
    truth = (Path(f"{source}.simulated.ledger") / "simulator" / "truth.jsonl").read_text().splitlines()
    names = [line["properties"]["hs_name"] for line in map(json.loads, truth) if line["type"] == "campaign"]
    assert len(names) == len(set(names)) == 120
