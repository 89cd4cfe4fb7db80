"""What stands between a request and its work: token, scope, limits, clock, latency, and the listening itself."""

from typing import Any

import anyio
import pytest

from importer.errors import UsageError
from importer.simulator import Simulator
from importer.simulator.clock import Clock

V3 = "/marketing/v3/campaigns"


async def test_tokens_and_scopes(simulated: Any) -> None:
    """Without a token 401; with a scope too few 403 that names it; the account needs no scope."""
    async with simulated("token=secret", "scopes=marketing.campaigns.read") as client:
        good = {"Authorization": "Bearer secret"}
        for headers in (
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Basic secret"},
            {"Authorization": "Bearer "},
        ):
            assert (await client.ask("GET", V3, headers=headers)).status == 401
        assert (await client.ask("GET", V3, headers=good)).status == 200
        refused = await client.ask(
            "POST", f"{V3}/batch/create", {"inputs": [{"properties": {"hs_name": "a"}}]}, headers=good
        )
        assert refused.status == 403
        assert refused.json["category"] == "MISSING_SCOPES"
        assert refused.json["errors"][0]["context"]["requiredGranularScopes"] == ["marketing.campaigns.write"]
        info = await client.ask(
            "POST", "/oauth/v2/private-apps/get/access-token-info", {"tokenKey": "secret"}, headers=good
        )
        assert info.json["scopes"] == ["marketing.campaigns.read"]


async def test_account_details(simulated: Any) -> None:
    """The account says who it is, with its offset from UTC."""
    async with simulated("portal_id=99", "time_zone=Asia/Kolkata", "currency=INR") as client:
        for version in ("v3", "2026-03", "2026-09"):
            details = (await client.ask("GET", f"/account-info/{version}/details")).json
            assert details["portalId"] == 99
            assert details["accountType"] == "SANDBOX"
            assert details["companyCurrency"] == "INR"
            assert (details["utcOffset"], details["utcOffsetMilliseconds"]) == ("+05:30", 19_800_000)


async def test_the_usage_of_the_day(simulated: Any) -> None:
    """With a quota the account tells what is used of it, this question counted; without one it tells nothing."""
    async with simulated("daily=1000", "daily_used=10") as client:
        for count, version in enumerate(("v3", "2026-03", "2026-09"), 11):
            told = (await client.ask("GET", f"/account-info/{version}/api-usage/daily/private-apps")).json
            assert [(one["currentUsage"], one["usageLimit"]) for one in told["results"]] == [(count, 1000)]
    async with simulated() as client:
        assert (await client.ask("GET", "/account-info/v3/api-usage/daily/private-apps")).json == {"results": []}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/marketing/2026-03/campaigns", 404), ("GET", "/marketing/campaigns/2025-09", 404), ("PUT", V3, 405)],
)
async def test_unknown_paths_and_methods(simulated: Any, method: str, path: str, status: int) -> None:
    """Paths of no known version get 404, wrong methods 405."""
    async with simulated() as client:
        assert (await client.ask(method, path)).status == status


