"""The commands end to end: real files, the embedded simulator, real ledgers."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from importer.cli import commands, configuring, explaining, ledgers, playing
from importer.errors import ExitStatus
from tests import warm
from tests.in_process import run_importer

GOOD = "hs_name,hs_start_date\nSpring sale,2026-04-01\nAutumn sale,2026-10-01\n"
BAD = GOOD + ",2026-04-01\nNo such day,2026-02-30\n"
IMPORTER = (sys.executable, "-m", "importer")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a good and a bad file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    (tmp_path / "good.csv").write_text(GOOD)
    (tmp_path / "bad.csv").write_text(BAD)
    return tmp_path


def importer(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return run_importer(*argv, environment=os.environ | environment)


def books(out: str) -> dict[str, int]:
    """Return the books of a summary."""
    found: dict[str, int] = json.loads(out)["books"]
    return found


def test_a_rehearsal_imports_and_the_second_run_skips(capsys: pytest.CaptureFixture[str]) -> None:
    """`run --simulate` needs no token; the same command again sends nothing."""
    flags = {"simulate": True, "json": True}
    assert commands.run(["good.csv"], flags, ["run", "good.csv"]) == ExitStatus.OK
    first = books(capsys.readouterr().out)
    assert commands.run(["good.csv"], flags, ["run", "good.csv"]) == ExitStatus.OK
    second = books(capsys.readouterr().out)
    assert (first["created"], second["created"], second["skipped"]) == (2, 0, 2)


def test_bad_rows_fail_with_place_and_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1, each failure with its line, the next command to paste."""
    assert commands.run(["bad.csv"], {"simulate": True}, ["run", "--simulate", "bad.csv"]) == ExitStatus.SOME_FAILED
    said = capsys.readouterr()
    assert "bad.csv:4 hs_name" in said.err
    assert "bad.csv:5 hs_start_date" in said.err
    assert re.search(r"once the rows are mended: .* run --simulate bad.csv", said.err)
    assert said.out.startswith("4 read = 2 created + 0 skipped + 2 failed + 0 unresolved (")


