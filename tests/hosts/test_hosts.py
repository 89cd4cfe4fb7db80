"""Several hosts, one account: one lock and one limit over a shared folder, or a limit in Redis. `make hosts`."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ExitStatus
from tests.hosts.namespaces import HERE, Host, fetched, hosts, missing, redis, served
from tests.sharing.redis_ground import PASSWORD, PROGRAM, SKIP

WHY_NOT = missing()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)), pytest.mark.timeout(300)]
needs_redis = pytest.mark.skipif(PROGRAM is None, reason=SKIP)
ROWS = 400  #: four requests and some questions: with two imports more than a window of ten holds
FLEET = """[fleet]
directory = "shared"
[options]
timeout = 30
[accounts.acme]
token = "env:ACME_TOKEN"
base_url = "{base_url}"
limit = "{limit}"
"""
IMPORT = '[[imports]]\nname = "{name}"\naccount = "acme"\nsource = "{name}.csv"\n'


@pytest.fixture
def crew() -> Iterator[tuple[Host, list[Host]]]:
    """Make a hub and three hosts."""
    with hosts(3) as made:
        yield made


def written(folder: Path, names: Sequence[str], limit: str) -> Path:
    """Write a fleet file with an import of each name; return its path."""
    (folder / "shared").mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.csv").write_text("hs_name\n" + "".join(f"{name} {n}\n" for n in range(ROWS)))
    path = folder / "fleet.toml"
    path.write_text(FLEET.format(base_url=HERE, limit=limit) + "".join(IMPORT.format(name=name) for name in names))
    return path


def told(hub: Host, address: str, what: str) -> list[dict[str, Any]]:
    """Return lines of what the simulated HubSpot knows."""
    text = fetched(hub, f"{address}/__simulator__/{what}")
    assert text is not None
    return [json.loads(line) for line in text.splitlines()]


def nobody_refused(hub: Host, address: str) -> None:
    """Check that no answer was 429."""
    statuses = [one["status"] for one in told(hub, address, "requests")]
    assert len(statuses) > 10  # more than one window takes
    assert 429 not in statuses


def test_two_hosts_prove_their_locks(crew: tuple[Host, list[Host]], tmp_path: Path) -> None:
    """`doctor --shared` on two of them: locks exclude, and since it is one machine in truth, nothing is proved."""
    _, (one, two, _) = crew
    running = [
        host.importer("doctor", "--shared", str(tmp_path), "--json", "--shared-wait", "60") for host in (one, two)
    ]
    for process in running:
        out, talk = process.communicate()
        assert process.returncode == ExitStatus.OK, talk
        answer = json.loads(out)
        assert answer["proved"] is False
        found = {each["name"]: each for each in answer["findings"]}
        assert found["locks"]["says"].startswith("proved")
        assert {"host1", "host2"} <= set(found["two hosts"]["says"].split())


@pytest.mark.parametrize("place", ["file", pytest.param("redis", marks=needs_redis)])
def test_runs_on_three_hosts_share_one_limit(crew: tuple[Host, list[Host]], tmp_path: Path, place: str) -> None:
    """Three runs at once against an account of ten requests in 10 s: every campaign is made, and no answer is 429."""
    hub, others = crew
    written(tmp_path, "abc", "none")
    with served(hub, others, "rate=10") as address, redis(hub, tmp_path) as database:
        flags = ("--limit-file", str(tmp_path / "shared" / "acme.limit")) if place == "file" else ()
        variables = {"HUBSPOT_ACCESS_TOKEN": "token"}
        if place == "redis":
            variables["IMPORTER_LIMIT_REDIS"] = f"{database}/acme"
        running = [
            host.importer("run", "--yes", "--base-url", HERE, *flags, str(tmp_path / f"{name}.csv"), **variables)
            for name, host in zip("abc", others, strict=True)
        ]
        for process in running:
            _, talk = process.communicate()
            assert process.returncode == ExitStatus.OK, talk
            assert PASSWORD not in talk
        nobody_refused(hub, address)
        assert len(told(hub, address, "truth")) == 3 * ROWS


@pytest.mark.parametrize("place", ["file", pytest.param("redis", marks=needs_redis)])
def test_imports_of_one_account_on_two_hosts_never_overlap(
    crew: tuple[Host, list[Host]], tmp_path: Path, place: str
) -> None:
    """`fleet --only` on each host at once: the account's lock lets one after the other, each made all, and no 429."""
    hub, (one, two, _) = crew
    path = written(tmp_path, "ab", "file" if place == "file" else "env:ACME_REDIS")
    with served(hub, (one, two), "rate=10", "latency=fixed:0.2") as address, redis(hub, tmp_path) as database:
        variables = {"ACME_TOKEN": "token", "ACME_REDIS": database}
        running = [
            host.importer("fleet", "--only", name, str(path), **variables) for host, name in ((one, "a"), (two, "b"))
        ]
        for process in running:
            _, talk = process.communicate()
            assert process.returncode == ExitStatus.OK, talk
        nobody_refused(hub, address)
        made = sorted(told(hub, address, "truth"), key=lambda campaign: campaign["request"])
    order = [campaign["properties"]["hs_name"][0] for campaign in made]
    assert len(order) == 2 * ROWS
    assert "".join(order) in {"a" * ROWS + "b" * ROWS, "b" * ROWS + "a" * ROWS}
