"""What reconciliation journals, counts and says, and the cases in which it must not decide, or must."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from trio.testing import MockClock

from importer.doubts import SettlePolicy
from importer.ledger.replay import JOURNAL, Replay
from importer.matching import Wanted, content_of
from importer.model import Result, State
from importer.reconcile import ATTEMPTS_MAX
from tests.test_reconcile import LANDS_S, NOW, POLICY, Bench, Portal, at_work, campaign

TWIN = Result("twin", {"hs_name": "Campaign 1"}, NOW)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run on trio's virtual clock: minutes of waiting take no time."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}


@dataclass
class NotingPortal(Portal):
    """A portal which notes what it is asked."""

    since: list[int] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)

    async def look(self, wanted: Sequence[Wanted], *, created_since: int) -> list[Result]:
        """Note how much was made since."""
        self.since.append(created_since)
        return await super().look(wanted, created_since=created_since)

    async def taken(self, ids: Sequence[str], not_before: float) -> frozenset[str]:
        """Note how far back."""
        self.bounds.append(not_before)
        return frozenset()


def found(folder: Path) -> list[dict[str, Any]]:
    """Return the findings in the journal."""
    entries = [step.entry for step in Replay(folder / "ledger" / JOURNAL).steps()]
    return [entry for entry in entries if entry["t"] == "resolve"]


def test_the_waits_are_those_that_are_promised() -> None:
    """Timeout, settle, two looks ten seconds apart: the numbers on which the documents reckon."""
    assert SettlePolicy() == SettlePolicy(
        timeout_s=110.0, settle_s=60.0, settle_max_s=300.0, looks_apart_s=10.0, skew_s=300.0, skew_least_s=5.0,
        outage_max_s=600.0,
    )  # fmt: skip
    assert ATTEMPTS_MAX == 5


async def test_nothing_is_looked_up_before_its_own_time(tmp_path: Path) -> None:
    """A doubt half a second younger than another waits half a second longer."""

    async def use(bench: Bench) -> None:
        bench.portal.shows = [campaign(1), campaign(2)]
        await bench.doubt(1)
        await anyio.sleep(0.5)
        await bench.doubt(2)
        await bench.reconciler.settle_all()

    bench = await at_work(tmp_path, use)

    first, second = bench.portal.asked_at
    assert second - first == pytest.approx(0.5)
    assert bench.tally.looks == 2


async def test_looks_come_ever_less_often(tmp_path: Path) -> None:
    """The first three looks are as near as they may be; then the gaps grow by as much each time."""

    async def use(bench: Bench) -> None:
        bench.portal.down = True
        await bench.doubt(1, 2)
        await bench.reconciler.settle_all()

    bench = await at_work(tmp_path, use)

    asked = bench.portal.asked_at
    gaps = [later - sooner for sooner, later in pairwise(asked[:6])]
    assert gaps == pytest.approx([10, 10, 20, 30, 40])
    assert (bench.tally.looks, bench.tally.codes) == (0, {"unresolved": 2})


async def test_what_the_last_look_shows_is_created(tmp_path: Path) -> None:
    """A campaign found by the look that is the last one is not given up by it."""

    async def use(bench: Bench) -> None:
        bench.portal.down = True
        await bench.doubt(1)
        async with anyio.create_task_group() as group:
            group.start_soon(bench.reconciler.settle_all)
            await anyio.sleep(LANDS_S + POLICY.settle_max_s)
            bench.portal.down, bench.portal.shows = False, [campaign(1)]

    bench = await at_work(tmp_path, use)

    assert (bench.tally.ended[State.CREATED], bench.tally.ended[State.UNRESOLVED]) == (1, 0)


async def test_the_finding_says_on_what_it_rests(tmp_path: Path) -> None:
    """The entry names its run, the looks, the answer's correlation id; and none but a refusal speaks of those."""

    async def use(bench: Bench) -> None:
        bench.portal.shows = [campaign(2)]
        await bench.doubt(1, 2, correlation_id="c-9")
        await bench.reconciler.settle_all()

    bench = await at_work(tmp_path, use)

    seen, absent = found(tmp_path)
    assert [item[1] for item in seen["created"]] == ["id-2"]
    assert (absent["absent"], absent["run"]) == ([0], 1)
    assert absent["evidence"] == {"looks": 2, "corr": "c-9", "refused": False}
    assert not seen.keys() & {"refusal", "extra"}
    assert bench.ledger.fold.refusals is None


