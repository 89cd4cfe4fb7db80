"""A pass that would come to nothing is not made again, and every other is."""

import gzip
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from importer.admission import AdmissionPolicy
from importer.errors import ExitStatus
from importer.inspecting import verify
from importer.mapping import parse_mapping
from importer.model import State
from importer.plan import Plan
from importer.reading import Reading
from importer.records import RecordPolicy
from importer.report.books import Tally
from importer.sources.policy import ReadPolicy
from importer.stopping import Stop
from importer.up_to_date import repeat_of
from tests.pipeline.conftest import World, made
from tests.pipeline.repeating import KEYED, said
from tests.undo.conftest import ALL, Undos


async def test_a_pass_that_left_nothing_to_do_is_not_made_again(world: World) -> None:
    """Run after run its rows are skipped unread, and the books hold as if they had been read."""
    source = world.campaigns(120)
    async with world.simulator() as simulator:
        first = await world.run(simulator, source)
        later = [await world.run(simulator, source) for _ in range(3)]
        assert sum(made(simulator).values()) == 120

    assert said(first) is None
    assert [said(one) for one in later] == [
        f"nothing has changed since run {run}: no row was read again" for run in (1, 2, 3)
    ]
    for one in later:
        one.books.check()
        assert (one.status, one.books.read, one.books.skipped, one.counts["creates"]) == (ExitStatus.OK, 120, 120, 0)
        assert one.counts["bytes_read"] == source.stat().st_size
    assert verify(world.ledger) == []


@pytest.mark.parametrize("name", ["campaigns.csv.gz", "campaigns.json", "campaigns.jsonl"])
async def test_whatever_is_read_front_to_back_is_known_again(world: World, name: str) -> None:
    """By its bytes as they lie on the disk."""
    rows = ['{"hs_name": "A"}', '{"hs_name": "B"}']
    text = {"gz": "hs_name\nA\nB\n", "json": f"[{','.join(rows)}]", "jsonl": "\n".join(rows)}[name.rpartition(".")[2]]
    source = world.folder / name
    source.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    async with world.simulator() as simulator:
        await world.run(simulator, source)
        again = await world.run(simulator, source)
    assert said(again)
    assert again.books.skipped == 2


async def test_rows_are_read_when_the_index_was_made_anew(world: World) -> None:
    """In which source a row was met last stands in the index alone, and `gone` is told by it."""
    async with world.simulator() as simulator:
        source = world.campaigns(60)
        await world.run(simulator, source)
        other = world.folder / "other.csv"
        other.write_bytes(source.read_bytes())
        await world.run(simulator, other)
        shutil.rmtree(world.ledger / "index")
        assert not said(await world.run(simulator, other))
        other.write_text(other.read_text().replace("Campaign 59,Note 3\n", ""))
        assert (await world.run(simulator, other)).counts["gone"] == 1


def _edited(world: World) -> dict[str, Any]:
    path = world.folder / "campaigns.csv"
    path.write_text(path.read_text().replace("Note 3", "Note X"))  # as many bytes as before
    return {}


def _touched(world: World) -> dict[str, Any]:
    path = world.folder / "campaigns.csv"
    path.write_text(path.read_text())
    return {}


def _grown(world: World) -> dict[str, Any]:
    with (world.folder / "campaigns.csv").open("a") as file:
        file.write("Campaign 60,Note 4\n")
    return {}


def _mapped(_world: World) -> dict[str, Any]:
    table = {"properties": {"hs_name": "hs_name", "hs_notes": {"column": "hs_notes", "default": "none"}}}
    return {"mapping": parse_mapping(table, name="m")}


def _listing(_world: World) -> dict[str, Any]:
    return {"admission": AdmissionPolicy(list_skipped=True)}


def _upserting(_world: World) -> dict[str, Any]:
    return {"admission": AdmissionPolicy(mode="upsert", check_unchanged=True)}


def _twice(_world: World) -> dict[str, Any]:
    return {"records": RecordPolicy(key=("hs_name",), statuses=None)}


@pytest.mark.parametrize(
    ("change", "known", "created"),
    [(_touched, True, 0), (_edited, False, 0), (_grown, False, 1), (_mapped, False, 0), (_listing, False, 0),
     (_upserting, False, 0), (_twice, False, 0)],
)  # fmt: skip
async def test_other_bytes_and_other_settings_are_read(
    world: World, change: Callable[[World], dict[str, Any]], known: bool, created: int
) -> None:
    """One byte or one setting is enough; the time of the file alone is not."""
    source = world.campaigns(60)
    async with world.simulator() as simulator:
        await world.run(simulator, source, **KEYED)
        again = await world.run(simulator, source, **(KEYED | change(world)))
        assert sum(made(simulator).values()) == 60 + created
    assert bool(said(again)) is known
    assert (again.books.read, again.books.created) == (60 + created, created)
    assert again.counts["changed"] == (len(range(3, 60, 7)) if change is _edited else 0)


@pytest.mark.parametrize(
    ("rows", "switches"),
    [(["A", ""], []), (["A", "B"], ["poison=B"]), (["A", "A"], [])],
    ids=["a rejected row", "a refused row", "a row that comes twice"],
)
async def test_only_a_pass_whose_rows_are_all_campaigns_is_remembered(
    world: World, rows: list[str], switches: list[str]
) -> None:
    """What failed is told by every run; a row that came twice is no trouble."""
    source = world.source([{"hs_name": name, "hs_notes": "n"} for name in rows])
    async with world.simulator(*switches) as simulator:
        first = await world.run(simulator, source)
        again = await world.run(simulator, source)
    assert bool(said(again)) is (first.books.failed == 0)
    assert again.books.failed == first.books.failed
    assert again.status == first.status


