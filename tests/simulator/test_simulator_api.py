"""The simulator's ordinary behaviour: what it makes, shows, finds, changes and refuses."""

import re
from typing import Any

import pytest

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
