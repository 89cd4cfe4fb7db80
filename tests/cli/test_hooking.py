"""Hooks of a session: made of the settings, told at the end and of refusals, and once when nothing happens any more."""

import io
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import structlog
from trio.testing import MockClock

from importer.cli import hooking
from importer.cli.screen import Screen
from importer.errors import AccessError, UsageError
from importer.hooks import Hooks
from importer.pacing import Pacer, RatePolicy, RollingWindow
from importer.posting import Answer
from importer.report.books import Tally
from importer.settings import load
from tests import warm


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run in virtual time."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}


@dataclass
class Receiver:
    """Takes everything that is posted."""

    got: list[dict[str, Any]] = field(default_factory=list)

    def post(self, _url: str, body: bytes, _headers: Mapping[str, str]) -> Answer:
        """Keep it."""
        self.got.append(json.loads(body))
        return Answer(200, b"")

    def hooks(self) -> Hooks:
        """Return hooks that tell it."""
        return Hooks(url="https://example.org", secret="x", post=self.post, sleep=lambda _s: None)


def screen() -> Screen:
    """Return a screen that is no terminal."""
    return Screen(io.StringIO(), io.StringIO())


def test_a_webhook_without_a_secret_is_refused() -> None:
    """Nothing is posted unsigned; the hint names the variable."""
    settings = load({"hook_url": "https://example.org/hook"}).settings
    with pytest.raises(UsageError, match="has to be signed") as caught:
        hooking.hooks_of(settings)
    assert "IMPORT_HOOK_SECRET" in (caught.value.hint or "")


def test_the_secret_comes_from_a_private_file_and_stays_from_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens and secrets of the environment are not handed on to the hook's command."""
    path = tmp_path / "secret"
    path.write_text("s3cret\n")
    path.chmod(0o600)
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "canary-1")
    monkeypatch.setenv("HUBSPOT_CLIENT_SECRET", "canary-2")
    flags = {"hook_url": "https://example.org", "hook_command": "x", "hook_secret_file": str(path)}
    hooks = hooking.hooks_of(load(flags).settings)
    assert hooks is not None
    assert hooks.secret == "s3cret"
    assert "canary" not in str(hooks.environment)
    assert "canary" not in repr(hooks)


def test_who_asks_for_nothing_gets_no_hooks() -> None:
    """Without an address and a command nobody is told."""
    assert hooking.hooks_of(load({}).settings) is None


@pytest.mark.parametrize("value", ["end,nothing", "fail"])
def test_an_unknown_event_is_refused_with_those_there_are(value: str) -> None:
    """A hook that would never be told is a mistake."""
    with pytest.raises(UsageError, match=r"--hook-on.*end, failure, stall"):
        load({"hook_on": [value]})


def test_a_refusal_is_told_and_passed_on() -> None:
    """What keeps a run from beginning is a failure, too."""
    receiver = Receiver()
    with pytest.raises(AccessError), hooking.told_of_refusals(receiver.hooks(), screen()):
        raise AccessError("no token", hint="get one")
    (told,) = receiver.got
    assert (told["event"], told["status"], told["reason"], told["books"]) == ("failure", 4, "no token", None)


async def test_a_stall_is_told_once_and_again_after_progress() -> None:
    """Nothing for a quarter of an hour: one message, however long it lasts; then progress, and a second stall."""
    receiver, tally = Receiver(), Tally(waiting_for="HubSpot asked for a pause")
    settings = load({"stall_after": "15m"}).settings
    async with anyio.create_task_group() as group:
        group.start_soon(
            lambda: hooking.watch_for_stalls(
                receiver.hooks(), settings, tally, screen(), structlog.wrap_logger(Silent()), ledger="a.ledger"
            )
        )
        await anyio.sleep(14 * 60)
        assert not receiver.got
        await anyio.sleep(2 * 60)
        await told(receiver, 1)
        await anyio.sleep(60 * 60)
        assert len(receiver.got) == 1
        tally.rows_read += 1
        await anyio.sleep(10 * 60)
        assert len(receiver.got) == 1
        await anyio.sleep(10 * 60)
        await told(receiver, 2)
        group.cancel_scope.cancel()
    assert receiver.got[0]["waiting_for"] == "HubSpot asked for a pause"
    assert receiver.got[0]["seconds"] == 900


async def test_a_stall_at_the_rate_limit_names_it() -> None:
    """Nobody said what is waited for, but somebody waits at the limiter."""
    pacer = Pacer(RollingWindow(RatePolicy(requests=1, window_s=3600, fixed=True)))
    receiver, tally = Receiver(), Tally(paced=lambda: pacer.idle_reason)
    settings = load({"stall_after": "15m"}).settings
    async with anyio.create_task_group() as group:
        await pacer.take()
        group.start_soon(pacer.take)
        group.start_soon(
            lambda: hooking.watch_for_stalls(
                receiver.hooks(), settings, tally, screen(), structlog.wrap_logger(Silent()), ledger="a.ledger"
            )
        )
        await anyio.sleep(16 * 60)
        await told(receiver, 1)
        group.cancel_scope.cancel()
    assert receiver.got[0]["waiting_for"] == "the rate limit of 1 requests in 3600 s"


async def told(receiver: Receiver, times: int) -> None:
    """Wait for the thread that tells, which virtual time does not wait for."""
    with anyio.fail_after(1):
        while len(receiver.got) < times:
            await anyio.lowlevel.checkpoint()
    assert len(receiver.got) == times


class Silent:
    """A logger that says nothing."""

    def msg(self, _line: str, **_more: Any) -> None:
        """Say nothing."""

    info = warning = error = msg


@pytest.mark.slow
def test_a_second_run_is_refused_with_the_first_named_and_the_hook_told(tmp_path: Path) -> None:
    """Status 10, at once: who, where and since when; the hook hears of it as a failure."""
    source = tmp_path / "a.csv"
    source.write_text("hs_name\n" + "".join(f"C {n}\n" for n in range(3_000)))
    run = [sys.executable, "-m", "importer", "run", "--simulate", str(source), "--rate", "10"]
    hook = f"{sys.executable} -c 'import sys; open({str(tmp_path / 'told')!r}, chr(119)).write(sys.stdin.read())'"
    hook = hook.replace("'import", '"import').replace("read())'", 'read())"')
    with warm.Warm(run, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as first:
        holder = Path(f"{source}.simulated.ledger/holder.json")
        while not holder.exists() or not holder.read_text().endswith("}"):
            assert first.poll() is None
            time.sleep(0.01)  # the file is another process'
        second = warm.run([*run, "--hook-command", hook], capture_output=True, text=True, check=False)
        first.terminate()
    assert second.returncode == 10
    assert f"held by another run (process {first.pid} on " in second.stderr
    assert " since 20" in second.stderr
    assert json.loads((tmp_path / "told").read_text())["status_name"] == "held"
