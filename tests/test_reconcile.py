"""Reconciliation in virtual time: when it looks, what it decides, what it sends again."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from trio.testing import MockClock

from importer.batches import Work, make_batch
from importer.doubts import Doubt, LookFailedError, SettlePolicy
from importer.hubspot.wire import encode_records
from importer.ledger.opening import Ledger, Owner, open_ledger
from importer.matching import Wanted, content_of
from importer.model import Record, Result, Row, State
from importer.outcomes import Announced
from importer.reconcile import ATTEMPTS_MAX, Reconciler
from importer.report.books import Tally
from importer.stopping import Stop

POLICY = SettlePolicy()
LANDS_S = POLICY.timeout_s + POLICY.settle_s
NOW = "2026-11-23T12:00:00Z"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run on trio's virtual clock: minutes of waiting take no time."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}


async def inline(work: Callable[[], None]) -> None:
    """Run the journal's blocking work where it is: threads would hold the virtual clock."""
    work()


def record(number: int) -> Record:
    """Return a record."""
    properties = {"hs_name": f"Campaign {number}"}
    return Record(
        Row("a.csv", number, number + 2, None, dict(properties)),
        f"{number:032x}",
        properties["hs_name"],
        properties,
        "0" * 16,
    )


def campaign(number: int) -> Result:
    """Return the campaign that HubSpot made of a record."""
    return Result(f"id-{number}", {"hs_name": f"Campaign {number}"}, NOW)


@dataclass
class Portal:
    """A HubSpot that shows what it is told to, and notes when it was asked."""

    shows: list[Result] = field(default_factory=list)
    down: bool = False
    asked_at: list[float] = field(default_factory=list)

    async def look(self, wanted: Sequence[Wanted], *, created_since: int) -> list[Result]:
        """Show everything."""
        self.asked_at.append(anyio.current_time())
        if self.down:
            raise LookFailedError("down")
        return self.shows

    async def taken(self, ids: Sequence[str], not_before: float) -> frozenset[str]:
        """Know no id."""
        return frozenset()


@dataclass
class Bench:
    """A reconciler in its surroundings."""

    ledger: Ledger
    portal: Portal = field(default_factory=Portal)
    tally: Tally = field(default_factory=Tally)
    stop: Stop = field(default_factory=Stop)
    sent_again: list[Work] = field(default_factory=list)
    settled: int = 0
    flying: frozenset[str] = frozenset()
    doubts_max: int = 8

    def __post_init__(self) -> None:
        """Make the reconciler."""
        self.reconciler = Reconciler(
            journal=self.ledger.journal, looks=self.portal, policy=POLICY, tally=self.tally, stop=self.stop,
            run_number=1, encode=encode_records, in_flight=lambda: self.flying, settled=self._settled,
            doubts_max=self.doubts_max, resend=self._resend,
        )  # fmt: skip

    def _settled(self) -> None:
        self.settled += 1

    def _resend(self, pieces: Sequence[Work]) -> None:
        self.sent_again += pieces

    async def doubt(self, *numbers: int, attempt: int = 1, **more: Any) -> Doubt:
        """Journal an intent and its lost answer; return the doubt, due when the request can no longer land."""
        records = [record(number) for number in numbers]
        work = Work(batch=make_batch(records, encode_records), attempt=attempt)
        items = Announced.of(records).items
        intent = {"t": "intent", "run": 1, "a": attempt, "srv": None, "at": 0.0, "src": ["a.csv"], "items": items,
                  "body": work.batch.body}  # fmt: skip
        n = await self.ledger.journal.append(intent)
        nothing: dict[str, Any] = {"created": [], "failed": [], "returned": [], "extra": []}
        outcome = nothing | {"t": "outcome", "of": n, "class": "unknown", "status": None, "corr": None, "note": None}
        outcome |= {"doubt": list(range(len(records))), "s": 0.0}
        self.ledger.journal.put(outcome)
        wanted = {at: Wanted((n, at), item.identity, item.properties, 0.0) for at, item in enumerate(records)}
        held = Doubt(n=n, wanted=wanted, due=anyio.current_time() + LANDS_S, work=work, **more)
        self.reconciler.add(held)
        return held


