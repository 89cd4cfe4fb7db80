"""A person decides about what even HubSpot cannot tell: the whole way, from the command line."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from importer.cli import commands, ledgers
from importer.cli.screen import Screen
from importer.errors import ExitStatus
from tests.in_process import run_importer
from tests.pipeline.conftest import World
from tests.schemas.conformity import complaints

LEDGER = "good.csv.simulated.ledger"
RUN = ("run", "--simulate", "--settle", "0.05", "--settle-max", "0.1", "--timeout", "0.5", "good.csv")
#: The first batch makes nothing and does not say so; the list is down for good.
UNTOLD = ("--fault", "504_before@1", "--fault", "list/500_before@2-999")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with three campaigns."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.csv").write_text("hs_name\nSpring\nSummer\nAutumn\n")
    return tmp_path


def importer(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return run_importer(*argv)


def rows(name: str) -> list[dict[str, Any]]:
    """Return the rows of one of the ledger's files."""
    return [json.loads(line) for line in (Path(LEDGER) / name).read_text().splitlines()]


def reconcile(**flags: Any) -> int:
    """Call `reconcile` on the ledger."""
    return commands.reconcile(LEDGER, flags, [])


@pytest.mark.slow
def test_unresolved_decided_and_sent_again() -> None:
    """Found and absent: the found one gets its row, the absent one is sent by the next run, and all agrees."""
    assert importer(*RUN, *UNTOLD).stdout.startswith("3 read = 0 created + 0 skipped + 0 failed + 3 unresolved")
    listed = importer("reconcile", "--list", LEDGER)
    assert listed.returncode == ExitStatus.UNRESOLVED
    identities = re.findall(r"^unresolved: ([0-9a-f]{32}) good\.csv:\d \w+$", listed.stdout, re.MULTILINE)
    assert len(identities) == 3
    assert listed.stdout.count("  why: lookups did not agree in time") == 3

    commands_to_paste = re.findall(r"it is not there: importer (.+)$", listed.stdout, re.MULTILINE)
    found = (
        "reconcile",
        LEDGER,
        "--identity",
        identities[0],
        "--as",
        "created:0a1b-2c3d",
        "--reason",
        "seen it\nthere",
    )
    assert importer(*found).returncode == ExitStatus.OK
    for pasted in commands_to_paste[1:]:
        assert importer(*pasted.split()).stdout.endswith("is absent: the next run may send it again\n")

    after = importer("reconcile", "--list", LEDGER)
    assert after.returncode == ExitStatus.OK
    assert re.search(
        rf"^decided: {identities[0]} created as 0a1b-2c3d, .+: seen it\\nthere$", after.stdout, re.MULTILINE
    )
    assert after.stdout.count("decided: ") == 3
    again = importer(*RUN)
    assert (again.returncode, again.stdout[:37]) == (ExitStatus.OK, "3 read = 2 created + 1 skipped + 0 fa")
    decided = next(row for row in rows("results.jsonl") if row["identity"] == identities[0])
    assert (decided["id"], decided["via"], decided["supersedes"]) == ("0a1b-2c3d", "operator", "unresolved")
    assert sorted(row["name"] for row in rows("results.jsonl")) == ["Autumn", "Spring", "Summer"]
    assert {row["state"] for row in rows("failures.jsonl")} == {"unresolved"}
    assert {"resolve", "decision"} <= {entry["t"] for entry in rows("journal.jsonl")}
    assert complaints(Path(LEDGER)) == []
    assert importer("verify", LEDGER).returncode == ExitStatus.OK


@pytest.fixture
def unresolved(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the identities of three unresolved records."""
    waits = {"settle": "0.05", "settle_max": "0.1", "timeout": "0.5"}
    flags = {"simulate": True, "fault": list(UNTOLD[1::2]), **waits}
    assert commands.run(["good.csv"], flags, ["run"]) == ExitStatus.UNRESOLVED
    capsys.readouterr()
    assert reconcile(list=True, json=True) == ExitStatus.UNRESOLVED
    return [item["identity"] for item in json.loads(capsys.readouterr().out)["unsettled"]]


def test_what_cannot_be_decided_is_refused(unresolved: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is no id, an id that another record has, half a decision, and a decision beside --list."""
    assert reconcile(identity=unresolved[0], as_="created:c-1") == ExitStatus.OK
    journal = (Path(LEDGER) / "journal.jsonl").read_bytes()
    assert reconcile(identity=unresolved[1], as_="created:c-1") == ExitStatus.USAGE
    assert "campaign c-1 is another record's" in capsys.readouterr().err
    for impossible in ("created:", "created:a b", "created:-x", "created:" + "9" * 65, "created:é", "gone", "absent:x"):
        assert reconcile(identity=unresolved[1], as_=impossible) == ExitStatus.USAGE
    assert reconcile(identity=unresolved[1]) == ExitStatus.USAGE
    assert reconcile(reason="because") == ExitStatus.USAGE
    assert reconcile(list=True, identity=unresolved[1], as_="absent") == ExitStatus.USAGE
    assert reconcile(identity="0" * 32, as_="absent") == ExitStatus.USAGE
    assert (Path(LEDGER) / "journal.jsonl").read_bytes() == journal


def test_a_decision_is_listed_for_programs(unresolved: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """--list --json has every open record with its reason, and every decision with who, when and why."""
    assert reconcile(identity=unresolved[0], as_="absent", reason="asked the owner") == ExitStatus.OK
    capsys.readouterr()
    assert reconcile(list=True, json=True) == ExitStatus.UNRESOLVED
    told = json.loads(capsys.readouterr().out)
    assert [(item["identity"], item["near"]) for item in told["unsettled"]] == [(each, None) for each in unresolved[1:]]
    (decision,) = told["decisions"]
    assert (decision["identity"], decision["decision"], decision["id"]) == (unresolved[0], "absent", None)
    assert decision["reason"] == "asked the owner"
    assert ledgers.status(LEDGER, {}, []) == ExitStatus.OK
    assert "one by one: " in capsys.readouterr().out


async def test_a_campaign_that_may_be_it_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a campaign of the name was seen, the command to paste names it."""
    world = World(tmp_path)
    async with world.simulator("reset_before@1") as simulator:
        strange = simulator.add_foreign({"hs_name": "Spring", "hs_notes": "theirs"})
        await world.run(simulator, world.source([{"hs_name": "Spring", "hs_notes": "ours"}], "spring.csv"))
    assert ledgers.show_unsettled(world.ledger, Screen()) == ExitStatus.UNRESOLVED
    said = capsys.readouterr().out
    assert f"  why: campaign {strange} has its name and was created since, but other values" in said
    assert f" --as created:{strange}\n" in said
