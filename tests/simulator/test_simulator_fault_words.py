"""What faults say: headers, bodies, states and times, pages; and that the seed decides whom they strike."""

import gzip
from typing import Any

import aiohttp
import orjson

from importer.simulator import SimulatorPolicy
from importer.simulator.clock import Clock

V3 = "/marketing/v3/campaigns"
NAMES = [f"Campaign {number}" for number in range(10)]


async def test_states_and_times(simulated: Any) -> None:
    """The states are told, and bad_created_at is off by its number while the Date header is right."""
    async with simulated("pending_status@1", "canceled_status@2") as client:
        assert (await client.create("a")).json["status"] == "PENDING"
        assert (await client.create("a")).json["status"] == "CANCELED"
    async with simulated("bad_created_at@2:-86400", clock=Clock(now=lambda: 1_800_000_000.0)) as client:
        await client.create("right")
        assert (await client.create("off")).json["results"][0]["createdAt"].startswith("2027-01-14T08:00:00")
        await client.create("right again")
        page = (await client.page(sort="createdAt", properties="hs_name")).json
        assert [r["properties"]["hs_name"] for r in page["results"]] == ["off", "right", "right again"]


async def test_bodies_that_hurt(simulated: Any) -> None:
    """The huge reply is huge; the bomb is small on the wire and large unpacked."""
    async with simulated("huge_reply@1:2", "gzip_bomb@2:3") as client:
        assert len((await client.create("a")).raw) > 2_000_000
        url = client.sim.base_url + f"{V3}/batch/create"
        body = orjson.dumps({"inputs": [{"properties": {"hs_name": "b"}}]})
        bearer = {"Authorization": "Bearer x"}
        async with (
            aiohttp.ClientSession(auto_decompress=False, headers=bearer) as session,
            session.post(url, data=body) as reply,
        ):
            packed = await reply.read()
        assert len(packed) < 10_000
        assert len(gzip.decompress(packed)) == 3_000_000
        assert len(client.names) == 2


async def test_redirects_lead_to_a_place_that_counts(simulated: Any) -> None:
    """A client that follows the redirect is seen."""
    async with simulated("redirect:1") as client:
        reply = await client.create("a")
        assert reply.status == 307
        assert client.sim.stats()["strays"] == 0
        path = reply.headers["Location"].removeprefix(client.sim.base_url)
        await client.ask("POST", path, {})
        assert client.sim.stats()["strays"] == 1


async def test_headers_and_words_of_refusals(simulated: Any) -> None:
    """477 says when to come back, 403 names the scope, 429 its policy, each in HubSpot's words."""
    async with simulated("477@1:60", "403@2", "429@3", "429_daily@4", "retry_after=5") as client:
        replies = [await client.create("a") for _ in range(4)]
        assert replies[0].headers["Retry-After"] == "60"
        assert replies[1].json["errors"][0]["context"]["requiredGranularScopes"] == ["marketing.campaigns.write"]
        assert [reply.json["policyName"] for reply in replies[2:]] == ["TEN_SECONDLY_ROLLING", "DAILY"]
        assert replies[3].headers["Retry-After"] == "5"


async def test_faults_of_listings(simulated: Any) -> None:
    """Listings can be empty, stuck, short or doubled, one after the other."""
    rules = ("empty_page@1", "stuck_cursor@2", "short_page@3", "doubled_page@4", "list/503@5")
    async with simulated(*rules) as client:
        await client.create(*NAMES)
        pages = [await client.page() for _ in range(6)]
        assert [page.status for page in pages] == [200] * 4 + [503, 200]
        bodies = [pages[index].json for index in (0, 1, 2, 3, 5)]
        assert [len(body["results"]) for body in bodies] == [0, 10, 5, 20, 10]
        assert bodies[0]["total"] == 0
        assert bodies[1]["paging"]["next"]["after"] == "0"
        assert bodies[2]["total"] == 10
    async with simulated("other_ids@2-3") as client:
        await client.create(*NAMES)
        told, *strange = [{each["id"] for each in (await client.page()).json["results"]} for _ in range(3)]
        assert [len(ids) for ids in strange] == [10, 10]
        assert not told & (strange[0] | strange[1])
        assert not strange[0] & strange[1]
    async with simulated("short_page:1") as client:
        assert (await client.page(limit="0")).status == 400


async def test_a_bad_batch_is_refused_even_when_a_fault_strikes(simulated: Any) -> None:
    """Faults that make campaigns cannot make what the account refuses."""
    async with simulated("missing_result:1", "poison=BAD") as client:
        assert (await client.create("good", "BAD")).status == 400
        assert client.names == []


async def test_the_same_seed_strikes_the_same_requests(simulated: Any) -> None:
    """Faults by probability repeat with the seed, and differ between seeds."""

    async def struck(seed: int) -> list[str | None]:
        async with simulated(f"seed={seed}", "500_before:0.3", "423:0.3") as client:
            for number in range(30):
                await client.create(str(number))
            return [each.fault for each in client.sim.requests]

    first = await struck(1)
    assert first == await struck(1)
    assert first != await struck(2)
    assert set(first) == {None, "500_before", "423"}


def test_the_policy_is_a_value() -> None:
    """Two policies of the same spelling are equal."""
    texts = ["seed=1", "timeout:0.01", "late_commit:0.02:5"]
    assert SimulatorPolicy.from_strings(texts) == SimulatorPolicy.from_strings(texts)
