"""The driver in virtual time: turns, waits, losses, and a stop, on an engine that behaves as told."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio
import pytest
from trio.testing import MockClock

from importer.errors import ExitStatus
from importer.fleet.driver import Driver, chosen, status_of
from importer.fleet.local_engine import LocalEngine
from importer.fleet.model import Ended, Import, Job
from importer.fleet.schedule import Schedule
from importer.fleet.standing import Standing, State
from importer.stopping import Stop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, MockClock]]:
    """Run on trio with a clock that jumps to the next thing that happens."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}


@dataclass
class Engine(LocalEngine):
    """Each import takes 10 s and ends as told, with status 0 once nothing is told any more."""

    slots: int = 2
    ends: dict[str, list[Ended]] = field(default_factory=dict)
    begun: list[tuple[float, str]] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)

    async def run(self, job: Job) -> Ended:
        """Take 10 s."""
        self.begun.append((anyio.current_time(), job.import_name))
        try:
            await anyio.sleep(10)
        except BaseException:
            self.cut.append(job.import_name)
            raise
        told = self.ends.get(job.import_name, [])
        return told.pop(0) if told else Ended(status=0)


def imports(**accounts: str) -> list[Import]:
    """Return an import for each name, of the account that is its value."""
    return [
        Import(name=name, account=account, sources=(f"/{name}",), ledger=f"/{name}.ledger")
        for name, account in accounts.items()
    ]


async def driven(engine: Engine, schedule: Schedule, stop: Stop | None = None) -> list[tuple[str, State]]:
    """Drive a round to its end and return every change that was told."""
    told: list[tuple[str, State]] = []

    async def changed(_at: float, standings: Mapping[str, Standing]) -> None:
        told.extend((name, standing.state) for name, standing in standings.items())

    await Driver(
        engine=engine, schedule=schedule, fleet_file="/fleet.toml", version="1", wall=anyio.current_time,
        changed=changed, stop=stop or Stop(),
    ).run()  # fmt: skip
    return told


@pytest.mark.anyio
async def test_a_round_runs_every_import_and_one_per_account_at_a_time() -> None:
    """Two slots, three accounts: the second import of an account begins when its first has ended."""
    engine = Engine()
    schedule = Schedule(imports(a1="a", a2="a", b1="b", c1="c"), retries=1, wait_max_s=60)
    start = anyio.current_time()
    told = await driven(engine, schedule)
    assert [(at - start, name) for at, name in engine.begun] == [(0, "a1"), (0, "b1"), (10, "c1"), (10, "a2")]
    assert told[:2] == [("a1", State.RUNNING), ("b1", State.RUNNING)]
    assert status_of(schedule.standings) is ExitStatus.OK


@pytest.mark.anyio
async def test_held_paused_and_lost_imports_are_begun_again_when_it_is_time() -> None:
    """Held: 2 s later. Lost: at once. Paused: when the pause ends."""
    start = anyio.current_time()
    engine = Engine(slots=3, ends={
        "held": [Ended(status=10)], "lost": [Ended(status=None, lost="gone")],
        "paused": [Ended(status=7, pause_until=start + 100)],
    })  # fmt: skip
    schedule = Schedule(imports(held="h", lost="l", paused="p"), retries=1, wait_max_s=600)
    await driven(engine, schedule)
    assert [(at - start, name) for at, name in engine.begun[3:]] == [(10, "lost"), (12, "held"), (100, "paused")]
    assert status_of(schedule.standings) is ExitStatus.OK


@pytest.mark.anyio
async def test_a_wish_to_stop_cuts_what_is_at_work_and_begins_nothing_more() -> None:
    """After the wish the engine has stopped both, nothing else was begun, and both count as resumable."""
    engine, stop = Engine(), Stop()
    schedule = Schedule(imports(a="a", b="b", c="c"), retries=1, wait_max_s=60)
    async with anyio.create_task_group() as beside:
        beside.start_soon(_ask, stop)
        await driven(engine, schedule, stop)
    assert sorted(engine.cut) == ["a", "b"]
    assert len(engine.begun) == 2
    assert status_of(schedule.standings) is ExitStatus.PAUSED


async def _ask(stop: Stop) -> None:
    await anyio.sleep(5)
    stop.request("interrupted", ExitStatus.INTERRUPTED)


def test_the_gravest_import_makes_the_status() -> None:
    """A refused account before a lost import, that before failed rows; blocked imports count as refused."""
    failed = Standing(state=State.FAILED, status=4)
    lost, rows = Standing(state=State.FAILED), Standing(state=State.DONE_WITH_FAILURES)
    assert status_of({"a": failed, "b": lost, "c": rows}) is ExitStatus.ACCESS
    assert status_of({"a": Standing(state=State.BLOCKED)}) is ExitStatus.ACCESS
    assert status_of({"b": lost, "c": rows}) is ExitStatus.PAUSED
    assert status_of({"c": rows, "d": Standing(state=State.UNRESOLVED)}) is ExitStatus.UNRESOLVED


def test_only_takes_a_name_or_an_index() -> None:
    """A name comes before an index, as an import may be called `1`."""
    some = imports(a="x", b="x")
    named = [*some, *imports(**{"1": "y"})]
    assert [chosen(some, "b"), chosen(some, "1"), chosen(some, None)] == [(some[1],), (some[1],), tuple(some)]
    assert chosen(named, "1") == (named[2],)
    for wrong in ("2", "-1", "c", "²"):
        with pytest.raises(KeyError):
            chosen(some, wrong)