async def test_rows_that_left_the_source_are_told_by_every_run(world: World) -> None:
    """A pass that has something to tell is made again."""
    async with world.simulator() as simulator:
        await world.run(simulator, world.campaigns(60))
        later = [await world.run(simulator, world.campaigns(59)) for _ in range(2)]
    assert [one.counts["gone"] for one in later] == [1, 1]
    assert [said(one) for one in later] == [None, None]


async def test_another_source_in_between_has_both_read(world: World) -> None:
    """What was written behind the end of a pass may concern its rows."""
    source, other = world.campaigns(60), world.source([{"hs_name": "Another", "hs_notes": "n"}], "other.csv")
    async with world.simulator() as simulator:
        for one in (source, other):
            assert not said(await world.run(simulator, one))
        again = await world.run(simulator, source)
    assert (said(again), again.books.skipped) == (None, 60)


async def test_what_was_undone_is_made_again(tmp_path: Path) -> None:
    """An undo ends what was known of the pass."""
    world = Undos(tmp_path)
    source = world.campaigns(60)
    async with world.simulator() as simulator:
        await world.run(simulator, source)
        await world.run(simulator, source)
        await world.undo(simulator, ALL)
        again = await world.run(simulator, source)
        last = await world.run(simulator, source)
    assert (said(again), again.books.created) == (None, 60)
    assert said(last)


async def test_a_stream_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can be read once only is read for its rows."""
    async with world.simulator() as simulator:
        for _ in range(2):
            with world.campaigns(60).open("rb") as file:
                monkeypatch.setattr("sys.stdin", type("Input", (), {"buffer": file}))
                assert said(await world.run(simulator, "-")) is None


async def test_a_wish_to_stop_skips_nothing(world: World) -> None:
    """Who stops before the bytes are compared has skipped nothing; the next run reads the rows."""
    source = world.campaigns(60)
    async with world.simulator() as simulator:
        await world.run(simulator, source)
        stop = Stop()
        stop.request("interrupted", ExitStatus.INTERRUPTED)
        stopped = await world.run(simulator, source, stop=stop)
        again = await world.run(simulator, source)
    assert (stopped.status, stopped.books.skipped) == (ExitStatus.INTERRUPTED, 0)
    assert (said(again), again.books.skipped) == (None, 60)


async def test_unchanged_rows_of_an_upsert_are_not_read_again(world: World) -> None:
    """A pass that updated something is made once more, and then no more."""
    upsert = KEYED | {"admission": AdmissionPolicy(mode="upsert")}
    async with world.simulator() as simulator:
        await world.run(simulator, world.campaigns(60), **upsert)
        _edited(world)
        nights = [await world.run(simulator, world.folder / "campaigns.csv", **upsert) for _ in range(3)]
    assert [bool(said(one)) for one in nights] == [False, False, True]
    assert [one.books.updated for one in nights] == [len(range(3, 60, 7)), 0, 0]


#: For every setting of the policies that decide about rows: another value than the default.
OTHERWISE: dict[str, dict[str, Any]] = {
    "reading": {
        "format": "csv", "encoding": "latin-1", "delimiter": ";", "row_bytes_max": 7, "bytes_max": 10**9,
        "ratio_max": 7, "ratio_free_bytes": 7, "chunk_rows": 7, "chunk_bytes": 7, "bad_rows_share_max": 0.5,
        "bad_rows_sample": 7, "allow_special": True, "digits_max": 7, "sheet": "S", "cells_max": 7,
        "workbook_bytes_max": 7, "spool_bytes_max": 7, "nesting_max": 7,
    },
    "records": {
        "key": ("hs_name",), "key_space": "k", "allow_properties": frozenset({"b", "a"}), "statuses": None,
        "correlation": "c",
    },
    "admission": {
        "duplicates": "create", "same_name": "create", "retry_failed": True, "accept_new_identities": True, "limit": 9,
        "mode": "upsert", "on_conflict": "fail", "recreate_missing": True,
    },
}  # fmt: skip
POLICIES = {"reading": ReadPolicy, "records": RecordPolicy, "admission": AdmissionPolicy}


def test_every_setting_that_decides_about_rows_counts(world: World) -> None:
    """Each alone makes another pass of it; two sets in another order do not."""
    source = world.campaigns(3)

    def digest(**changes: Any) -> str:
        plan = Plan(sources=(str(source),), ledger=world.ledger, token=lambda: "t", **changes)
        with Reading(plan.sources, ReadPolicy(), None, RecordPolicy()) as reading:
            reading.begin()
            assert sum(len(chunk) for chunk in reading.chunks()) == 3
            tally = Tally(rows_read=3)
            tally.end(State.CREATED, 3)
            repeat = repeat_of(plan, reading, tally)
        assert repeat is not None
        return repeat["digest"]

    for name, policy in POLICIES.items():
        passed_over = {"list_skipped", "check_unchanged"} if name == "admission" else set()
        assert {field.name for field in fields(policy)} - passed_over == OTHERWISE[name].keys()
    every = [(name, {key: value}) for name, others in OTHERWISE.items() for key, value in others.items()]
    digests = [digest(), *(digest(**{name: POLICIES[name](**change)}) for name, change in every)]
    assert len({*digests}) == len(digests)
    assert digest() == digests[0]


async def test_another_version_reads_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may make other records of the same rows."""
    source = world.campaigns(60)
    async with world.simulator() as simulator:
        await world.run(simulator, source)
        monkeypatch.setattr("importer.up_to_date.VERSION", "99")
        assert not said(await world.run(simulator, source))
