"""Progress answers three questions, in virtual time."""

import io

import anyio
import pytest
from trio.testing import MockClock

from importer.cli.bar import Bar
from importer.cli.progress import BAR_EVERY_S, LINE_EVERY_S, counts, last_error, line, show, snapshot, view, waiting
from importer.cli.screen import Screen
from importer.model import State
from importer.report.books import Tally


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, MockClock]]:
    """Let time pass at once when everybody waits."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}


def half_done() -> Tally:
    """Return the counts of a run in its middle."""
    tally = Tally(rows_read=6_000, requests=250, bytes_read=500, bytes_total=1_000, permitted_per_s=25.0)
    tally.in_flight, tally.workers = 3, 8
    tally.end(State.CREATED, 2_995)
    tally.end(State.FAILED, 5)
    return tally


def test_a_line_says_how_far_how_fast_and_how_bad() -> None:
    """Counts, share, time left, speed and rate in use against the permitted one stand in one line."""
    tally = half_done()
    before, now = snapshot(Tally(), 0.0), snapshot(tally, 10.0)
    assert line(tally, before, now) == (
        "6,000 read, 2,995 created, 5 failed; 25%, about 30 s left; 300 rows/s, 250 of 250 requests in 10 s,"
        " 3 of 8 workers busy"
    )


def test_the_burst_of_the_first_window_promises_nothing() -> None:
    """What was sent at once is no speed that lasts: the permitted rate is, and skipped rows cost nothing of it."""
    tally = half_done()
    before, now = snapshot(Tally(), 0.0), snapshot(tally, 1.0)
    assert view(tally, before, now).left_s == pytest.approx(9_000 * (2_995 / 3_000) / 50 / 25)
    tally.permitted_per_s = None
    assert view(tally, before, now).left_s == pytest.approx(3.0)
    skipping = half_done()
    skipping.ended[State.CREATED], skipping.ended[State.SKIPPED] = 0, 2_995
    assert view(skipping, before, snapshot(skipping, 1.0)).left_s == pytest.approx(3.0)


def test_a_stream_of_unknown_size_has_no_share() -> None:
    """Without a size nothing is promised."""
    tally = half_done()
    tally.bytes_total = None
    seen = view(tally, snapshot(Tally(), 0.0), snapshot(tally, 10.0))
    assert (seen.share, seen.left_s) == (None, None)


def test_what_is_waited_for_is_said_with_a_countdown() -> None:
    """The reason and the seconds left show; so do records in doubt; nothing in it steers the terminal."""
    tally = half_done()
    tally.waiting_for, tally.waiting_until, tally.doubted = "a late\x1b request", 42.0, 50
    assert waiting(tally, 10.0) == "a late\x1b request, 32 s left"
    shown = line(tally, snapshot(Tally(), 0.0), snapshot(tally, 10.0))
    assert ", 50 in doubt; " in shown
    assert shown.endswith("; waiting: a late\\x1b request, 32 s left")
    tally.waiting_until = None
    assert waiting(tally, 10.0) == "a late\x1b request"


def test_states_that_nobody_is_in_are_left_out() -> None:
    """Read, created and failed always show, the others once there are any; a style marks what asks for a look."""
    assert counts(Tally(), snapshot(Tally(), 0.0)) == [("0 read", ""), ("0 created", ""), ("0 failed", "")]
    tally = half_done()
    tally.end(State.SKIPPED, 7)
    tally.end(State.UNRESOLVED, 1)
    told = dict(counts(tally, snapshot(tally, 0.0)))
    assert list(told) == ["6,000 read", "2,995 created", "7 skipped", "5 failed", "1 unresolved"]
    assert (told["5 failed"], told["7 skipped"]) == ("red", "")


def test_the_last_error_is_said_to_be_cured_once_it_is() -> None:
    """No error, no line; an error is open until its batch was sent again and nothing is in doubt."""
    tally = half_done()
    assert last_error(tally) is None
    tally.meet("service unavailable", "batch")
    assert last_error(tally) == "last error: service unavailable (not cured yet)"
    tally.troubled.discard("batch")
    tally.doubted = 50
    assert last_error(tally) == "last error: service unavailable (not cured yet)"
    tally.doubted = 0
    assert last_error(tally) == "last error: service unavailable (cured)"
    before, now = snapshot(Tally(), 0.0), snapshot(tally, 10.0)
    assert line(tally, before, now).endswith("; last error: service unavailable (cured)")


async def test_elsewhere_a_line_comes_every_ten_seconds() -> None:
    """Without a terminal there is a plain line each 10 s and nothing else."""
    err = io.StringIO()
    with anyio.move_on_after(LINE_EVERY_S * 3.5):
        await show(half_done(), Screen(io.StringIO(), err))
    assert len(err.getvalue().splitlines()) == 3
    assert "\x1b" not in err.getvalue()


@pytest.mark.parametrize(("quiet", "mode"), [(True, "auto"), (False, "never"), (True, "never")])
async def test_quiet_and_never_show_nothing(quiet: bool, mode: str) -> None:
    """Nobody who asked for silence gets a line."""
    err = io.StringIO()
    with anyio.move_on_after(LINE_EVERY_S * 3):
        await show(half_done(), Screen(io.StringIO(), err, quiet=quiet), mode)  # type: ignore[arg-type]
    assert not err.getvalue()


async def test_on_a_terminal_a_bar_is_drawn_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar holds the same figures, lines said meanwhile stand above it, and a cancellation removes it."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    terminal, tally = Terminal(), half_done()
    tally.waiting_for, tally.doubted, tally.trouble = "a late request", 50, "gateway timeout"
    screen = Screen(io.StringIO(), terminal)
    with anyio.move_on_after(BAR_EVERY_S * 4):
        async with anyio.create_task_group() as group:
            group.start_soon(show, tally, screen)
            await anyio.sleep(BAR_EVERY_S * 2.5)
            screen.say("said meanwhile")
            await anyio.sleep_forever()
    shown = terminal.getvalue()
    assert "6,000 read, 2,995 created, 5 failed, 50 in doubt" in shown
    assert "waiting: a late request" in shown
    assert "last error: gateway timeout (not cured yet)" in shown
    assert "said meanwhile\n" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("waiting")
    screen.say("after")
    assert terminal.getvalue().endswith("after\n")


def test_a_terminal_that_is_gone_ends_no_run() -> None:
    """Drawing on a closed stream is let go."""
    terminal = Terminal()
    tally = half_done()
    now = snapshot(tally, 1.0)
    bar = Bar(Screen(io.StringIO(), terminal))
    with bar:
        bar.draw(tally, now, view(tally, now, now))
        terminal.write = _broken  # type: ignore[method-assign]
        bar.draw(tally, now, view(tally, now, now))
        bar.say("nobody reads this")


def _broken(_text: str) -> int:
    raise BrokenPipeError


def test_items_are_counted_when_their_turn_has_come() -> None:
    """Not before: a run without budget and spend speaks of none."""
    tally = Tally(items_expected=1200)
    tally.items.made = 300
    assert counts(tally, snapshot(tally, 0.0))[-1] == ("300 of 1,200 items made", "")
