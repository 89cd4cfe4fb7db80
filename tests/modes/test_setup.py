"""`importer setup` and `adopt` from the command line, against a simulated HubSpot in another process."""

import json
import os
import urllib.request
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from importer.errors import ExitStatus
from tests.in_process import run_importer
from tests.kills.grounds import simulated

ENVIRONMENT = {**os.environ, "HUBSPOT_ACCESS_TOKEN": "a-token"}
OK = ExitStatus.OK


def call(url: str, *words: str) -> "CompletedProcess[str]":
    """Run a command against the portal at `url`."""
    return run_importer(*words, "--base-url", url, environment=ENVIRONMENT)


def post(url: str, body: Any) -> tuple[int, dict[str, Any]]:
    """Ask for a property to be made; return status and body of the answer."""
    headers = {"Authorization": "Bearer a-token", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{url}/crm/v3/properties/campaigns", json.dumps(body).encode(), headers)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(asked) as reply:  # noqa: S310 - as above
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def test_the_property_is_made_once_and_found_the_second_time() -> None:
    """It stands in the account as text with what was said of it; the second call makes nothing."""
    with simulated("custom_properties=other") as url:
        made = call(url, "setup")
        assert (made.returncode, made.stdout) == (OK, "made the text property import_key (group campaigninformation)\n")
        assert "importer run --correlation-property import_key" in made.stderr
        again = call(url, "setup")
        assert (again.returncode, again.stdout) == (OK, "the property import_key is there already, and takes text\n")
        given = {"name": "k", "label": "K", "type": "number", "fieldType": "number", "groupName": "g"}
        status, shown = post(url, given)
        assert (status, {name: shown[name] for name in given}) == (201, given)
        assert post(url, given)[0] == 409
        assert post(url, {**given, "name": "hs_own"})[0] == 409
        assert post(url, {**given, "name": "k2", "type": "text"})[0] == 400
        for name in given:
            assert post(url, {key: value for key, value in given.items() if key != name})[0] == 400
        wrong = call(url, "setup", "--correlation-property", "k")
        assert (wrong.returncode, wrong.stdout) == (ExitStatus.USAGE, "")
        assert "a property k of type number, which does not take text" in wrong.stderr


@pytest.mark.parametrize(
    ("fault", "status", "says"),
    [
        ("properties/403@1", ExitStatus.ACCESS, "the token may not read properties"),
        ("properties/403@2", ExitStatus.ACCESS, "the token may not make properties"),
        ("properties/409@2", ExitStatus.ACCESS, "HubSpot did not make the property import_key"),
        ("properties/400@2", ExitStatus.ACCESS, "HubSpot did not make the property import_key"),
    ],
)
def test_a_refusal_says_how_a_person_makes_it(fault: str, status: ExitStatus, says: str) -> None:
    """No stack, status 4, what HubSpot said, and where in HubSpot to click."""
    with simulated("custom_properties=other", fault) as url:
        refused = call(url, "setup")
    assert (refused.returncode, refused.stdout) == (status, "")
    assert says in refused.stderr
    assert "Settings > Properties > Campaign properties > Create property" in refused.stderr
    assert "a-token" not in refused.stderr


@pytest.mark.parametrize("fault", ["properties/504_after_commit@2", "properties/reset_after_commit@2"])
def test_a_lost_answer_is_told_by_looking(fault: str) -> None:
    """Made although nothing was answered: it is there now."""
    with simulated("custom_properties=other", fault) as url:
        done = call(url, "setup")
        assert (done.returncode, done.stdout) == (OK, "the property import_key is there now, and takes text\n")


def test_somebody_who_was_quicker_made_it() -> None:
    """Not there at the look, refused with 409, there at the second look."""
    with simulated("custom_properties=import_key", "properties/404@1") as url:
        done = call(url, "setup")
        assert (done.returncode, done.stdout) == (OK, "the property import_key is there now, and takes text\n")


def test_a_lost_ledger_is_rebuilt_by_the_commands(tmp_path: Path) -> None:
    """setup, run, ledger lost, adopt, run: only what is new is made, and the object says how many were adopted."""
    feed, ledger = tmp_path / "feed.csv", tmp_path / "feed.ledger"
    feed.write_text("hs_name,hs_notes\n" + "".join(f"C{n},note {n}\n" for n in range(120)))
    words = ("--ledger", str(ledger), "--key", "hs_name", "--mode", "upsert", "--correlation-property", "import_key")
    nightly = ("run", str(feed), *words, "--yes", "--quiet")
    with simulated("custom_properties=other") as url:
        assert call(url, "setup").returncode == OK
        assert call(url, *nightly).returncode == OK
        ledger.rename(tmp_path / "lost")
        adopted = call(url, "adopt", str(ledger), *words[2:4], *words[-2:], "--yes", "--json")
        assert adopted.returncode == OK
        counts = json.loads(adopted.stdout)["counts"]
        assert (counts["adopted"], counts["adopted_by"]["key"]) == (120, 120)
        feed.write_text(feed.read_text().replace("note 7\n", "new\n") + "C120,more\n")
        after = call(url, *nightly)
        assert after.stdout.startswith("121 read = 1 created + 1 updated + 119 skipped")
