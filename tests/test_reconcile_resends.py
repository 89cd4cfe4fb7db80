"""What reconciliation does with a refused batch, with the last attempt, and with what it sends again."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from trio.lowlevel import current_clock
from trio.testing import MockClock

from importer.doubts import Doubt
from importer.matching import Wanted
from importer.model import State
from importer.reconcile import ATTEMPTS_MAX, REFUSALS_LIE
from tests.test_reconcile import Bench, at_work, campaign
from tests.test_reconcile_findings import found

WRONG = {"i": 0, "code": "refused", "message": "no", "column": None, "fix": None, "attribution": "record", "row": None}


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run on trio's virtual clock: minutes of waiting take no time."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}


async def refused(bench: Bench, *numbers: int, attempt: int = 1, **more: Any) -> Doubt:
    """Put a refused batch in doubt, due at once."""
    doubt = await bench.doubt(*numbers, attempt=attempt, refused=True, **more)
    doubt.next_look = doubt.due = anyio.current_time()
    return doubt


async def test_refusals_that_lie_are_told_once(tmp_path: Path) -> None:
    """The first refused batch of which something was made is a notice; the second is not."""

    async def use(bench: Bench) -> None:
        bench.portal.shows = [campaign(1)]
        await refused(bench, 1)
        await bench.reconciler.settle_all()
        assert bench.tally.notices == [REFUSALS_LIE]
        await refused(bench, 1, 2)
        await bench.reconciler.settle_all()

    bench = await at_work(tmp_path, use)

    assert bench.tally.notices == [REFUSALS_LIE]
    assert [entry["refusal"] for entry in found(tmp_path)] == ["partial", "partial", "atomic"]


async def test_a_refused_record_that_was_not_made_fails(tmp_path: Path) -> None:
    """What HubSpot refused alone keeps its own reason, in its place, with its row; that refusal was atomic."""

    async def use(bench: Bench) -> None:
        await refused(bench, 7, failure=WRONG)
        await bench.reconciler.settle_all()

    bench = await at_work(tmp_path, use)

    (entry,) = found(tmp_path)
    assert entry["failed"] == [{**WRONG, "row": {"hs_name": "Campaign 7"}}]
    assert (entry["refusal"], entry["absent"], entry["evidence"]["refused"]) == ("atomic", [], True)
    assert (bench.tally.ended[State.FAILED], bench.tally.codes, bench.tally.notices) == (1, {"refused": 1}, [])


async def test_a_refused_record_of_unknown_fate_says_nothing_of_refusals(tmp_path: Path) -> None:
    """A refused batch that could not be looked up leaves open whether refusals make something."""

    async def use(bench: Bench) -> None:
        bench.portal.down = True
        await refused(bench, 1)
        await bench.reconciler.settle_all()

    bench = await at_work(tmp_path, use)

    assert bench.ledger.fold.refusals is None
    assert "refusal" not in found(tmp_path)[0]


async def test_an_exhausted_record_keeps_its_row(tmp_path: Path) -> None:
    """The failure names the record's place in its batch, its row, and how often it was sent."""

    async def use(bench: Bench) -> None:
        bench.portal.shows = [campaign(1)]
        await bench.doubt(1, 2, attempt=ATTEMPTS_MAX)
        await bench.reconciler.settle_all()

    bench = await at_work(tmp_path, use)

    (failed,) = found(tmp_path)[1]["failed"]
    assert failed.pop("message").startswith("sent 5 times")
    assert failed == {"i": 1, "code": "exhausted", "column": None, "fix": None, "attribution": "record",
                      "row": {"hs_name": "Campaign 2"}}  # fmt: skip
    assert (bench.tally.ended[State.FAILED], bench.sent_again, bench.stop.requested) == (1, [], False)


async def test_a_last_attempt_that_is_found_is_no_storm(tmp_path: Path) -> None:
    """However crowded it is: where nothing is absent there is nothing to give up, and the run goes on."""

    async def use(bench: Bench) -> None:
        bench.portal.shows = [campaign(1), campaign(2)]
        await bench.doubt(1, 2, attempt=ATTEMPTS_MAX)
        await bench.reconciler.settle_all()

    bench = await at_work(tmp_path, use, doubts_max=0)

    assert (bench.tally.ended[State.CREATED], bench.stop.requested) == (2, False)


async def test_the_refused_is_not_exhausted(tmp_path: Path) -> None:
    """A batch that is cut down after refusals is sent as often as that takes; one record is not cut."""

    async def use(bench: Bench) -> None:
        await refused(bench, 1, 2, attempt=ATTEMPTS_MAX)
        await refused(bench, 3, attempt=ATTEMPTS_MAX)
        await bench.reconciler.settle_all()

    bench = await at_work(tmp_path, use)

    assert [len(work.batch.records) for work in bench.sent_again] == [1, 1, 1]
    assert {work.attempt for work in bench.sent_again} == {ATTEMPTS_MAX + 1}


async def test_what_was_lost_is_sent_again_whole(tmp_path: Path) -> None:
    """A batch without an answer was not refused, so there is no bad row to look for."""

    async def use(bench: Bench) -> None:
        await bench.doubt(1, 2, 3)
        await bench.reconciler.settle_all()

    (again,) = (await at_work(tmp_path, use)).sent_again
    assert len(again.batch.records) == 3


async def test_records_of_earlier_runs_are_recovered(tmp_path: Path) -> None:
    """What another run left in doubt is told as recovered, found or absent; its rows are not of this pass."""

    async def use(bench: Bench) -> None:
        bench.portal.shows = [campaign(1), campaign(2)]
        doubt = await bench.doubt(1, 2, 3)
        doubt.work = None
        await bench.reconciler.settle_all()

    bench = await at_work(tmp_path, use)

    assert (bench.tally.recovered, bench.tally.doubted, bench.settled) == (3, 0, 0)
    assert (bench.tally.ended[State.CREATED], bench.sent_again) == (0, [])


async def test_who_only_settles_sends_nothing(tmp_path: Path) -> None:
    """Without anybody to give work back to, what is absent is journaled and left to the next run."""

    async def use(bench: Bench) -> None:
        bench.reconciler.resend = None
        await bench.doubt(1)
        await bench.reconciler.settle_all()

    bench = await at_work(tmp_path, use)

    assert ([entry["absent"] for entry in found(tmp_path)], bench.settled) == ([[0]], 1)


class Halting(dict[int, Wanted]):
    """Records of which the first reading is held up for a second after each: others have the machine."""

    held_up = False

    def items(self) -> Any:
        """Yield them, slowly at first."""
        halting, self.held_up, clock = not self.held_up, True, current_clock()
        assert isinstance(clock, MockClock)
        for pair in super().items():
            yield pair
            if halting:
                clock.jump(1.0)


async def test_a_batch_is_judged_at_one_moment(tmp_path: Path) -> None:
    """However long a look takes to be judged, records that both looks miss are sent again together, as one batch."""

    async def use(bench: Bench) -> None:
        doubt = await bench.doubt(1, 2, 3)
        doubt.wanted = Halting(doubt.wanted)
        await bench.reconciler.settle_all()
        assert len(bench.portal.asked_at) == 2

    bench = await at_work(tmp_path, use)

    assert [len(work.batch.records) for work in bench.sent_again] == [3]
