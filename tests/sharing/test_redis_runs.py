"""Runs and fleets that share an account's limit in a real Redis: within the limit, and the password is nowhere."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from anyio.from_thread import start_blocking_portal

from importer.errors import ExitStatus, UsageError
from importer.fleet.command import arguments, environment
from importer.fleet.file import read_fleet
from importer.simulator.policy import SimulatorPolicy
from importer.simulator.server import Simulator
from tests import warm
from tests.sharing.redis_ground import PASSWORD, PROGRAM, SKIP, served

CANARIES = (PASSWORD, quote(PASSWORD, safe=""))
needs_redis = pytest.mark.skipif(PROGRAM is None, reason=SKIP)


def imported(*words: str, **variables: str) -> "subprocess.Popen[str]":
    """Start a command of the importer with variables of its own."""
    environment = {**os.environ, "HUBSPOT_ACCESS_TOKEN": "account-1", **variables}
    command = [sys.executable, "-m", "importer", *words]
    return warm.Warm(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def unseen(*told: str, folder: Path) -> None:
    """Check that the password stands in nothing that was told, and in no file."""
    files = [path.read_bytes().decode(errors="replace") for path in folder.rglob("*") if path.is_file()]
    assert not [canary for canary in CANARIES if any(canary in text for text in (*told, *files))]


@needs_redis
@pytest.mark.slow
def test_two_runs_share_the_limit_and_nobody_tells_the_password(tmp_path: Path) -> None:
    """Two processes at once against an account of 40 requests in 10 s: no 429, all made, no trace of the password."""
    (tmp_path / "in").mkdir()
    (tmp_path / "redis").mkdir()
    simulator = Simulator(SimulatorPolicy.from_strings(["rate=40"]))
    with (
        served(tmp_path / "redis") as redis,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(simulator) as account,
    ):
        variables = {"IMPORTER_LIMIT_REDIS": redis.url(), "IMPORTER_BASE_URL": account.base_url, "IMPORTER_YES": "1"}
        runs = []
        for name in "ab":
            path = tmp_path / "in" / f"{name}.csv"
            path.write_text("hs_name\n" + "".join(f"{name} {n}\n" for n in range(700)))
            runs.append(imported("run", str(path), "--log-level=debug", **variables))
        told = [part for run in runs for part in run.communicate()]
        shown, _ = imported("config", "show", "--origin", **variables).communicate()
        assert [run.returncode for run in runs] == [ExitStatus.OK, ExitStatus.OK], told
        assert account.stats()["throttled"] == 0
        assert len(account.truth.ids) == 1_400
        assert f'limit_redis = "{redis.address()}"' in shown
    unseen(*told, shown, folder=tmp_path / "in")


@needs_redis
@pytest.mark.slow
def test_a_redis_that_refuses_or_is_away_stops_a_run_before_it_sends(tmp_path: Path) -> None:
    """A wrong password is a usage error, one that is away a pause; both say where, and not the password."""
    path = tmp_path / "a.csv"
    path.write_text("hs_name\nSpring\n")
    with served(tmp_path) as redis:
        wrong = redis.url().replace("%3A", "x")
        run = imported("run", "--simulate", str(path), IMPORTER_LIMIT_REDIS=wrong)
        told = [*run.communicate()]
        assert run.returncode == ExitStatus.USAGE
        assert "lets nobody in with these credentials" in told[1]
        redis.kill()
        run = imported("run", "--simulate", "--json", str(path), IMPORTER_LIMIT_REDIS=redis.url())
        told += run.communicate()
        assert run.returncode == ExitStatus.PAUSED
        assert f"redis://127.0.0.1:{redis.port}/0/acme cannot be asked" in "".join(told)
    unseen(*told, folder=tmp_path)
    assert "canaryx" not in "".join(told)


def test_a_password_among_arguments_or_in_a_file_is_refused(tmp_path: Path) -> None:
    """Neither is quoted; both a file and Redis for one limit are refused as well."""
    url = f"redis://:{quote(PASSWORD, safe='')}@127.0.0.1:1/0/acme"
    (tmp_path / "importer.toml").write_text(f'[run]\nlimit_redis = "{url}"\n')
    path = tmp_path / "a.csv"
    path.write_text("hs_name\nSpring\n")
    for words in (("--limit-redis", url), ("--config", str(tmp_path / "importer.toml"))):
        run = imported("run", "--simulate", str(path), *words)
        out, err = run.communicate()
        assert run.returncode == ExitStatus.USAGE
        assert "must stand neither among the arguments nor in a file" in err
        assert not [canary for canary in CANARIES if canary in out + err]
    run = imported("run", "--simulate", str(path), "--limit-file=l", "--limit-redis=redis://127.0.0.1:1/0/acme")
    assert "both say where the limit is" in run.communicate()[1]


FLEET = """[fleet]
directory = "shared"
[accounts.acme]
token = "env:ACME_TOKEN"
limit = "{limit}"
[[imports]]
name = "nightly"
account = "acme"
source = "a.csv"
"""


def fleet(folder: Path, limit: str) -> Any:
    """Return the fleet of one account whose limit is told so."""
    path = folder / "fleet.toml"
    path.write_text(FLEET.format(limit=limit))
    return read_fleet(path)


@pytest.mark.parametrize(
    ("limit", "variable", "address"),
    [
        ("redis://cache/1", None, "redis://cache:6379/1/acme"),
        ("redis://cache/1/other", None, "redis://cache:6379/1/other"),
        ("env:ACME_REDIS", f"rediss://u:{CANARIES[1]}@cache/2", f"rediss://u:{CANARIES[1]}@cache:6379/2/acme"),
    ],
)
def test_the_import_of_a_fleet_is_told_its_limit_by_the_environment(
    tmp_path: Path, limit: str, variable: str | None, address: str
) -> None:
    """The account's name is added where none is named; nothing of it stands among the arguments."""
    read = fleet(tmp_path, limit)
    given = {"ACME_TOKEN": "t", "IMPORTER_LIMIT_REDIS": "another", **({"ACME_REDIS": variable} if variable else {})}
    assert dict(environment(read, read.accounts["acme"], given))["IMPORTER_LIMIT_REDIS"] == address
    words = arguments(read, read.imports[0], read.accounts["acme"])
    assert not [word for word in words if "limit" in word or "redis" in word]


@pytest.mark.parametrize("limit", [f"redis://:{CANARIES[1]}@c/1", f"redis://:{CANARIES[1]}@/1", "redix://x", "env:"])
def test_a_limit_that_cannot_be_meant_is_refused_without_being_quoted(tmp_path: Path, limit: str) -> None:
    """Credentials never stand in a fleet file; what is no limit is not repeated, since it may hold some."""
    with pytest.raises(UsageError, match=r"accounts\.acme\.limit") as caught:
        fleet(tmp_path, limit)
    assert not [canary for canary in CANARIES if canary in f"{caught.value}{caught.value.hint}"]


def test_a_variable_that_is_not_set_stops_the_import(tmp_path: Path) -> None:
    """The message names the account and the variable."""
    read = fleet(tmp_path, "env:ACME_REDIS")
    with pytest.raises(UsageError, match="account acme: ACME_REDIS is not set"):
        dict(environment(read, read.accounts["acme"], {"ACME_TOKEN": "t"}))