async def test_the_rolling_window(simulated: Any) -> None:
    """The window counts arrivals, says so in its headers, refuses with HubSpot's 429 and lets go after 10 s."""
    now = [100.0]
    async with simulated("rate=3", "retry_after=7", clock=Clock(monotonic=lambda: now[0])) as client:
        left = [(await client.page()).headers["X-HubSpot-RateLimit-Remaining"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        refused = await client.create("a")
        assert refused.status == 429
        assert refused.json["policyName"] == "TEN_SECONDLY_ROLLING"
        assert refused.json["message"] == "You have reached your ten_secondly_rolling limit."
        assert refused.headers["Retry-After"] == "7"
        assert refused.headers["X-HubSpot-RateLimit-Max"] == "3"
        assert refused.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
        now[0] += 10
        assert (await client.create("a")).status == 201
        assert client.sim.stats()["throttled"] == 1
        assert client.sim.stats()["creates"] == 2


async def test_the_daily_quota(simulated: Any) -> None:
    """The daily quota counts what others used, refuses with policy DAILY, and begins anew."""
    now = [0.0]
    clock = Clock(monotonic=lambda: now[0])
    async with simulated("daily=5", "daily_used=4", "daily_reset_s=60", clock=clock) as client:
        first = await client.page()
        assert first.headers["X-HubSpot-RateLimit-Daily"] == "5"
        assert first.headers["X-HubSpot-RateLimit-Daily-Remaining"] == "0"
        assert "X-HubSpot-RateLimit-Max" not in first.headers
        assert (await client.page()).json["policyName"] == "DAILY"
        now[0] = 60.0
        assert (await client.page()).status == 200


async def test_rate_headers_can_be_left_out(simulated: Any) -> None:
    """With rate_headers=no the limit holds but is not told."""
    async with simulated("rate=1", "rate_headers=no") as client:
        replies = [await client.page(), await client.page()]
        assert [reply.status for reply in replies] == [200, 429]
        assert not any("RateLimit" in name for reply in replies for name in reply.headers)


async def test_a_listing_lags(simulated: Any) -> None:
    """With list_lag_s a campaign is readable by id at once and listed later."""
    now = [1_800_000_000.0]
    async with simulated("list_lag_s=30", clock=Clock(now=lambda: now[0])) as client:
        made = (await client.create("a")).json["results"][0]
        assert (await client.page(sort="-createdAt")).json["total"] == 0
        assert (await client.ask("GET", f"{V3}/{made['id']}")).status == 200
        now[0] += 30
        assert (await client.page(sort="-createdAt")).json["total"] == 1
        assert (await client.page(sort="updatedAt")).json["total"] == 1


async def test_the_servers_clock(simulated: Any) -> None:
    """clock_skew_s moves Date and createdAt alike, date_skew_s only the header."""
    clock = Clock(now=lambda: 1_800_000_000.0)  # 2027-01-15T08:00:00Z
    async with simulated("clock_skew_s=-60", "date_skew_s=30", clock=clock) as client:
        reply = await client.create("a")
        assert reply.headers["Date"] == "Fri, 15 Jan 2027 07:59:30 GMT"
        assert reply.json["results"][0]["createdAt"] == "2027-01-15T07:59:00.000Z"


async def test_latency_is_slept_in_two_halves(simulated: Any) -> None:
    """Half of a request's time passes before its work, half after."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await anyio.lowlevel.checkpoint()

    for law in ("fixed:0.5", "uniform:0.5-0.5"):
        async with simulated(f"latency={law}", clock=Clock(sleep=sleep)) as client:
            await client.page()
    assert slept == [0.25] * 4


async def test_checkers_in_other_processes_can_read_everything(simulated: Any) -> None:
    """Truth, requests and stats are served without a token, and are no requests themselves."""
    async with simulated() as client:
        await client.create("a", "b")
        foreign = client.sim.add_foreign({"hs_name": "theirs"})
        bare = {"Authorization": ""}
        lines = (await client.ask("GET", "/__simulator__/truth", headers=bare)).raw.splitlines()
        assert len(lines) == 3
        assert foreign.encode() in lines[2]
        assert len((await client.ask("GET", "/__simulator__/requests", headers=bare)).raw.splitlines()) == 1
        stats = (await client.ask("GET", "/__simulator__/stats", headers=bare)).json
        assert stats == client.sim.stats()
        assert (stats["requests"], stats["creates"], stats["campaigns"], stats["foreign"]) == (1, 1, 3, 1)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "::"])
def test_only_loopback_addresses(host: str) -> None:
    """The simulator refuses to listen anywhere else."""
    with pytest.raises(UsageError, match="loopback"):
        Simulator(host=host)


async def test_a_port_in_use_is_told(simulated: Any) -> None:
    """A second simulator on one port is refused with a sentence."""
    async with simulated() as client:
        port = int(client.sim.base_url.rpartition(":")[2])
        with pytest.raises(UsageError, match="cannot listen"):
            async with Simulator(port=port):
                raise AssertionError("unreachable")


async def test_a_client_that_leaves_in_its_request_made_nothing(simulated: Any) -> None:
    """A request whose body never came in full is logged with status 0 and makes nothing."""
    async with simulated() as client:
        port = int(client.sim.base_url.rpartition(":")[2])
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            head = (
                f"POST {V3}/batch/create HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: 99\r\n\r\n"
            )
            await stream.send(head.encode() + b'{"inputs"')
            while not client.sim.requests:
                await anyio.lowlevel.checkpoint()
        while client.sim.requests[0].status is None:
            await anyio.lowlevel.checkpoint()
        assert client.sim.requests[0].status == 0
        assert len(client.sim.truth) == 0
