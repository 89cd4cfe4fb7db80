"""The wish to stop, and who notices it."""

from typing import Any

import anyio
import pytest
from trio.testing import MockClock

from importer.errors import ExitStatus, PausedError
from importer.stopping import Stop, StoppedError


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run in virtual time."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}


async def test_nobody_asked() -> None:
    """Without a wish nothing is said and a sleep is a sleep."""
    stop = Stop()
    began = anyio.current_time()
    await stop.sleep(1_000)
    assert anyio.current_time() - began == 1_000
    assert (stop.requested, stop.hard, stop.reason, stop.status) == (False, False, None, ExitStatus.OK)


async def test_the_first_reason_stands() -> None:
    """Whoever asks first is named, with status and hint."""
    stop = Stop()
    stop.request_for(PausedError("the daily quota is used up", hint="Tomorrow."))
    stop.request("something else", ExitStatus.LEDGER)
    assert (stop.reason, stop.status, stop.hint) == ("the daily quota is used up", ExitStatus.PAUSED, "Tomorrow.")
    assert stop.requested
    assert not stop.hard


async def test_waits_end_early() -> None:
    """Everybody who sleeps is woken by the wish, at once, and does not begin what they waited for."""
    stop = Stop()
    woken = []

    async def sleeper(seconds: float) -> None:
        with pytest.raises(StoppedError):
            await stop.sleep(seconds)
        woken.append(anyio.current_time())

    began = anyio.current_time()
    async with anyio.create_task_group() as group:
        for seconds in (50, 500, 5_000):
            group.start_soon(sleeper, seconds)
        await anyio.sleep(7)
        stop.request("enough", ExitStatus.INTERRUPTED)
    assert [moment - began for moment in woken] == [7, 7, 7]


async def test_nothing_begins_after_the_wish() -> None:
    """A wait that begins after the wish ends before its body runs."""
    stop = Stop()
    stop.request("enough", ExitStatus.INTERRUPTED)
    began = []
    with pytest.raises(StoppedError), stop.interruptible():
        began.append(True)
    assert began == []
    await stop.wait()


async def test_what_was_done_before_the_wish_is_done() -> None:
    """A body that ended before anybody asked is not undone by a later wish."""
    stop = Stop()
    with stop.interruptible():
        await anyio.sleep(1)
    stop.request("enough", ExitStatus.INTERRUPTED)
    assert stop._scopes == set()


async def test_an_error_inside_a_wait_comes_out() -> None:
    """What the body raises is not mistaken for a stop, and the wait is forgotten."""
    stop = Stop()
    with pytest.raises(ZeroDivisionError), stop.interruptible():
        raise ZeroDivisionError
    assert stop._scopes == set()


async def test_the_second_wish_cuts() -> None:
    """`wait_hard` ends at the second wish, though the grace is not over."""
    stop = Stop()
    began = anyio.current_time()
    async with anyio.create_task_group() as group:
        group.start_soon(stop.wait_hard, 100)
        await anyio.sleep(5)
        stop.request("enough", ExitStatus.TERMINATED)
        await anyio.sleep(5)
        stop.cancel_now()
    assert anyio.current_time() - began == 10
    assert stop.hard
    assert stop.status is ExitStatus.TERMINATED


async def test_the_grace_ends() -> None:
    """Without a second wish `wait_hard` ends when the grace after the first one is over."""
    stop = Stop()
    began = anyio.current_time()
    async with anyio.create_task_group() as group:
        group.start_soon(stop.wait_hard, 100)
        await anyio.sleep(5)
        stop.request("enough", ExitStatus.INTERRUPTED)
    assert anyio.current_time() - began == 105
    assert not stop.hard


async def test_cutting_at_once_is_also_a_wish() -> None:
    """Who asks to cut without asking before stops the run, as interrupted."""
    stop = Stop()
    stop.cancel_now()
    assert (stop.requested, stop.hard, stop.status) == (True, True, ExitStatus.INTERRUPTED)


async def test_cancellation_is_not_a_stop() -> None:
    """A task that is cancelled while it waits is cancelled, not stopped."""
    stop = Stop()
    with anyio.move_on_after(3) as scope:
        await stop.sleep(100)
    assert scope.cancelled_caught
    assert stop._scopes == set()
