"""A sample of the seeds in virtual time, and a reckoning that is shown to see what it is there for."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from importer.inspecting import verify
from importer.pipeline import run_plan
from importer.plan import Plan
from importer.report.books import Tally
from importer.stopping import Stop
from tests.weather.reckoning import reckon
from tests.weather.virtual import JumpingClock, portal, wall
from tests.weather.virtual_seeds import run_seed

MARKS = [0, 1, 1, 2]
TRUTH = [(f"c{n}", {"hs_notes": f"<{mark}>"}) for n, mark in enumerate(MARKS)]
RESULTS: list[dict[str, Any]] = [{"ordinal": n, "id": f"c{n}"} for n in range(4)]
UNRESOLVED = {"ordinal": 3, "state": "unresolved", "message": "it may be", "properties": {"hs_name": "x"}}
FAILED = UNRESOLVED | {"state": "failed"}


def reckoned(folder: Path, results: list[Any], failures: list[Any], truth: list[Any]) -> list[str]:
    """Write a ledger's files and let them be compared; return the kinds of the violations."""
    for name, rows in (("results.jsonl", results), ("failures.jsonl", failures)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [sentence.split(":")[0] for sentence in reckon(folder, MARKS, truth).violations]


def test_what_is_right_is_no_violation(tmp_path: Path) -> None:
    """A whole ledger, a row that HubSpot refused, and one that cannot be told, made or not."""
    assert reckoned(tmp_path, RESULTS, [], TRUTH) == []
    assert reckoned(tmp_path, RESULTS[:3], [FAILED], TRUTH[:3]) == []
    assert reckoned(tmp_path, RESULTS[:3], [UNRESOLVED], TRUTH[:3]) == []
    assert reckoned(tmp_path, RESULTS[:3], [UNRESOLVED], TRUTH) == []
    assert reckoned(tmp_path, RESULTS, [UNRESOLVED], TRUTH) == []  # settled since


@pytest.mark.parametrize(
    ("results", "failures", "truth", "kinds"),
    [
        (RESULTS[:3], [], TRUTH[:3], ["lost"]),
        (RESULTS, [], [*TRUTH, ("c9", TRUTH[0][1])], ["twice", "unrecorded"]),
        (RESULTS[:3], [FAILED], TRUTH, ["unrecorded"]),
        ([*RESULTS[1:], RESULTS[0] | {"id": "c9"}], [], TRUTH, ["unknown", "unrecorded"]),
        ([RESULTS[0] | {"id": "c3"}, *RESULTS[1:3], RESULTS[3] | {"id": "c0"}], [], TRUTH, ["mispaired"] * 2),
        ([*RESULTS[:2], RESULTS[2] | {"id": "c1"}, RESULTS[3]], [], TRUTH, ["mispaired", "unrecorded"]),
        ([*RESULTS, RESULTS[0]], [], TRUTH, ["states"]),
        (RESULTS[:3], [UNRESOLVED | {"message": ""}], TRUTH, ["unexplained"]),
    ],
)
def test_the_reckoning_sees(
    tmp_path: Path, results: list[Any], failures: list[Any], truth: list[Any], kinds: list[str]
) -> None:
    """Each planted violation is told by its kind."""
    assert reckoned(tmp_path, results, failures, truth) == kinds


@pytest.mark.slow
@pytest.mark.parametrize("seed", [90_003, 90_004])
def test_a_seed_in_virtual_time(seed: int) -> None:
    """An import in weather of every kind, six times as bad, on the policies of real life: all is well."""
    score = run_seed(seed, 1_000, 0.3)

    assert score.violations == []
    assert score.struck.total() > 0


@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": JumpingClock()})])
async def test_a_cancelled_run_leaves_what_it_knows(tmp_path: Path) -> None:
    """Cancelled at any moment, a run folds all that it wrote: nobody looks for what its journal says was made."""
    source = tmp_path / "campaigns.csv"
    source.write_text("hs_name\n" + "".join(f"Campaign {n}\n" for n in range(1_000)))
    plan = Plan(sources=(str(source),), ledger=tmp_path / "ledger", token=lambda: "token", workers=25)
    async with portal("latency=uniform:0.1-1.5") as hubspot:
        for number in range(3):  # while some batches are on their way, and of others the outcome is not synced yet
            async with anyio.create_task_group() as beside:
                beside.start_soon(partial(run_plan, plan, hubspot, tally=Tally(), stop=Stop(), wall=wall))
                while len(hubspot.hubspot.store) < 300 * (number + 1):
                    await anyio.sleep(0.1)
                beside.cancel_scope.cancel()
            assert verify(plan.ledger) == []
        await run_plan(plan, hubspot, tally=Tally(), stop=Stop(), wall=wall)

        names = [properties["hs_name"] for _, properties in hubspot.made()]
        assert len(names) == len(set(names)) == 1_000
    entries = [json.loads(line) for line in (plan.ledger / "journal.jsonl").read_bytes().splitlines()]
    told = [(entry["of"], item[0]) for entry in entries if "created" in entry for item in entry["created"]]
    assert len(told) == len(set(told)) == 1_000
