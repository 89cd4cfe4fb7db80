"""A session around fakes: signals, questions, errors, logs, statuses."""

import io
import json
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from importer.cli import session
from importer.cli.errors import show_error
from importer.cli.planning import build_plan
from importer.cli.screen import Screen
from importer.errors import AccessError, ExitStatus, ImporterError, InternalError, PausedError, SourceError, UsageError
from importer.model import State
from importer.plan import Plan
from importer.preflight import Account
from importer.report.books import Summary, Tally
from importer.settings import load
from importer.stopping import Stop

PRODUCTION = Account(id="123", kind="STANDARD", base_url="https://api.hubapi.com", can_read=True)
TOKEN = "canary-token-4711"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


@pytest.fixture(autouse=True)
def signals_stay() -> Iterator[None]:
    """Put back the handlers which a second signal takes away."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Return a plan for a file in an empty folder, with a ledger's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", TOKEN)
    (tmp_path / "a.csv.ledger").mkdir()
    return build_plan(load({}), ["a.csv"])


def summary(plan: Plan, stop: Stop, tally: Tally) -> Summary:
    """Return a summary as the pipeline would."""
    return Summary(
        run=1, status=stop.status, reason=stop.reason, hint=stop.hint, books=tally.books(), counts={},
        ledger=str(plan.ledger), sources=("a.csv",), account="123", base_url="https://x",
        started_at="2026-11-23T10:00:00+00:00", seconds=1.0,
    )  # fmt: skip


def run(work: session.Work, plan: Plan, **flags: Any) -> tuple[int, str, str]:
    """Run `work` in a session; return status, stdout, stderr."""
    out, err = io.StringIO(), Terminal() if flags.pop("terminal", False) else io.StringIO()
    status = session.run(work, plan, load(flags).settings, screen=Screen(out, err), argv=["run", "a.csv"])
    return status, out.getvalue(), err.getvalue()


async def finishes(plan: Plan, *, tally: Tally, stop: Stop, confirm: session.Confirm) -> Summary:
    """Create one campaign."""
    await confirm(PRODUCTION, plan)
    tally.rows_read = 1
    tally.end(State.CREATED)
    return summary(plan, stop, tally)


def test_a_good_run_greets_logs_and_adds_up(plan: Plan) -> None:
    """Account, sources and ledger first, the sum last; summary.json and run.log are left, without the token."""
    status, out, err = run(finishes, plan)
    assert status == ExitStatus.OK
    assert err.splitlines()[:3] == [
        "account: HubSpot account 123 (production) at https://api.hubapi.com",
        "sources: 1 (a.csv)",
        "ledger: a.csv.ledger (new)",
    ]
    assert out.startswith("1 read = 1 created")
    assert json.loads((plan.ledger / "runs" / "0001" / "summary.json").read_text())["run"] == 1
    log = (plan.ledger / "run.log").read_text()
    assert [json.loads(line)["event"] for line in log.splitlines()] == ["begin", "account", "end"]
    assert TOKEN not in log


@pytest.mark.posix("signals do not reach a process so")
def test_the_first_signal_drains(plan: Plan) -> None:
    """The work is asked to stop, with the status of the signal, and the next command is shown."""

    async def work(plan: Plan, *, tally: Tally, stop: Stop, confirm: session.Confirm) -> Summary:
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        assert not stop.hard
        return summary(plan, stop, tally)

    status, _, err = run(work, plan)
    assert status == ExitStatus.TERMINATED
    assert "stopping: up to 8 s for requests on their way" in err
    assert re.search(r"^to go on: .* run a.csv$", err, re.MULTILINE)


@pytest.mark.posix("signals do not reach a process so")
def test_the_second_signal_cuts_and_the_third_is_the_systems(plan: Plan) -> None:
    """After the second the work is cut and the default handler stands again."""

    async def work(plan: Plan, *, tally: Tally, stop: Stop, confirm: session.Confirm) -> Summary:
        os.kill(os.getpid(), signal.SIGINT)
        await stop.wait()
        os.kill(os.getpid(), signal.SIGINT)
        await stop.wait_hard(60)
        while signal.getsignal(signal.SIGINT) is not signal.SIG_DFL:
            await anyio.lowlevel.checkpoint()
        return summary(plan, stop, tally)

    status, _, err = run(work, plan)
    assert status == ExitStatus.INTERRUPTED
    assert "cutting off what is on its way" in err


def test_an_error_before_anything_began_is_raised_as_it_is(plan: Plan) -> None:
    """An `ImporterError` reaches the caller unwrapped, and is logged."""

    async def work(plan: Plan, *, tally: Tally, stop: Stop, confirm: session.Confirm) -> Summary:
        raise AccessError("no scope", hint="add it")

    with pytest.raises(AccessError, match="no scope"):
        run(work, plan)
    assert "no scope" in (plan.ledger / "run.log").read_text()


def test_of_a_group_of_errors_the_gravest_stands(plan: Plan) -> None:
    """Errors of several tasks are told as one, by the precedence of their statuses."""
    group = ExceptionGroup("x", [PausedError("p"), ExceptionGroup("y", [SourceError("s"), AccessError("a")])])
    assert isinstance(session.plain_error(group), AccessError)
    mixed = ExceptionGroup("x", [PausedError("p"), ValueError("v")])
    assert session.plain_error(mixed) is mixed


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_nobody_foresaw_is_an_internal_error_with_a_log(plan: Plan, dry_run: bool) -> None:
    """Status 70, one line with the log's path; the traceback is in the log, without secrets or locals."""

    async def work(plan: Plan, *, tally: Tally, stop: Stop, confirm: session.Confirm) -> Summary:
        held = "canary-in-a-local"
        raise ValueError(f"Bearer {TOKEN}" + held[:0])

    with pytest.raises(InternalError) as caught:
        run(work, replace(plan, dry_run=dry_run))
    error = caught.value
    assert error.exit_status == ExitStatus.INTERNAL
    found = re.fullmatch(r"internal error \(ValueError\); the log is (.*)", error.message)
    assert found
    path = Path(found[1])
    assert path.is_relative_to(plan.ledger) or dry_run
    text = path.read_text()
    assert "Traceback" not in text
    assert "ValueError" in text
    assert "canary" not in text
    if dry_run:
        path.unlink()
        assert not (plan.ledger / "run.log").exists()