async def at_work(folder: Path, use: Callable[[Bench], Awaitable[None]], **more: Any) -> Bench:
    """Open a ledger, drive its journal beside `use`, and close it."""
    owner = Owner(base_url="https://example.invalid", account=None, simulated=False, tool="test")
    ledger = open_ledger(folder / "ledger", owner, run_blocking=inline)
    bench = Bench(ledger, **more)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(ledger.journal.run)
            run = {"t": "run", "run": 1, "tool": "test", "pid": 1, "host": "h", "at": 0.0, "sources": ["a.csv"],
                   "scheme": {"key_space": ""}}  # fmt: skip
            await ledger.journal.append(run)
            await use(bench)
            ledger.journal.close()
    finally:
        ledger.close()
    return bench


async def test_it_looks_when_nothing_can_land_any_more_and_takes_what_it_finds(tmp_path: Path) -> None:
    """The first look comes timeout + settle after the request; what is shown is created, at once."""

    async def use(bench: Bench) -> None:
        bench.portal.shows = [campaign(1), campaign(2)]
        began = anyio.current_time()
        await bench.doubt(1, 2)
        await bench.reconciler.settle_all()
        assert [at - began for at in bench.portal.asked_at] == [pytest.approx(LANDS_S)]

    bench = await at_work(tmp_path, use)

    assert bench.tally.ended[State.CREATED] == 2
    assert (bench.settled, bench.sent_again, bench.tally.doubted) == (1, [], 0)


async def test_absent_takes_two_looks_that_agree(tmp_path: Path) -> None:
    """What two looks ten seconds apart do not show is sent again, with the rest of its batch left alone."""

    async def use(bench: Bench) -> None:
        bench.portal.shows = [campaign(1)]
        await bench.doubt(1, 2)
        await bench.reconciler.settle_all()
        first, second = bench.portal.asked_at
        assert second - first >= POLICY.looks_apart_s

    bench = await at_work(tmp_path, use)

    (again,) = bench.sent_again
    assert [item.name for item in again.batch.records] == ["Campaign 2"]
    assert again.attempt == 2
    assert bench.tally.ended[State.CREATED] == 1


async def test_a_campaign_that_shows_up_late_is_found_by_the_second_look(tmp_path: Path) -> None:
    """One empty listing is no proof: what the second look shows is created, not sent again."""

    async def use(bench: Bench) -> None:
        await bench.doubt(1)
        async with anyio.create_task_group() as group:
            group.start_soon(bench.reconciler.settle_all)
            await anyio.sleep(LANDS_S + POLICY.looks_apart_s / 2)
            bench.portal.shows = [campaign(1)]

    bench = await at_work(tmp_path, use)

    assert (bench.tally.ended[State.CREATED], bench.sent_again) == (1, [])


async def test_what_cannot_be_told_in_time_is_unresolved(tmp_path: Path) -> None:
    """A portal that never answers leaves the records unresolved after the settle maximum, and asks ever less often."""

    async def use(bench: Bench) -> None:
        bench.portal.down = True
        await bench.doubt(1, 2, 3)
        await bench.reconciler.settle_all()
        gaps = [later - sooner for sooner, later in zip(bench.portal.asked_at, bench.portal.asked_at[1:], strict=False)]
        assert gaps == sorted(gaps)
        assert bench.portal.asked_at[-1] - bench.portal.asked_at[0] > POLICY.settle_max_s

    bench = await at_work(tmp_path, use)

    assert bench.tally.ended[State.UNRESOLVED] == 3
    assert bench.sent_again == []


