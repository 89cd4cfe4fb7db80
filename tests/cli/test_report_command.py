"""`report`, and what each run leaves for it: real ledgers, no secret on the page, no harm when it cannot be made."""

import webbrowser
from pathlib import Path
from typing import Any

import pytest

from importer.cli import commands, exporting, reporting
from importer.cli.leaving import shown_settings
from importer.errors import ExitStatus
from importer.settings import Settings, load

LEDGER = "a.csv.simulated.ledger"
TOKEN = "pat-na1-canary-4711"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a source of which one row is good and one is not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("hs_name,hs_start_date\nSpring,2026-04-01\n=cmd(),2026-02-30\n")
    return tmp_path


def run(**flags: Any) -> int:
    """Run the import against the simulator as the command line does."""
    return commands.run(["a.csv"], {"simulate": True} | flags, ["run", "--simulate", "a.csv"])


def test_a_run_leaves_its_report_and_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    """The path is printed beside the ledger's; --quiet prints none and leaves it all the same."""
    assert run() == ExitStatus.SOME_FAILED
    assert f"report: {LEDGER}/report.html" in capsys.readouterr().err.splitlines()
    assert Path(LEDGER, "report.html").read_text().startswith("<!doctype html>")
    Path(LEDGER, "report.html").unlink()
    run(quiet=True)
    assert "report:" not in capsys.readouterr().err
    assert Path(LEDGER, "report.html").exists()


def test_a_dry_run_leaves_none(folder: Path) -> None:
    """Where nothing is sent there is nothing to report."""
    run(dry_run=True)
    assert [path.name for path in folder.iterdir()] == ["a.csv"]


def test_a_report_that_cannot_be_made_changes_no_status(capsys: pytest.CaptureFixture[str]) -> None:
    """The run stands, whatever keeps its report from being written."""
    run()
    Path(LEDGER, "report.html").unlink()
    Path(LEDGER, "report.html").mkdir()
    capsys.readouterr()
    assert run() == ExitStatus.SOME_FAILED
    said = capsys.readouterr()
    assert "report.html could not be made: IsADirectoryError" in said.err
    assert "report: " not in said.err
    assert said.out.startswith("2 read = 0 created + 1 skipped + 1 failed")


def test_report_makes_it_again_and_opens_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """The path goes to stdout; --open hands its address to the browser, and says when there is none."""
    run()
    opened: list[str] = []

    def nowhere(address: str) -> bool:
        opened.append(address)
        return False

    monkeypatch.setattr(webbrowser, "open", nowhere)
    capsys.readouterr()
    assert reporting.report(LEDGER, {"open": True, "output": "mine.html", "run": "1"}, []) == ExitStatus.OK
    said = capsys.readouterr()
    assert said.out == "mine.html\n"
    assert opened == [(folder / "mine.html").as_uri()]
    assert "no browser was found" in said.err


@pytest.mark.parametrize(
    ("ledger", "flags", "status"),
    [
        ("missing", {}, ExitStatus.LEDGER),
        (LEDGER, {"run": "7"}, ExitStatus.USAGE),
        (LEDGER, {"run": "first"}, ExitStatus.USAGE),
        (LEDGER, {"output": "no/such/folder.html"}, ExitStatus.USAGE),
    ],
)
def test_errors_have_their_status(
    ledger: str, flags: dict[str, Any], status: ExitStatus, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line and a status, without a traceback."""
    run()
    capsys.readouterr()
    assert reporting.report(ledger, flags, []) == status
    assert capsys.readouterr().err.startswith("error: ")


def test_no_secret_is_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the token nor what a URL or a command may hold of one is in what a run leaves."""
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", TOKEN)
    argv = ["run", "--simulate", f"https://me:{TOKEN}@example.org/a.csv?sig={TOKEN}"]
    commands.run(["a.csv"], {"simulate": True}, argv)
    for path in (Path(LEDGER, "report.html"), Path(LEDGER, "runs", "0001", "details.json")):
        text = path.read_text()
        assert TOKEN not in text
        assert "https://example.org/a.csv" in text
        assert "set (not shown)" in text


def test_every_setting_shows_with_its_value() -> None:
    """Switches are yes or no, lists are joined, what has no value shows what stands for it."""
    flags = {"key": ["Id", "Name"], "base_url": "https://u:p@example.org/x?y", "rate_share": "0.5",
             "token_command": f"print {TOKEN}"}  # fmt: skip
    loaded = load(flags)
    shown = {setting.name: setting.value for setting in shown_settings(loaded.settings, loaded.origins)}
    assert shown["--key"] == "Id, Name"
    assert shown["--token-command"] == "set (not shown)"
    assert shown["--base-url"] == "https://example.org/x"
    assert (shown["--rate-share"], shown["--yes"], shown["--workers"]) == ("0.5", "no", "auto")
    assert len(shown) == len(Settings.model_fields)


def test_failures_go_into_a_workbook(capsys: pytest.CaptureFixture[str]) -> None:
    """`failures -o fix.xlsx` writes one; one that is there already stays."""
    run()
    capsys.readouterr()
    assert exporting.failures(LEDGER, {"output": "fix.xlsx"}, []) == ExitStatus.OK
    assert "fix.xlsx: 1 failed row to mend" in capsys.readouterr().err
    assert Path("fix.xlsx").read_bytes().startswith(b"PK")
    assert exporting.failures(LEDGER, {"output": "fix.xlsx"}, []) == ExitStatus.USAGE
    assert "there already" in capsys.readouterr().err