async def test_one_twin_is_told_once_in_a_round(tmp_path: Path) -> None:
    """Two doubts settled by one look: the surplus stands in one of the findings, and is counted once."""

    async def use(bench: Bench) -> None:
        bench.portal.shows = [campaign(1), campaign(2), TWIN]
        await bench.doubt(1)
        await bench.doubt(2)
        await bench.reconciler.settle_all()

    bench = await at_work(tmp_path, use)

    first, second = found(tmp_path)
    assert (first["extra"], "extra" in second, bench.tally.unexpected) == ([{"id": "twin"}], False, 1)
    assert bench.tally.looks == 1


async def test_a_surplus_of_an_earlier_look_is_not_told(tmp_path: Path) -> None:
    """A finding names what its own look showed: a twin seen before looks began to fail may be gone by now."""
    mine = {"key": f"{1:032x}"}

    async def use(bench: Bench) -> None:
        bench.reconciler.correlation = "key"
        bench.portal.shows = [Result(name, {"hs_name": name, **mine}, NOW) for name in ("Campaign 1", "renamed")]
        bench.flying = frozenset({content_of({"hs_name": "Campaign 1"}, "key")})
        await bench.doubt(1)
        async with anyio.create_task_group() as group:
            group.start_soon(bench.reconciler.settle_all)
            await anyio.sleep(LANDS_S + 1)
            bench.portal.down = True

    bench = await at_work(tmp_path, use)

    (entry,) = found(tmp_path)
    assert (len(entry["unresolved"]), "extra" in entry, bench.tally.unexpected) == (1, False, 0)


async def test_what_is_asked(tmp_path: Path) -> None:
    """The look is told what was made since the oldest doubt, and ids are sought back to the earliest bound."""

    async def use(bench: Bench) -> None:
        bench.portal.shows = [campaign(1), campaign(2)]
        bench.tally.ended[State.CREATED] = 50
        for number, (before, bound) in enumerate([(20, 7.0), (40, 9.0)], start=1):
            doubt = await bench.doubt(number, created_before=before)
            doubt.wanted[0] = doubt.wanted[0]._replace(not_before=bound)
        await bench.reconciler.settle_all()

    portal = NotingPortal()
    await at_work(tmp_path, use, portal=portal)

    assert (portal.since, portal.bounds) == ([30], [7.0])


async def test_without_the_right_to_look_nothing_is_waited_for(tmp_path: Path) -> None:
    """Where campaigns cannot be listed, doubts are unresolved at once, however many, and the run goes on."""

    async def use(bench: Bench) -> None:
        bench.reconciler.can_look = False
        began = anyio.current_time()
        for number in range(3):
            await bench.doubt(number)
        await bench.reconciler.settle_all()
        assert anyio.current_time() - began == pytest.approx(LANDS_S)

    bench = await at_work(tmp_path, use, doubts_max=2)

    assert (bench.tally.ended[State.UNRESOLVED], bench.stop.requested, bench.portal.asked_at) == (3, False, [])
    assert [entry["unresolved"][0][1][:24] for entry in found(tmp_path)] == ["HubSpot cannot be asked "] * 3


async def test_as_many_doubts_as_permitted_are_no_crowd(tmp_path: Path) -> None:
    """Creates pause above the maximum, not at it."""

    async def use(bench: Bench) -> None:
        await bench.doubt(1)
        await bench.doubt(2)
        assert not bench.reconciler.crowded
        await bench.reconciler.settle_all()

    assert len((await at_work(tmp_path, use, doubts_max=2)).sent_again) == 2


