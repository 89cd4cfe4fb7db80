"""The log: secrets and campaign data stay out of it, tracebacks carry no values, the file is private."""

import json
import stat
from pathlib import Path
from typing import Any, TextIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.logs import MASK, LogFile, Redactor, make_log
from importer.model import Problem, Record, Rejection, Result, Row

TOKEN = "canary-7f3a-token-value"


def entries(lines: list[str]) -> list[dict[str, Any]]:
    """Return log lines, read."""
    return [json.loads(line) for line in lines]


def test_an_entry_is_one_line_of_json() -> None:
    """Event, level, time and fields stand in one JSON object; a line break in a value is no line break."""
    lines: list[str] = []
    make_log(lines.append).info("begin", note="two\nlines", count=3)
    (entry,) = entries(lines)
    assert lines[0].count("\n") == 1
    assert (entry["event"], entry["level"], entry["note"], entry["count"]) == ("begin", "info", "two\nlines", 3)
    assert entry["at"].endswith("Z")


def test_the_level_holds_back_what_is_less_severe() -> None:
    """Under level warning, info is not written."""
    lines: list[str] = []
    log = make_log(lines.append, level="warning")
    log.info("no")
    log.warning("yes")
    assert [entry["event"] for entry in entries(lines)] == ["yes"]


@pytest.mark.parametrize(
    "secret",
    [
        "Bearer abc.DEF-123_~+/=",
        "bearer    abcdefgh",
        "pat-na1-1234abcd-12ab-34cd-56ef-1234567890ab",
        "pat-eu1-1234abcd-12ab-34cd-56ef-1234567890ab",
        TOKEN,
        "Authorization: hidden-thing",
    ],
)
def test_a_token_is_masked_wherever_it_stands(secret: str) -> None:
    """Tokens by their looks, and the literal one, are masked in events, fields, nested values and keys."""
    lines: list[str] = []
    log = make_log(lines.append, secrets=[TOKEN])
    event = f"sent {secret} there"
    log.warning(event, header=secret, nested={"deep": [f"x {secret} y"]})
    (entry,) = entries(lines)
    tail = secret.rsplit(maxsplit=1)[-1]
    assert tail not in lines[0]
    assert MASK in entry["header"]
    assert entry["nested"]["deep"][0].endswith(" y")


@settings(deadline=None)
@given(before=st.text(), after=st.text())
def test_masking_leaves_the_line_valid(before: str, after: str) -> None:
    """Whatever surrounds a token, the masked line is still JSON and the token is gone."""
    lines: list[str] = []
    make_log(lines.append, secrets=[TOKEN]).info("x", note=f"{before} Bearer {TOKEN} {after}")
    (entry,) = entries(lines)
    assert TOKEN not in lines[0]
    assert isinstance(entry["note"], str)


def test_a_short_literal_does_not_blot_out_words() -> None:
    """An empty or very short secret masks nothing by its letters."""
    assert Redactor(["", "run"])("a run of runs") == "a run of runs"


def test_a_traceback_shows_no_locals_and_no_token() -> None:
    """The canary in a local variable and in the exception's message does not reach the log."""
    lines: list[str] = []
    log = make_log(lines.append, secrets=[TOKEN])

    def fails() -> None:
        held = "canary-in-a-local-variable"
        raise ValueError(f"refused Bearer {TOKEN}" + held[:0])

    try:
        fails()
    except ValueError:
        log.exception("internal error")
    (entry,) = entries(lines)
    assert "canary" not in lines[0]
    assert entry["exception"][0]["exc_type"] == "ValueError"
    assert any(frame["name"] == "fails" for frame in entry["exception"][0]["frames"])