@pytest.mark.parametrize(("answer", "goes_on"), [("y\n", True), ("YES\n", True), ("\n", False), ("", False)])
def test_a_new_ledger_on_a_production_account_asks_once(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, answer: str, goes_on: bool
) -> None:
    """On a terminal the answer decides; only yes goes on."""
    stdin = Terminal(answer)
    monkeypatch.setattr("sys.stdin", stdin)
    if goes_on:
        assert run(finishes, plan, terminal=True, progress="never")[0] == ExitStatus.OK
    else:
        with pytest.raises(UsageError, match="nothing was sent"):
            run(finishes, plan, terminal=True, progress="never")


def test_nobody_is_asked_without_need(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """--yes answers; a known ledger, a sandbox, and a stream that is no terminal do not ask."""

    class Unread(Terminal):
        def readline(self, *_args: object) -> str:  # type: ignore[override]  # typeshed mixes text and bytes
            raise AssertionError("nobody may ask")

    monkeypatch.setattr("sys.stdin", Unread())
    assert run(finishes, plan, terminal=True, progress="never", yes=True)[0] == ExitStatus.OK
    assert run(finishes, plan)[0] == ExitStatus.OK

    async def sandbox(plan: Plan, *, tally: Tally, stop: Stop, confirm: session.Confirm) -> Summary:
        await confirm(replace(PRODUCTION, kind="SANDBOX"), plan)
        return summary(plan, stop, tally)

    assert run(sandbox, plan, terminal=True, progress="never")[0] == ExitStatus.OK
    (plan.ledger / "journal.jsonl").touch()
    assert run(finishes, plan, terminal=True, progress="never")[0] == ExitStatus.OK


def test_an_account_that_cannot_be_read_is_warned_of(plan: Plan) -> None:
    """Without the right to list, what ends in doubt cannot be settled: said before anything is sent."""

    async def work(plan: Plan, *, tally: Tally, stop: Stop, confirm: session.Confirm) -> Summary:
        await confirm(replace(PRODUCTION, can_read=False, kind="SANDBOX"), plan)
        return summary(plan, stop, tally)

    assert "the token cannot list campaigns" in run(work, plan)[2]


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (PRODUCTION, "HubSpot account 123 (production)"),
        (replace(PRODUCTION, kind="SANDBOX"), "HubSpot account 123 (sandbox)"),
        (replace(PRODUCTION, kind=None, id=None), "a HubSpot account that the token may not name (taken for"),
        (replace(PRODUCTION, simulated=True), "a simulated HubSpot account"),
    ],
)
def test_an_account_is_described(account: Account, words: str) -> None:
    """Id and purpose; what cannot be told is taken for production."""
    assert session.describe(account).startswith(words)


@pytest.mark.posix("signals do not reach a process so")
def test_a_wish_to_stop_ends_the_question(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal while the question stands is a no."""
    reading, writing = os.pipe()

    class Slow(Terminal):
        def readline(self, *_args: object) -> str:  # type: ignore[override]  # typeshed mixes text and bytes
            os.kill(os.getpid(), signal.SIGINT)
            return os.read(reading, 1).decode()

    monkeypatch.setattr("sys.stdin", Slow())
    with pytest.raises(ImporterError, match="nothing was sent"):
        run(finishes, plan, terminal=True, progress="never")
    os.close(writing)  # the reader ends, and with it its thread


def test_the_log_goes_to_stderr_when_asked(plan: Plan) -> None:
    """--log-stderr writes the same entries to stderr."""
    err = run(finishes, plan, log_stderr=True)[2]
    assert [json.loads(line)["event"] for line in err.splitlines() if line.startswith("{")] == [
        "begin", "account", "end",
    ]  # fmt: skip


def test_a_summary_that_cannot_be_written_costs_nothing_else(plan: Plan) -> None:
    """The run's status stands, and the trouble is said."""
    (plan.ledger / "runs").write_text("in the way")
    status, _, err = run(finishes, plan)
    assert status == ExitStatus.OK
    assert "summary.json could not be written" in err


def test_an_error_is_one_line_and_a_hint() -> None:
    """Stderr has the sentence and the hint; under --json stdout has the object."""
    out, err = io.StringIO(), io.StringIO()
    assert show_error(AccessError("no \x1b token", hint="make one"), Screen(out, err), as_json=True) == 4
    assert err.getvalue() == "error: no \\x1b token\nhint: make one\n"
    assert json.loads(out.getvalue())["status"] == 4
