"""The simulator's ordinary behaviour: what it makes, shows, finds, changes and refuses."""

import re
from typing import Any

import anyio
import pytest

from importer.errors import UsageError
from importer.simulator import Simulator
from importer.simulator.clock import Clock

V3 = "/marketing/v3/campaigns"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def test_a_batch_is_made_and_echoed_in_another_order(simulated: Any) -> None:
    """All campaigns are made once, echoed exactly as sent but for empties, and the order tells nothing."""
    names = [f"Campaign {number}" for number in range(50)]
    async with simulated("seed=7") as client:
        reply = await client.create(*names, hs_start_date="2026-01-31", my_key="k", hs_notes="", hs_goal="more")

        shown = [result["properties"]["hs_name"] for result in reply.json["results"]]
        assert reply.status == 201
        assert reply.json["status"] == "COMPLETE"
        assert sorted(shown) == sorted(names) == client.names
        assert shown != names
        first = reply.json["results"][0]
        assert first["properties"].keys() == {"hs_name", "hs_start_date", "my_key"}
        assert all(UUID.fullmatch(result["id"]) for result in reply.json["results"])
        assert {each.id for each in client.sim.truth} == {result["id"] for result in reply.json["results"]}
        assert [(seen.inputs, seen.status, seen.fault) for seen in client.sim.requests] == [(50, 201, None)]


async def test_the_same_seed_gives_the_same_ids_and_order(simulated: Any) -> None:
    """Two simulators of one seed answer the same requests alike."""
    replies = []
    for _ in range(2):
        async with simulated("seed=3") as client:
            replies.append([r["id"] for r in (await client.create("a", "b", "c", "d")).json["results"]])
    assert replies[0] == replies[1]


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
async def test_paging_reaches_every_campaign_once(simulated: Any, version: str) -> None:
    """Following the cursor shows all campaigns, newest first, with the properties asked for and no others."""
    async with simulated() as client:
        for start in range(0, 120, 40):
            await client.create(
                *(f"N {number:03d}" for number in range(start, start + 40)), version=version, hs_notes="x"
            )
        found: list[str] = []
        query = {"limit": "25", "sort": "-createdAt", "properties": "hs_name,hs_object_id"}
        while True:
            page = (await client.page(version, **query)).json
            assert page["total"] == 120
            assert all(result["properties"].keys() == {"hs_name", "hs_object_id"} for result in page["results"])
            found += [result["properties"]["hs_name"] for result in page["results"]]
            if "paging" not in page:
                break
            query["after"] = page["paging"]["next"]["after"]
        assert found == [f"N {number:03d}" for number in reversed(range(120))]


async def test_the_link_to_the_next_page_works(simulated: Any) -> None:
    """`paging.next.link` leads to the page after this one."""
    async with simulated() as client:
        await client.create("a", "b", "c")
        first = (await client.page(limit="2", properties="hs_name")).json
        path = first["paging"]["next"]["link"].removeprefix(client.sim.base_url)
        second = (await client.ask("GET", path)).json
        names = [result["properties"]["hs_name"] for result in first["results"] + second["results"]]
        assert names == ["a", "b", "c"]
        assert "paging" not in second


async def test_listing_by_name_is_a_substring_and_ignores_case(simulated: Any) -> None:
    """`name` finds substrings; without `properties` the map is empty; `sort` by name is the default."""
    async with simulated() as client:
        await client.create("Spring Sale", "sprint", "Autumn")
        page = (await client.page(name="SPRIN")).json
        assert page["total"] == 2
        assert [result["properties"] for result in page["results"]] == [{}, {}]
        named = (await client.page(name="sprin", properties="hs_name", sort="-hs_name")).json
        assert [r["properties"]["hs_name"] for r in named["results"]] == ["sprint", "Spring Sale"]


@pytest.mark.parametrize(
    "query",
    [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"after": "-1"}, {"sort": "name"}, {"properties": "hs_no"}],
)
async def test_a_bad_listing_is_refused(simulated: Any, query: dict[str, str]) -> None:
    """Limits, cursors, sorts and properties that do not exist get 400."""
    async with simulated() as client:
        assert (await client.page(**query)).status == 400


