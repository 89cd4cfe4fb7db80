"""Many accounts in one simulator: each has its own token, id, limit and truth, and nobody sees another's."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from importer import run_import
from importer.errors import UsageError
from importer.simulator import Simulator, SimulatorPolicy

LIST = "/marketing/v3/campaigns"


def bearer(token: str) -> dict[str, str]:
    """Return the header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


async def test_each_token_leads_to_an_account_of_its_own(simulated: Any) -> None:
    """What one account makes the other does not list; ids differ, and the truth is told for each account."""
    async with simulated("accounts=1000") as client:
        for number in (7, 1000):
            inputs = {"inputs": [{"properties": {"hs_name": f"of {number}"}}]}
            made = await client.ask("POST", f"{LIST}/batch/create", inputs, headers=bearer(f"account-{number}"))
            assert made.status == 201
            listed = await client.ask("GET", LIST, headers=bearer(f"account-{number}"))
            assert listed.json["total"] == 1
            details = await client.ask("GET", "/account-info/v3/details", headers=bearer(f"account-{number}"))
            assert details.json["portalId"] == 12_345_678 + number
            for name in (f"account-{number}", str(12_345_678 + number)):
                truth = await client.ask("GET", f"/__simulator__/truth?account={name}")
                assert [line["properties"]["hs_name"] for line in map(orjson.loads, truth.raw.splitlines())] \
                    == [f"of {number}"]  # fmt: skip
            seen = (await client.ask("GET", f"/__simulator__/requests?account=account-{number}")).raw.splitlines()
            assert len(seen) == 3
        portals = [client.sim.portal(f"account-{number}") for number in (7, 1000)]
        assert len({campaign.id for portal in portals for campaign in portal.account.store}) == 2


async def test_the_accounts_that_were_used_are_listed(simulated: Any) -> None:
    """The list names token, id and counts of each account used, and of no other; the totals add up."""
    async with simulated("accounts=9") as client:
        for token in ("account-2", "account-2", "account-5"):
            await client.ask("GET", LIST, headers=bearer(token))
        lines = [orjson.loads(line) for line in (await client.ask("GET", "/__simulator__/accounts")).raw.splitlines()]
        assert [(line["token"], line["account"], line["requests"]) for line in lines] \
            == [("account-2", "12345680", 2), ("account-5", "12345683", 1)]  # fmt: skip
        assert client.sim.stats()["requests"] == 3
        assert client.sim.stats()["operations"] == {"list": 3}


@pytest.mark.parametrize("token", ["any", "account-0", "account-10", "account-01", ""])
async def test_other_tokens_are_refused(simulated: Any, token: str) -> None:
    """A token of no account gets a 401, and no account comes of it; asking for its truth is a 404."""
    async with simulated("accounts=9") as client:
        assert (await client.ask("GET", LIST, headers=bearer(token))).status == 401
        assert (await client.ask("GET", "/__simulator__/accounts")).raw == b""
        assert (await client.ask("GET", "/__simulator__/truth?account=account-3")).status == 404
        assert client.sim.portal("account-3") is None


async def test_each_account_has_its_own_limit(simulated: Any) -> None:
    """One account at its limit does not hold up another."""
    async with simulated("accounts=2", "rate=3") as client:
        got = [
            [(await client.ask("GET", LIST, headers=bearer(f"account-{number}"))).status for _ in range(4)]
            for number in (1, 2)
        ]
        assert got == [[200, 200, 200, 429]] * 2


async def test_imports_into_two_accounts_at_once_do_not_meet(tmp_path: Path) -> None:
    """The importer, told two tokens, makes each source's campaigns in its own account."""
    async with Simulator(SimulatorPolicy(accounts=2)) as simulator:
        for number in (1, 2):
            source = tmp_path / f"{number}.csv"
            source.write_text("hs_name\n" + "".join(f"{number}-{row}\n" for row in range(number * 10)))
            summary = await run_import(source, token=f"account-{number}", base_url=simulator.base_url, yes=True)
            portal = simulator.portal(f"account-{number}")
            assert portal is not None
            assert summary.account == portal.id
            assert sorted(campaign.properties["hs_name"] for campaign in portal.account.store) \
                == sorted(f"{number}-{row}" for row in range(number * 10))  # fmt: skip


@pytest.mark.parametrize("switches", [["accounts=0"], ["accounts=1000001"], ["accounts=3", "refresh_token=r"]])
def test_what_means_nothing_is_refused(switches: list[str]) -> None:
    """No accounts, too many, or tokens that are given besides."""
    with pytest.raises(UsageError):
        SimulatorPolicy.from_strings(switches)


def test_many_accounts_keep_no_state(tmp_path: Path) -> None:
    """They live in memory: a folder for them is refused, not ignored."""
    with pytest.raises(UsageError, match="in memory only"):
        Simulator(SimulatorPolicy(accounts=3), state=tmp_path)
