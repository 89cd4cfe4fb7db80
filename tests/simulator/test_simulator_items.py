"""Items in the simulated account: part of the truth, kept over restarts, struck by faults."""

from pathlib import Path

from importer.simulator.policy import SimulatorPolicy
from importer.simulator.server import Simulator
from tests.items.conftest import by_hand, shown

BODY = b'{"name":"Ads","amount":5,"order":0}'


async def test_items_outlive_a_restart(tmp_path: Path) -> None:
    """Made, changed and deleted ones are as they were; new ones get new ids."""
    policy = SimulatorPolicy()
    async with Simulator(policy, state=tmp_path) as simulator:
        campaign = simulator.add_foreign({"hs_name": "A"})
        for _ in range(3):
            await by_hand(simulator, "POST", f"{campaign}/budget", BODY)
        await by_hand(simulator, "PUT", f"{campaign}/budget/1", b'{"name":"Ads","amount":6,"order":0}')
        await by_hand(simulator, "DELETE", f"{campaign}/budget/2")
        before = shown(simulator)
    async with Simulator(policy, state=tmp_path) as simulator:
        assert shown(simulator) == before == {("A", "budget", "Ads", 6.0): 1, ("A", "budget", "Ads", 5.0): 1}
        await by_hand(simulator, "POST", f"{campaign}/spend", BODY)
        assert [item["id"] for item in simulator.truth[0].items] == ["1", "3", "4"]


async def test_items_need_the_scopes(tmp_path: Path) -> None:
    """To make one needs the right to write, to look at them the right to read."""
    async with Simulator(
        SimulatorPolicy.from_strings(["scopes=marketing.campaigns.read"]), state=tmp_path
    ) as simulator:
        campaign = simulator.add_foreign({"hs_name": "A"})
        assert getattr(await by_hand(simulator, "POST", f"{campaign}/budget", BODY), "status", 0) == 403
        assert getattr(await by_hand(simulator, "GET", f"{campaign}/budget/totals"), "status", 0) == 200
    assert shown(simulator) == {}


async def test_faults_strike_items(tmp_path: Path) -> None:
    """A refusal makes nothing; a commit that is not answered is in the truth."""
    rules = ["item/400@1", "item/500_after_commit@2", "item/400_commits@3"]
    async with Simulator(SimulatorPolicy.from_strings(rules), state=tmp_path) as simulator:
        campaign = simulator.add_foreign({"hs_name": "A"})
        for status, there in ((400, 0), (500, 1), (400, 2), (201, 3)):
            assert getattr(await by_hand(simulator, "POST", f"{campaign}/budget", BODY), "status", 0) == status
            assert len(simulator.truth[0].items) == there