async def test_reading_changing_and_archiving(simulated: Any) -> None:
    """Reads collapse repeated ids and report unknown ones; updates reset by empty values; archived ones are gone."""
    async with simulated() as client:
        made = (await client.create("a", "b", hs_notes="n")).json["results"]
        ids = {result["properties"]["hs_name"]: result["id"] for result in made}
        inputs = [{"id": ids["a"]}, {"id": ids["a"]}, {"id": "unknown"}]
        read = await client.ask("POST", f"{V3}/batch/read?properties=hs_name", {"inputs": inputs})
        assert read.status == 207
        assert [result["id"] for result in read.json["results"]] == [ids["a"]]
        assert read.json["errors"][0]["context"] == {"ids": ["unknown"]}

        changes = [{"id": ids["a"], "properties": {"hs_name": "A", "hs_notes": ""}}]
        changed = await client.ask("POST", f"{V3}/batch/update", {"inputs": changes})
        assert changed.status == 200
        assert changed.json["results"][0]["properties"] == {"hs_name": "A"}
        assert client.sim.truth[0].properties == {"hs_name": "A"} or client.sim.truth[1].properties == {"hs_name": "A"}

        assert (
            await client.ask("POST", f"{V3}/batch/archive", {"inputs": [{"id": ids["a"]}, {"id": "?"}]})
        ).status == 204
        assert (await client.ask("GET", f"{V3}/{ids['a']}")).status == 404
        assert (await client.page()).json["total"] == 1
        assert sorted(each.archived for each in client.sim.truth) == [False, True]
        assert len(client.sim.truth[0:2]) == 2


async def test_single_requests(simulated: Any) -> None:
    """One campaign can be made, read, changed and deleted by its own path."""
    async with simulated() as client:
        made = await client.ask("POST", V3, {"properties": {"hs_name": "one", "hs_business_unit_ids": "3;4"}})
        assert made.status == 201
        assert made.json["properties"] == {"hs_name": "one"}
        assert made.json["businessUnits"] == [{"id": 3}, {"id": 4}]
        path = f"{V3}/{made.json['id']}"
        patched = await client.ask("PATCH", path, {"properties": {"hs_notes": "new"}})
        assert patched.json["properties"] == {"hs_notes": "new"}
        read = await client.ask("GET", f"{path}?properties=hs_name,hs_notes,hs_utm")
        assert read.json["properties"]["hs_utm"].endswith("-one")
        assert read.json["properties"]["hs_notes"] == "new"
        assert (await client.ask("DELETE", path)).status == 204
        assert (await client.ask("DELETE", path)).status == 204
        assert (await client.ask("PATCH", path, {"properties": {"hs_notes": "x"}})).status == 404
        assert (await client.ask("POST", V3, {"properties": {}})).status == 400
        assert (await client.ask("PATCH", path, {"properties": {"hs_owner": "x"}})).status == 400


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"hs_notes": "no name"}, "hs_name is required"),
        ({"hs_name": "  "}, "hs_name is required"),
        ({"hs_name": "a", "hs_start_date": "2026-02-30"}, "hs_start_date"),
        ({"hs_name": "a", "hs_end_date": "2026-02-03T00:00:00Z"}, "hs_end_date"),
        ({"hs_name": "a", "hs_owner": "7"}, "Forbidden properties: [hs_owner]"),
        ({"hs_name": 7}, "string values"),
    ],
)
async def test_one_bad_record_refuses_the_whole_batch(simulated: Any, properties: dict[str, Any], words: str) -> None:
    """A bad record gets 400 with HubSpot's sub-category, and nothing of its batch is made."""
    async with simulated() as client:
        inputs = [{"properties": {"hs_name": "good"}}, {"properties": properties}]
        reply = await client.ask("POST", f"{V3}/batch/create", {"inputs": inputs})
        assert reply.status == 400
        assert words in reply.json["message"]
        assert len(client.sim.truth) == 0
        if "hs_owner" in properties:
            assert "Correct ones are [hs_start_date, hs_end_date, hs_notes, hs_audience" in reply.json["message"]
            assert reply.json["subCategory"] == "CampaignApiError.PROPERTY_SET_CONTAINS_VALUES_FORBIDDEN_FOR_WRITE"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"inputs":{}}', b'{"inputs":[]}', b'{"inputs":[1]}', b'{"inputs":[{}]}']
)
async def test_a_body_that_is_no_batch_is_refused(simulated: Any, body: bytes) -> None:
    """Bodies of another shape get 400."""
    async with simulated() as client:
        assert (await client.ask("POST", f"{V3}/batch/create", body)).status == 400
        assert (await client.ask("POST", f"{V3}/batch/read", body)).status == 400