async def test_equal_content_on_its_way_postpones_the_decision(tmp_path: Path) -> None:
    """While an equal record is in flight nothing is decided about this one: the campaign shown may be the other's."""

    async def use(bench: Bench) -> None:
        bench.flying = frozenset({content_of({"hs_name": "Campaign 1"}, None)})
        bench.portal.shows = [campaign(1)]
        await bench.doubt(1)
        async with anyio.create_task_group() as group:
            group.start_soon(bench.reconciler.settle_all)
            await anyio.sleep(LANDS_S + 1)
            assert len(bench.portal.asked_at) == 1
            assert bench.tally.ended[State.CREATED] == 0
            bench.flying = frozenset()

    bench = await at_work(tmp_path, use)

    assert bench.tally.ended[State.CREATED] == 1


@pytest.mark.parametrize("made", [False, True])
async def test_a_refusal_is_looked_up_at_once_and_the_finding_kept(tmp_path: Path, made: bool) -> None:
    """A refused batch is looked up without the settle wait; whether it had made anything stands in the journal."""

    async def use(bench: Bench) -> None:
        bench.portal.shows = [campaign(1)] if made else []
        began = anyio.current_time()
        doubt = await bench.doubt(1, 2, 3, refused=True)
        doubt.next_look = doubt.due = began
        await bench.reconciler.settle_all()
        assert anyio.current_time() - began == pytest.approx(POLICY.looks_apart_s)
        await bench.ledger.journal.flush()

    bench = await at_work(tmp_path, use)

    assert bench.ledger.fold.refusals == ("partial" if made else "atomic")
    names = [[item.name for item in work.batch.records] for work in bench.sent_again]
    assert names == ([["Campaign 2"], ["Campaign 3"]] if made else [["Campaign 1"], ["Campaign 2", "Campaign 3"]])


async def test_a_record_is_not_sent_for_ever(tmp_path: Path) -> None:
    """After the last permitted attempt an absent record fails as exhausted."""

    async def use(bench: Bench) -> None:
        await bench.doubt(1, attempt=ATTEMPTS_MAX)
        await bench.reconciler.settle_all()

    bench = await at_work(tmp_path, use)

    assert bench.tally.codes == {"exhausted": 1}
    assert bench.sent_again == []


async def test_a_storm_of_doubts_makes_creates_pause_and_then_the_run_stop(tmp_path: Path) -> None:
    """More doubts than permitted: whoever wants to send waits, and when that lasts, the run stops, resumable."""

    async def use(bench: Bench) -> None:
        bench.portal.down = True
        for number in range(3):
            await bench.doubt(number)
        assert bench.reconciler.crowded
        began = anyio.current_time()
        await bench.reconciler.room()
        assert anyio.current_time() - began == pytest.approx(POLICY.outage_max_s)
        bench.reconciler.doubts.clear()

    bench = await at_work(tmp_path, use, doubts_max=2)

    assert bench.stop.requested
    assert "in doubt" in (bench.stop.reason or "")


async def test_a_surplus_is_told_once_and_never_what_may_be_ours(tmp_path: Path) -> None:
    """A twin is unexpected once, for however many doubts was looked; and not while an equal record flies."""

    async def use(bench: Bench) -> None:
        bench.portal.shows = [campaign(1), campaign(2), Result("twin", {"hs_name": "Campaign 1"}, NOW)]
        bench.flying = frozenset({content_of({"hs_name": "Campaign 1"}, None)})
        await bench.doubt(1)
        await bench.doubt(2)
        async with anyio.create_task_group() as group:
            group.start_soon(bench.reconciler.settle_all)
            await anyio.sleep(LANDS_S + 1)
            assert (bench.tally.ended[State.CREATED], bench.tally.unexpected) == (1, 0)
            bench.flying = frozenset()

    bench = await at_work(tmp_path, use)

    assert (bench.tally.ended[State.CREATED], bench.tally.unexpected) == (2, 1)
