"""`--mode upsert`: unknown is created, changed is updated, the same is skipped; whole runs against the simulator."""

from collections.abc import Sequence
from typing import Any

import pytest

from importer.admission import AdmissionPolicy
from importer.errors import ExitStatus
from importer.inspecting import verify
from importer.records import RecordPolicy
from importer.report.books import Summary
from importer.simulator.server import Simulator
from tests.pipeline.conftest import World

pytestmark = pytest.mark.anyio


def feed(count: int, **changed: str) -> list[dict[str, str]]:
    """Return rows of a feed keyed by name; `changed` gives the notes of some by number (`n3`)."""
    return [{"hs_name": f"C{n}", "hs_notes": changed.get(f"n{n}", f"note {n}")} for n in range(count)]


async def night(world: World, simulator: Simulator, rows: Sequence[dict[str, str]], **policy: Any) -> Summary:
    """Import one night's feed in upsert mode."""
    admission = AdmissionPolicy(mode="upsert", **policy)
    records = RecordPolicy(key=("hs_name",))
    return await world.run(simulator, world.source(rows), admission=admission, records=records)


def notes(simulator: Simulator) -> dict[str, str]:
    """Return name → notes of what stands in the account."""
    return {
        one.properties["hs_name"]: one.properties.get("hs_notes", "") for one in simulator.truth if not one.archived
    }


async def test_changed_rows_are_updated_and_nothing_else_is_sent(world: World) -> None:
    """Unknown → create, changed → batch/update with only what changed, same → skipped; the portal equals the feed."""
    async with world.simulator() as simulator:
        await night(world, simulator, feed(60))
        summary = await night(world, simulator, feed(62, n3="new", n59=""))
        assert (summary.status, summary.books.created, summary.books.updated, summary.books.skipped) == (0, 2, 2, 58)
        assert notes(simulator) == {row["hs_name"]: row["hs_notes"] for row in feed(62, n3="new", n59="")}
        updates = [seen for seen in simulator.requests if seen.operation == "update"]
        assert len(updates) == 1
        again = await night(world, simulator, feed(62, n3="new", n59=""))
        assert again.books.skipped == 62
    assert verify(world.ledger) == []
    written = [row["updated"] for row in world.rows("results.jsonl") if row["via"] == "update"]
    assert written == [["hs_notes"], ["hs_notes"]]


@pytest.mark.parametrize(
    ("decision", "ends", "shown"), [("skip", 0, "by hand"), ("overwrite", 0, "new"), ("fail", 1, "by hand")]
)
async def test_what_somebody_changed_meanwhile_is_a_conflict(
    world: World, decision: Any, ends: int, shown: str
) -> None:
    """A value that we did not write is left, overwritten or failed as told, and listed with all three values."""
    async with world.simulator() as simulator:
        await night(world, simulator, feed(3))
        simulator._account.update(1, {"hs_notes": "by hand"})
        summary = await night(world, simulator, feed(3, n1="new"), on_conflict=decision)
        assert (summary.status, summary.counts["conflicts"]) == (ends, 1)
        assert notes(simulator)["C1"] == shown
    (row,) = world.rows("conflicts.jsonl")
    assert row["conflicts"]["hs_notes"] == {"written": "note 1", "in_hubspot": "by hand", "in_source": "new"}
    assert verify(world.ledger) == []


async def test_unchanged_rows_are_read_only_when_that_is_asked(world: World) -> None:
    """Without --check-unchanged no request is spent on them; with it edits and deletions in HubSpot are found."""
    async with world.simulator() as simulator:
        await night(world, simulator, feed(120))
        simulator._account.update(1, {"hs_notes": "by hand"})
        simulator._account.archive(2)
        summary = await night(world, simulator, feed(120))
        assert (summary.books.skipped, summary.counts["requests"], summary.counts["conflicts"]) == (120, 2, 0)
        lines = (world.ledger / "journal.jsonl").read_bytes().count(b"confirm")
        summary = await night(world, simulator, feed(120, n4="new"), check_unchanged=True)
        assert (summary.books.skipped, summary.books.updated, summary.books.failed) == (118, 1, 1)
        assert (summary.counts["conflicts"], summary.counts["missing"], summary.counts["requests"]) == (1, 1, 7)
        assert (world.ledger / "journal.jsonl").read_bytes().count(b"confirm") == lines
        summary = await night(
            world, simulator, feed(120, n4="new"), check_unchanged=True, on_conflict="overwrite", recreate_missing=True
        )
        assert (summary.books.skipped, summary.books.updated, summary.books.created) == (118, 1, 1)
        assert notes(simulator) == {row["hs_name"]: row["hs_notes"] for row in feed(120, n4="new")}
    assert verify(world.ledger) == []