def test_a_check_and_a_dry_run_send_and_leave_nothing(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """Both need no token, say what would be sent, and write nothing."""
    before = sorted(folder.iterdir())
    assert commands.check(["bad.csv", "good.csv"], {"json": True}, ["check"]) == ExitStatus.SOME_FAILED
    assert books(capsys.readouterr().out)["failed"] == 2
    assert commands.run(["good.csv"], {"dry_run": True}, ["run"]) == ExitStatus.OK
    said = capsys.readouterr()
    assert "A run would create 2, skip 0, reject 0." in said.err
    assert "2 not sent" in said.out
    assert sorted(folder.iterdir()) == before


def test_a_dry_run_knows_what_the_ledger_holds(capsys: pytest.CaptureFixture[str]) -> None:
    """What was made before is told as skipped."""
    commands.run(["good.csv"], {"simulate": True}, ["run"])
    commands.run(["good.csv"], {"simulate": True, "dry_run": True}, ["run"])
    assert "2 skipped" in capsys.readouterr().out


def test_without_a_token_nothing_is_sent(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """Status 4 with the way to get a token; --json gives the object; no ledger is left."""
    assert commands.run(["good.csv"], {"json": True}, ["run", "good.csv"]) == ExitStatus.ACCESS
    said = capsys.readouterr()
    assert "error: there is no HubSpot token" in said.err
    assert "service key" in said.err
    assert "marketing.campaigns.write" in said.err
    assert "to go on" not in said.err
    assert json.loads(said.out)["status_name"] == "access"
    assert not (folder / "good.csv.ledger").exists()


@pytest.mark.parametrize(
    ("flags", "sources", "status"),
    [
        ({"rate": "x"}, ["good.csv"], ExitStatus.USAGE),
        ({"mapping": "salesfroce"}, ["good.csv"], ExitStatus.USAGE),
        ({"simulate": True}, ["missing.csv"], ExitStatus.SOURCE),
        ({"simulate": True, "key": ["Id"]}, ["good.csv"], ExitStatus.USAGE),
    ],
)
def test_errors_have_their_status(
    flags: dict[str, object], sources: list[str], status: ExitStatus, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line and a status of its own, without a traceback."""
    assert commands.run(sources, flags, ["run"]) == status
    err = capsys.readouterr().err
    assert err.splitlines()[0].startswith("error: ") or "account" in err
    assert "Traceback" not in err


def test_a_ledger_can_be_looked_at(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """`status` and `verify` tell people and scripts the same; damage is status 9 or 5, a missing ledger 5."""
    commands.run(["bad.csv"], {"simulate": True}, ["run"])
    ledger = "bad.csv.simulated.ledger"
    capsys.readouterr()
    assert ledgers.status(ledger, {}, []) == ExitStatus.OK
    told = capsys.readouterr().out
    assert "a simulated account" in told
    assert "4 read = 2 created" in told
    assert ledgers.status(ledger, {"json": True}, []) == ExitStatus.OK
    assert json.loads(capsys.readouterr().out)["records"]["created"] == 2
    assert ledgers.verify(ledger, {}, []) == ExitStatus.OK
    assert "agree" in capsys.readouterr().out
    with (folder / ledger / "results.jsonl").open("a") as file:
        file.write('{"id": "made up"}\n')
    assert ledgers.verify(ledger, {"json": True}, []) == ExitStatus.DIFFERENCES
    assert json.loads(capsys.readouterr().out)["differences"]
    assert ledgers.verify(ledger, {}, []) == ExitStatus.DIFFERENCES
    for look in (ledgers.status, ledgers.verify):
        assert look("missing", {}, []) == ExitStatus.LEDGER


def held_up(folder: Path, signals: Sequence[signal.Signals]) -> tuple[int, str, str]:
    """Run against a simulator that never answers the first create, and send signals when it says the next thing."""
    argv = [*IMPORTER, "run", "--simulate", "--fault", "timeout_after_commit@1", "--grace", "0.1", "good.csv"]
    process = warm.Warm(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)
    assert process.stderr is not None
    journal, said = folder / "good.csv.simulated.ledger" / "journal.jsonl", ""
    while not (journal.exists() and b'"intent"' in journal.read_bytes()):
        assert process.poll() is None
        time.sleep(0.01)  # the file is another process'
    for number in signals:
        process.send_signal(number)
        while "stopping" not in said:
            said += process.stderr.readline()
    out, err = process.communicate(timeout=60)
    return process.returncode, out, said + err


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, ExitStatus.INTERRUPTED), (signal.SIGTERM, ExitStatus.TERMINATED)]
)
def test_a_signal_stops_the_run_and_the_same_command_goes_on(
    folder: Path, number: signal.Signals, status: ExitStatus
) -> None:
    """The books balance, the next command is shown, and running it again settles and completes."""
    returned, out, err = held_up(folder, [number])
    assert returned == status
    assert out.startswith("2 read = 0 created + 0 skipped + 0 failed + 0 unresolved + 2 in doubt (")
    command = re.search(r"^to go on: python -m importer (.*)$", err, re.MULTILINE)
    assert command
    listed = importer("reconcile", "--list", "good.csv.simulated.ledger")
    assert listed.returncode == ExitStatus.UNRESOLVED
    assert listed.stdout.count("in doubt: ") == 2
    again = importer("run", "--simulate", "--settle", "0.1", "--timeout", "0.5", "good.csv")
    assert again.returncode == ExitStatus.OK
    assert "2 settled of what earlier runs left in doubt" in again.stderr
    assert again.stdout.startswith("2 read = 0 created + 2 skipped + 0 failed + 0 unresolved (")


def test_reconcile_settles_what_is_in_doubt(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It asks the simulator that the ledger belongs to, sends nothing, and says how many it settled."""
    held_up(folder, [signal.SIGTERM])
    flags = {"settle": "0.1", "timeout": "0.5"}
    assert commands.reconcile("good.csv.simulated.ledger", flags, ["reconcile"]) == ExitStatus.OK
    assert capsys.readouterr().out.startswith("2 settled + 0 still open (")
    assert commands.reconcile("good.csv.simulated.ledger", {"list": True}, []) == ExitStatus.OK


def test_a_person_may_decide(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--identity and --as journal a decision; one without the other is refused, and so is what is not in doubt."""
    held_up(folder, [signal.SIGTERM])
    ledger = "good.csv.simulated.ledger"
    commands.reconcile(ledger, {"list": True}, [])
    identities = re.findall(r"in doubt: ([0-9a-f]{32})", capsys.readouterr().out)
    assert commands.reconcile(ledger, {"identity": identities[0]}, []) == ExitStatus.USAGE
    decided = commands.reconcile(ledger, {"identity": identities[0], "as_": "created:77"}, [])
    capsys.readouterr()
    assert decided == ExitStatus.OK
    assert commands.reconcile(ledger, {"identity": identities[1], "as_": "absent"}, []) == ExitStatus.OK
    assert "may send it again" in capsys.readouterr().out
    assert commands.reconcile(ledger, {"identity": identities[1], "as_": "absent"}, []) == ExitStatus.USAGE
    assert commands.reconcile(ledger, {"list": True}, []) == ExitStatus.OK


def test_nobody_reading_stdout_does_not_end_the_import(folder: Path) -> None:
    """With stdout and stderr closed at the other end the run finishes, well, and says so by its status."""
    argv = [*IMPORTER, "run", "--simulate", "--log-stderr", "--json", "good.csv"]
    process = warm.Warm(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stderr.close()
    assert process.wait(60) == ExitStatus.OK
    assert '"name":"Spring sale"' in (folder / "good.csv.simulated.ledger" / "results.jsonl").read_text()


@pytest.mark.posix("files have no modes there")
def test_a_token_file_that_others_can_read_is_refused(folder: Path) -> None:
    """Status 2, the command that mends it, and the token nowhere."""
    (folder / "token").write_text("canary-token")
    (folder / "token").chmod(0o644)
    done = importer("run", "--token-file", "token", "good.csv")
    assert done.returncode == ExitStatus.USAGE
    assert "hint: Run: chmod 600 token" in done.stderr
    assert "canary" not in done.stdout + done.stderr


def test_names_from_the_source_cannot_steer_the_terminal(folder: Path) -> None:
    """Escapes in cells and in file names are shown as text."""
    name = "evil\x1b[2J.csv"
    (folder / name).write_text("hs_name,hs_start_date\nx,\x1b]0;owned\x07\n")
    done = importer("run", "--simulate", name)
    assert done.returncode == ExitStatus.SOURCE
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x07" not in done.stdout + done.stderr
    assert "\\x1b" in done.stderr


def test_the_demonstration_heeds_no_configuration_of_the_folder(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is tried beside a file of one's own, whose columns are others; what it says to paste is right there, too."""
    (folder / "importer.toml").write_text('[mapping]\nname = "x"\n[mapping.properties]\nhs_name = "Name"\n')
    assert playing.demo(None, {"into": "demo", "rows": "10"}, ["demo"]) == ExitStatus.OK
    assert f"run --simulate --config {os.devnull} demo/campaigns.csv" in capsys.readouterr().err


def test_the_demonstration_ends_with_a_sum_and_a_ledger(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad rows fail, faults are ridden out, and the last line of stdout balances."""
    assert playing.demo(None, {"into": "demo", "rows": "120"}, ["demo"]) == ExitStatus.OK
    said = capsys.readouterr()
    assert said.out.startswith("125 read = 120 created + 1 skipped + 4 failed + 0 unresolved (")
    assert "demo/campaigns.csv.simulated.ledger" in said.err.splitlines()[-1]
    assert ledgers.verify("demo/campaigns.csv.simulated.ledger", {}, []) == ExitStatus.OK
    assert playing.demo(None, {"rows": "many"}, ["demo"]) == ExitStatus.USAGE
    (folder / "in-the-way").touch()
    assert playing.demo(None, {"into": "in-the-way/x"}, ["demo"]) == ExitStatus.USAGE


@pytest.mark.posix("signals do not reach a process so")
def test_the_simulator_serves_until_it_is_interrupted(folder: Path) -> None:
    """Its address is the one line of stdout; a run finds it by --base-url; wrong switches are refused."""
    argv = [*IMPORTER, "simulator", "--rate", "100", "--state", "sim", "--set", "time_zone=UTC"]
    process = warm.Warm(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    done = importer("run", "--base-url", url, "good.csv", HUBSPOT_ACCESS_TOKEN="any")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == ExitStatus.OK
    process.stdout.close()
    assert done.stdout.startswith("2 read = 2 created")
    assert "HubSpot account 12345678 (sandbox)" in done.stderr
    assert playing.simulator(None, {"fault": ["504s"]}, []) == ExitStatus.USAGE
    assert playing.simulator(None, {"port": "x"}, []) == ExitStatus.USAGE


def test_settings_explain_themselves(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`config` shows each value and where it comes from; a wrong one is refused."""
    monkeypatch.setenv("IMPORTER_RATE", "50")
    assert configuring.show(None, {}, []) == ExitStatus.OK
    assert "rate = 50  # IMPORTER_RATE" in capsys.readouterr().out
    monkeypatch.setenv("IMPORTER_RATE", "fast")
    assert configuring.show(None, {}, []) == ExitStatus.USAGE


def test_codes_explain_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    """A code gives meaning and remedy, a number its exit status."""
    assert explaining.explain("invalid_date", {}, []) == ExitStatus.OK
    assert "not a date" in capsys.readouterr().out
    assert explaining.explain("130", {}, []) == ExitStatus.OK
    assert "interrupted" in capsys.readouterr().out
    assert explaining.explain(None, {}, []) == ExitStatus.OK
    assert explaining.explain("131", {}, []) == ExitStatus.USAGE