def test_campaign_data_does_not_reach_the_log() -> None:
    """Rows, records, rejections and properties are reduced to where they stand."""
    row = Row("a.csv", 3, 5, None, {"Name": "canary-cell"})
    record = Record(row, "0" * 32, "canary-name", {"hs_name": "canary-name"}, "0" * 16)
    problem = Problem("invalid_date", "canary-message is no date", "Start")
    lines: list[str] = []
    make_log(lines.append).info(
        "seen",
        row=row,
        records=[record],
        rejection=Rejection(row, (problem,)),
        result=Result("77", {"hs_name": "canary-name"}, None),
        properties={"hs_name": "canary-name"},
        nested={"body": b"canary-body", "error": ValueError("canary")},
    )
    (entry,) = entries(lines)
    assert "canary" not in lines[0]
    assert entry["records"] == [{"identity": "0" * 32, "source": "a.csv", "ordinal": 3, "line": 5}]
    assert entry["rejection"]["problems"] == [{"code": "invalid_date", "column": "Start"}]
    assert entry["result"] == {"id": "77"}
    assert entry["nested"] == {"body": "[11 left out]", "error": "ValueError"}


@pytest.mark.posix("files have no modes there")
def test_the_file_is_private_and_is_appended_to(tmp_path: Path) -> None:
    """run.log has mode 0600, and a second run adds to it."""
    path = tmp_path / "run.log"
    for event in ("first", "second"):
        file = LogFile(path)
        make_log(file.write).info(event)
        file.close()
        file.close()
        assert file.exists
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry["event"] for entry in entries(path.read_text().splitlines())] == ["first", "second"]


def test_lines_wait_until_the_folder_is_there(tmp_path: Path) -> None:
    """What is logged before the ledger's folder exists is written once it does, and the log makes no folder."""
    folder = tmp_path / "ledger"
    file = LogFile(folder / "run.log")
    log = make_log(file.write)
    log.info("early")
    folder.mkdir()
    log.info("late")
    file.close()
    assert [entry["event"] for entry in entries((folder / "run.log").read_text().splitlines())] == ["early", "late"]


def test_a_log_without_a_folder_costs_nothing(tmp_path: Path) -> None:
    """When the folder never comes there is no log, and no error either."""
    file = LogFile(tmp_path / "never" / "run.log")
    make_log(file.write).info("nothing")
    file.close()
    assert not file.exists


def test_a_failing_disk_costs_the_log_and_not_the_run(tmp_path: Path) -> None:
    """A log that cannot be opened is told by `error`; writing goes on."""
    (tmp_path / "run.log").mkdir()
    file = LogFile(tmp_path / "run.log")
    log = make_log(file.write)
    log.info("one")
    log.info("two")
    file.close()
    assert isinstance(file.error, OSError)
    assert not file.exists


@pytest.mark.posix("links need a right of their own")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_disk_that_is_full_costs_the_log_alone(tmp_path: Path) -> None:
    """Neither writing nor closing a log on a full disk raises, in its thread or in the caller; the error is kept."""
    path = tmp_path / "run.log"
    path.symlink_to("/dev/full")
    log = FullLog(path)
    log.write("a line\n")
    log.close()
    assert log.error is not None


class FullLog(LogFile):
    """A log on a disk that is full."""

    def _open(self) -> TextIO:
        return self.path.open("a", encoding="utf-8")


def test_a_full_log_is_set_aside_and_old_ones_go(tmp_path: Path) -> None:
    """Beyond its size it becomes .1, that .2, and no more are kept than asked for; no line is lost among those kept."""
    log = LogFile(tmp_path / "run.log", bytes_max=1_000, keep=2)
    for number in range(100):
        log.write(f"{number:099d}\n")
    log.close()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["run.log", "run.log.1", "run.log.2"]
    assert all(path.stat().st_size <= 1_100 and path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())
    kept = [int(line) for name in reversed(files) for line in (tmp_path / name).read_text().splitlines()]
    assert kept == list(range(100 - len(kept), 100))


def test_with_nothing_kept_a_full_log_begins_anew(tmp_path: Path) -> None:
    """`--log-keep 0`: one file, never much larger than permitted."""
    log = LogFile(tmp_path / "run.log", bytes_max=1_000, keep=0)
    for number in range(100):
        log.write(f"{number:099d}\n")
    log.close()
    assert [path.name for path in tmp_path.iterdir()] == ["run.log"]
    assert (tmp_path / "run.log").stat().st_size <= 1_100