async def test_fifty_one_inputs_are_too_many(simulated: Any) -> None:
    """A batch of 51 is refused whole, and a body over the limit gets 413."""
    async with simulated("body_bytes_max=20000") as client:
        assert (await client.create(*map(str, range(51)))).status == 400
        assert (await client.create("x" * 20000)).status == 413
        assert len(client.sim.truth) == 0


async def test_a_tolerant_account_makes_the_good_records(simulated: Any) -> None:
    """With bad_record=partial the good ones are made: 207 with errors in v3, 201 with errors in 2026-09."""
    async with simulated("bad_record=partial", "poison=BAD", "name_errors=yes") as client:
        for version, status in (("v3", 207), ("2026-03", 207), ("2026-09", 201)):
            reply = await client.create("good", "BAD", "BAD too", version=version)
            assert reply.status == status
            assert reply.json["numErrors"] == len(reply.json["errors"]) == 2
            assert reply.json["errors"][0]["context"]["hs_name"] == ["BAD"]
            assert [r["properties"]["hs_name"] for r in reply.json["results"]] == ["good"]
        assert (await client.create("BAD")).status == 400
        assert client.names == ["good"] * 3


async def test_choices_goal_and_custom_properties_by_switch(simulated: Any) -> None:
    """Switches make the account stricter: enumerations, hs_goal and unknown custom properties."""
    async with simulated("check_choices=yes", "goal=refuse", "custom_properties=import_key") as client:
        assert (
            await client.create("a", hs_campaign_status="planned", import_key="1", hs_currency_code="EUR")
        ).status == 201
        assert (await client.create("a", hs_campaign_status="soon")).status == 400
        assert (await client.create("a", hs_currency_code="euro")).status == 400
        assert (await client.create("a", hs_goal="g")).status == 400
        assert (await client.create("a", other_key="g")).status == 400
        assert (await client.page(properties="other_key")).status == 400
        definitions = (await client.ask("GET", "/crm/v3/properties/campaigns")).json["results"]
        assert [d["name"] for d in definitions if "hubspotDefined" not in d] == ["import_key"]
        one = await client.ask("GET", "/crm/properties/2026-03/campaigns/hs_campaign_status")
        assert {option["value"] for option in one.json["options"]} >= {"planned", "active"}
        assert (await client.ask("GET", "/crm/v3/properties/campaigns/nothing")).status == 404


@pytest.mark.parametrize(
    ("switches", "sent", "shown"),
    [
        (["normalise=trim"], {"hs_name": "  a  b "}, {"hs_name": "a  b"}),
        (["normalise=collapse,nfc"], {"hs_name": " a  e\u0301 "}, {"hs_name": "a é"}),
        (["normalise=upper_status"], {"hs_campaign_status": "active"}, {"hs_campaign_status": "ACTIVE"}),
        (["normalise=lower_status"], {"hs_campaign_status": "Active"}, {"hs_campaign_status": "active"}),
        (["normalise=iso_dates"], {"hs_start_date": "2026-01-02"}, {"hs_start_date": "2026-01-02T00:00:00Z"}),
        (["normalise=epoch_dates"], {"hs_end_date": "1970-01-02"}, {"hs_end_date": "86400000"}),
        (["drop_empty=no"], {"hs_notes": ""}, {"hs_notes": ""}),
        (["goal=accept"], {"hs_goal": "g"}, {"hs_goal": "g"}),
        (["hide=hs_notes"], {"hs_notes": "n", "hs_audience": "x"}, {"hs_audience": "x"}),
        (["echo=name"], {"hs_name": "a", "hs_audience": "x"}, {"hs_name": "a"}),
        (["echo=none"], {"hs_name": "a", "hs_audience": "x"}, None),
    ],
)
async def test_what_is_echoed(
    simulated: Any, switches: list[str], sent: dict[str, str], shown: dict[str, str] | None
) -> None:
    """Each normaliser and each limit of the echo changes the reply as it says."""
    async with simulated(*switches) as client:
        inputs = [{"properties": {"hs_name": "n", **sent}}]
        reply = await client.ask("POST", f"{V3}/batch/create", {"inputs": inputs})
        echoed = reply.json["results"][0]["properties"]
        assert echoed == (
            {} if shown is None else {**({} if echoed.get("hs_name") != "n" else {"hs_name": "n"}), **shown}
        )


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