async def test_it_says_what_it_waits_for(tmp_path: Path) -> None:
    """Before any first look it is a late request, after the last of them a second look; then nothing."""

    async def use(bench: Bench) -> None:
        tally, began = bench.tally, anyio.current_time()
        await bench.doubt(1, 2)
        await anyio.sleep(1)
        await bench.doubt(3)
        refused_one = await bench.doubt(4, refused=True)
        refused_one.next_look = began + LANDS_S + 5
        async with anyio.create_task_group() as group:
            group.start_soon(bench.reconciler.settle_all)
            for after_s, why in ((160.0, "late"), (9.5, "late"), (1.0, "second"), (6.0, "second")):
                await anyio.sleep(after_s)
                words = {"late": "a late request may still land", "second": "a second look must agree"}[why]
                assert tally.waiting_for == f"settling 4 records in doubt ({words})"
                soonest = min(doubt.next_look for doubt in bench.reconciler.doubts)
                assert tally.waiting_until == soonest
        assert (tally.waiting_for, tally.waiting_until) == (None, None)

    assert len((await at_work(tmp_path, use)).sent_again) == 3


async def test_the_refused_alone_is_no_late_request(tmp_path: Path) -> None:
    """What was answered cannot land any more, and waiting for its look is not called so."""

    async def use(bench: Bench) -> None:
        await bench.doubt(1, refused=True)
        async with anyio.create_task_group() as group:
            group.start_soon(bench.reconciler.settle_all)
            await anyio.sleep(1)
            assert "a second look must agree" in (bench.tally.waiting_for or "")

    await at_work(tmp_path, use)


@dataclass
class LateListing(Portal):
    """A portal whose first listing does not show everything yet, beside the ids that the journal holds."""

    hidden: list[Result] = field(default_factory=list)
    held: set[str] = field(default_factory=set)

    async def look(self, wanted: Sequence[Wanted], *, created_since: int) -> list[Result]:
        """Show what is hidden from the second look on."""
        shown = await super().look(wanted, created_since=created_since)
        return shown + (self.hidden if len(self.asked_at) > 1 else [])

    async def taken(self, ids: Sequence[str], not_before: float) -> frozenset[str]:
        """Know what was found."""
        return frozenset(self.held)


def made(ident: str, at: int) -> Result:
    """Return a campaign for record 1, made at so many seconds."""
    return Result(ident, {"hs_name": "Campaign 1"}, f"1970-01-01T00:{at // 60:02d}:{at % 60:02d}Z")


async def test_a_record_does_not_take_the_campaign_of_an_equal_one_that_may_still_land(tmp_path: Path) -> None:
    """Both were made, the first is not listed yet: taking the second's campaign for it would send the second again."""
    portal = LateListing(shows=[made("second", 165)], hidden=[made("first", 150)])

    async def use(bench: Bench) -> None:
        await bench.doubt(1)
        await anyio.sleep(165)
        later = await bench.doubt(1)
        later.wanted[0] = later.wanted[0]._replace(not_before=160.0)
        await bench.reconciler.settle_all()

    bench = await at_work(tmp_path, use, portal=portal)
    assert bench.sent_again == []
    assert sorted(item[1] for entry in found(tmp_path) for item in entry["created"]) == ["first", "second"]
    assert portal.asked_at[-1] == 165 + LANDS_S  # both at the second's first look, whenever the first's turn was


async def test_equal_records_of_which_nothing_was_made_are_both_sent_again(tmp_path: Path) -> None:
    """They wait for each other only as long as one of them may still land."""

    async def use(bench: Bench) -> None:
        await bench.doubt(1)
        await anyio.sleep(165)
        await bench.doubt(1)
        await bench.reconciler.settle_all()
        assert len(bench.sent_again) == 2
        assert anyio.current_time() == 165 + LANDS_S + POLICY.looks_apart_s

    await at_work(tmp_path, use)
