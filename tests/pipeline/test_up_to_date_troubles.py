"""A pass is read again where something else than its rows was left to do, and whatever goes wrong ends the run."""

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from anyio import from_thread

from importer import pipeline, up_to_date, updating
from importer.admission import AdmissionPolicy
from importer.errors import ExitStatus
from importer.mapping import parse_mapping
from importer.records import RecordPolicy
from importer.sources.policy import ReadPolicy
from importer.stopping import Stop
from tests.pipeline.conftest import World
from tests.pipeline.repeating import KEYED, said


async def test_a_wish_to_stop_does_not_wait_for_a_slow_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread is left to its read."""
    source, stop, read_on = world.campaigns(60), Stop(), Event()

    def slow(*_: object) -> bool:
        from_thread.run_sync(stop.request, "interrupted", ExitStatus.INTERRUPTED)
        read_on.wait(30)
        return False

    async with world.simulator() as simulator:
        await world.run(simulator, source)
        monkeypatch.setattr(up_to_date, "_hash_some", slow)
        stopped = await world.run(simulator, source, stop=stop)
        read_on.set()
    assert (stopped.status, stopped.books.skipped) == (ExitStatus.INTERRUPTED, 0)


async def test_a_file_that_is_exchanged_while_it_is_compared_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a run that reads it: what lies there now is another file."""
    source = world.campaigns(60)

    def exchanging(digest: Any, blocks: Iterator[bytes]) -> bool:
        fresh = source.with_suffix(".new")
        fresh.write_text("hs_name\nOther\n")
        fresh.replace(source)
        return hashed(digest, blocks)

    hashed = up_to_date._hash_some
    async with world.simulator() as simulator:
        await world.run(simulator, source)
        monkeypatch.setattr(up_to_date, "_hash_some", exchanging)
        again = await world.run(simulator, source)
    assert (said(again), again.status) == (None, ExitStatus.SOURCE)


async def test_what_a_mapping_makes_beside_campaigns_is_made(world: World) -> None:
    """A mapping that learns of budgets reads the rows for them."""
    source = world.source([{"hs_name": f"Campaign {n}", "cost": "12.50"} for n in range(5)])
    table: dict[str, Any] = {"properties": {"hs_name": "hs_name"}}
    async with world.simulator() as simulator:
        for more, items in (({}, 0), ({"budget.amount": "cost"}, 5)):
            table["properties"] |= more
            summary = await world.run(simulator, source, **(KEYED | {"mapping": parse_mapping(table, name="m")}))
            assert said(summary) is None
            assert summary.counts["items"]["read"] == items


@pytest.mark.parametrize("answered", [True, False], ids=["read back", "not to be read back at first"])
async def test_what_an_update_left_open_is_put_right(
    world: World, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    """A run dies as its update lands, and the source goes back: what HubSpot holds follows, then all is quiet."""
    upsert = KEYED | {"admission": AdmissionPolicy(mode="upsert")}
    source = world.campaigns(10)
    before = source.read_text()
    async with world.simulator() as simulator:
        await world.run(simulator, source, **upsert)
        source.write_text(before.replace("Note 3", "Note X"))
        with monkeypatch.context() as killed:
            killed.setattr(updating, "close_update", lambda *_, **__: None)
            killed.setattr(pipeline, "_write_end", lambda _run: None)
            await world.run(simulator, source, **upsert)
        source.write_text(before)
        if not answered:
            with monkeypatch.context() as deaf:
                deaf.setattr(pipeline, "settle_updates", _settle_nothing)
                await world.run(simulator, source, **upsert)
        later = [await world.run(simulator, source, **upsert) for _ in range(3)]
        notes = {one.properties["hs_notes"] for one in simulator.truth if one.properties["hs_name"] == "Campaign 3"}
    assert notes == {"Note 3"}
    assert [one.books.updated for one in later] == [1, 0, 0]
    assert [bool(said(one)) for one in later] == [False, False, True]


async def _settle_nothing(*_: object, **__: object) -> None:
    """Leave it open, as when HubSpot cannot be read."""


@pytest.mark.parametrize(
    "policy",
    [{"reading": ReadPolicy(bytes_max=10**30)}, {"records": RecordPolicy(allow_properties=frozenset({"x\udcff"}))}],
    ids=["a number beyond 64 bits", "text that is no Unicode"],
)
async def test_a_setting_of_any_size_and_text_is_borne(world: World, policy: dict[str, Any]) -> None:
    """The run ends, and the next one knows the pass again."""
    source = world.campaigns(10)
    async with world.simulator() as simulator:
        await world.run(simulator, source, **policy)
        assert said(await world.run(simulator, source, **policy))


async def test_an_error_at_the_end_does_not_hang(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal is closed whatever happens, else its owner would wait for ever."""

    def fail(_run: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(pipeline, "_write_end", fail)
    async with world.simulator() as simulator:
        with pytest.raises(BaseExceptionGroup) as told:
            await world.run(simulator, world.campaigns(10))
    assert told.group_contains(ZeroDivisionError)