async def test_deleted_campaigns_are_reported_or_made_again(world: World) -> None:
    """A changed row whose campaign is gone fails as campaign_missing, or is made again when that was asked for."""
    async with world.simulator() as simulator:
        await night(world, simulator, feed(3))
        simulator._account.archive(1)
        summary = await night(world, simulator, feed(3, n1="new"))
        assert (summary.status, summary.books.failed, summary.counts["missing"]) == (ExitStatus.SOME_FAILED, 1, 1)
        assert world.rows("failures.jsonl")[-1]["code"] == "campaign_missing"
        summary = await night(world, simulator, feed(3, n1="new"), recreate_missing=True)
        assert (summary.status, summary.books.created) == (0, 1)
        assert notes(simulator)["C1"] == "new"
        assert (await night(world, simulator, feed(3, n1="newer"))).books.updated == 1
    assert verify(world.ledger) == []


@pytest.mark.parametrize(
    "fault",
    ["504_before", "504_after_commit", "reset_after_commit", "cut_reply", "429", "423", "400", "empty_2xx", "204"],
)
async def test_updates_without_a_clear_answer_are_told_by_reading(world: World, fault: str) -> None:
    """A fault on an update costs requests, and neither a campaign nor the truth of the books."""
    async with world.simulator(f"update/{fault}@1") as simulator:
        await night(world, simulator, feed(10))
        summary = await night(world, simulator, feed(10, n1="a", n2="b"))
        assert (summary.books.updated, summary.books.in_doubt) == (2, 0)
        assert notes(simulator) == {row["hs_name"]: row["hs_notes"] for row in feed(10, n1="a", n2="b")}
    assert verify(world.ledger) == []


async def test_a_column_that_is_gone_resets_nothing(world: World) -> None:
    """A blank cell resets its property; a source without the column says nothing about it."""
    async with world.simulator() as simulator:
        await night(world, simulator, [row | {"hs_audience": "all"} for row in feed(2)])
        summary = await night(world, simulator, feed(2, n0="new"))
        assert (summary.books.updated, summary.books.skipped, summary.counts["conflicts"]) == (1, 1, 0)
        assert [one.properties["hs_audience"] for one in simulator.truth] == ["all", "all"]


async def test_a_refused_update_is_remembered_until_its_row_changes(world: World) -> None:
    """As a refused create: not sent again by a later run, unless the row is another or --retry-failed says so."""
    async with world.simulator("update/400@1") as simulator:
        await night(world, simulator, feed(3))
        assert (await night(world, simulator, feed(3, n1="a"))).books.failed == 1
        still = await night(world, simulator, feed(3, n1="a"))
        assert (still.status, still.books.failed, still.counts["codes"]) == (1, 1, {"still_refused": 1})
        assert len([seen for seen in simulator.requests if seen.operation == "update"]) == 1
        assert (await night(world, simulator, feed(3, n1="a"), retry_failed=True)).books.updated == 1
        assert (await night(world, simulator, feed(3, n1="b"))).books.updated == 1
        assert (await night(world, simulator, feed(3, n1="b"))).books.skipped == 3
    assert verify(world.ledger) == []


async def test_another_row_than_the_refused_one_is_sent(world: World) -> None:
    """What was refused is that content, and not the campaign."""
    async with world.simulator("update/400@1") as simulator:
        await night(world, simulator, feed(3))
        assert (await night(world, simulator, feed(3, n1="a"))).books.failed == 1
        assert (await night(world, simulator, feed(3, n1="b"))).books.updated == 1
        assert notes(simulator)["C1"] == "b"
