"""The shell of a shared limit, over a real file: as patient, fair and safe to cancel as the pacer of one process."""

from contextlib import AsyncExitStack, suppress
from pathlib import Path

import anyio
import pytest

from importer.errors import ImporterError, PausedError, UsageError
from importer.pacing import RatePolicy
from importer.sharing.book import packed, unpacked
from importer.sharing.limit import limit_shared
from importer.sharing.limit_file import LimitFile
from importer.sharing.pacer import SharedPacer

HEADER = "x-hubspot-ratelimit-"
SHORT = RatePolicy(requests=4, window_s=0.3)
LONG = RatePolicy(requests=4, window_s=1_000.0)


def pacer(path: Path, policy: RatePolicy = LONG, *, outage_max_s: float = 60.0) -> SharedPacer:
    """Return the pacer of one process at a file."""
    return SharedPacer(LimitFile(path), policy, outage_max_s=outage_max_s)


async def all_waiting(*pacers: SharedPacer) -> None:
    """Return when somebody waits at each of them."""
    while not all(one.idle_reason for one in pacers):
        await anyio.sleep(0.01)


async def test_two_pacers_give_out_no_more_than_the_limit(tmp_path: Path) -> None:
    """Of ten who ask at two pacers four get a slot; the others wait, and are told why."""
    got: list[int] = []

    async def ask(one: SharedPacer, number: int) -> None:
        await one.take()
        got.append(number)

    async with pacer(tmp_path / "l") as one, pacer(tmp_path / "l") as two, anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(ask, (one, two)[number % 2], number)
        while len(got) < 4:
            await anyio.sleep(0.01)
        await all_waiting(one, two)
        assert one.idle_reason == "the rate limit of 4 requests in 1000 s, shared with other processes"
        assert one.permitted_per_s == pytest.approx(0.004)
        tasks.cancel_scope.cancel()
    assert len(got) == 4


async def test_what_one_learns_the_other_keeps_to(tmp_path: Path) -> None:
    """The limit that an answer names, and what is left of the day, are known to the other process at its next turn."""
    told: list[tuple[int | None, int | None]] = []
    async with pacer(tmp_path / "l", SHORT) as one, pacer(tmp_path / "l", SHORT) as two:
        one.told = lambda left, of: told.append((left, of))
        async with one.slot() as slot:
            slot.answered({f"{HEADER}max": "60", f"{HEADER}daily": "9", f"{HEADER}daily-remaining": "7", "date": "now"})
        while not told:
            await anyio.sleep(0.01)
        async with two.slot() as slot:
            assert two.permitted_per_s == pytest.approx(60 / 0.3)
    assert told == [(7, 9)]


async def test_a_pause_of_one_is_everybodys(tmp_path: Path) -> None:
    """After a pause for one process no other gets a slot."""
    async with pacer(tmp_path / "l") as one, pacer(tmp_path / "l") as two:
        one.pause(900.0)
        while unpacked((tmp_path / "l").read_bytes())["window"]["own"]["_paused_until"] is None:
            await anyio.sleep(0.01)
        with anyio.move_on_after(0.3) as scope:
            await two.take()
        assert scope.cancelled_caught


async def test_a_cancelled_waiter_leaves_its_place_and_no_slot(tmp_path: Path) -> None:
    """Whenever a waiter is cancelled, before, in and after the turn, its slot goes to somebody else or back."""
    async with pacer(tmp_path / "l") as one:
        for place in range(60):
            with anyio.move_on_after(0.0002 * place):
                slot = await one.take()
                slot.give_back()  # type: ignore[attr-defined]  # a slot of this pacer
        slots = [await one.take() for _ in range(4)]
        assert len(slots) == 4


async def test_a_slot_without_an_answer_is_given_up_one_window_later(tmp_path: Path) -> None:
    """An error inside the block counts as a request sent just then; the next window has all slots again."""
    async with pacer(tmp_path / "l", SHORT) as one:
        for _ in range(8):
            with suppress(ValueError):
                async with one.slot():
                    raise ValueError
    state = unpacked((tmp_path / "l").read_bytes())
    assert state["window"]["own"]["_taken"] == state["window"]["arrivals"]["answered"] == 8


async def test_who_leaves_gives_back_what_it_holds(tmp_path: Path) -> None:
    """The end of the block ends the membership, also when it ends in an error, which is not wrapped."""

    async def fail() -> None:
        async with pacer(tmp_path / "l") as one:
            await one.take()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert unpacked((tmp_path / "l").read_bytes())["members"] == {}


async def test_a_store_that_fails_holds_and_then_stops_the_run(tmp_path: Path) -> None:
    """While its folder is away nobody gets a slot; back in time all goes on; away for too long the run stops."""
    heard: list[ImporterError] = []
    share = tmp_path / "share"
    share.mkdir()
    async with AsyncExitStack() as stack:
        patient = await stack.enter_async_context(pacer(share / "l"))
        hasty = await stack.enter_async_context(pacer(share / "l", outage_max_s=0.0))
        patient.failed = hasty.failed = heard.append
        (await patient.take()).close()
        await anyio.to_thread.run_sync(share.rename, tmp_path / "away")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(patient.take)
            with pytest.raises(PausedError, match="could not be asked for 0 s: "):
                await hasty.take()
            with anyio.fail_after(20):
                while "cannot be asked: " not in (patient.idle_reason or ""):
                    await anyio.sleep(0.01)
            await anyio.to_thread.run_sync((tmp_path / "away").rename, share)
        with pytest.raises(PausedError):
            await hasty.take()
    assert [type(error) for error in heard] == [PausedError]


async def test_a_file_that_cannot_serve_is_refused_at_the_start(tmp_path: Path) -> None:
    """A usage error before anything is sent; without a file there is nothing to share."""
    (tmp_path / "l").write_bytes(packed({"schema": 99}))
    with pytest.raises(UsageError, match="this version"):
        await pacer(tmp_path / "l").__aenter__()
    async with limit_shared(None, SHORT, outage_max_s=1.0) as nothing:
        assert nothing is None
    async with limit_shared(tmp_path / "new", SHORT, outage_max_s=1.0) as one:
        assert one is not None
