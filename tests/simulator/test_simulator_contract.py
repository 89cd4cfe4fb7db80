"""Every reply of the simulator is valid by HubSpot's own OpenAPI files."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft7Validator, FormatChecker  # type: ignore[import-untyped]  # it ships no types

from importer.simulator import TABLE

BASES = {
    "v3": "/marketing/v3/campaigns",
    "2026-03": "/marketing/campaigns/2026-03",
    "2026-09": "/marketing/campaigns/2026-09",
}
#: Faults whose reply is meant to break the rules, or which send no reply of HubSpot's.
LAWLESS = {
    "cut_reply", "empty_2xx", "not_json", "wrong_json", "wrong_types", "gzip_bomb", "204", "html_200", "html_502",
    "redirect", "slow_reply",
}  # fmt: skip

Check = Callable[[str, Any], None]


@pytest.fixture(params=list(BASES))
def version(request: pytest.FixtureRequest) -> str:
    """Each version of the API in turn."""
    return str(request.param)


@pytest.fixture
def document(shared: Path, version: str) -> dict[str, Any]:
    """HubSpot's OpenAPI file of the version."""
    path = shared / "hubspot" / f"campaignsPublicApi-{version}.json"
    if not path.is_file():
        pytest.skip(f"HubSpot's OpenAPI file {path.name} is not there")
    loaded: dict[str, Any] = orjson.loads(path.read_bytes())
    return loaded


@pytest.fixture
def check(document: dict[str, Any]) -> Check:
    """Return `check(schema, value)`, which fails where the value breaks the schema or holds unknown fields."""
    formats = FormatChecker()
    formats.checks("date-time", raises=ValueError)(lambda value: bool(datetime.fromisoformat(str(value))))

    def checked(name: str, value: Any) -> None:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        errors = [error.message for error in Draft7Validator(schema, format_checker=formats).iter_errors(value)]
        assert errors == []
        unknown = set(value) - set(document["components"]["schemas"][name]["properties"])
        assert unknown <= {"status", "errorType", "policyName", "requestId"}

    return checked


def expected(document: dict[str, Any], method: str, path: str, status: int) -> str | None:
    """Return the name of the schema that the file gives for a reply; None for a reply without a body."""
    responses = document["paths"][path][method]["responses"]
    if str(status) not in responses:
        assert status >= 400
        return "Error"
    content = responses[str(status)].get("content")
    return content and str(next(iter(content.values()))["schema"]["$ref"]).rpartition("/")[2]


async def test_ordinary_replies(simulated: Any, document: dict[str, Any], check: Check, version: str) -> None:
    """Creates, reads, updates, lists and archives answer in the schema that the file gives for their status."""
    base = BASES[version]
    async with simulated("bad_record=partial", "poison=BAD") as client:
        made = (await client.create("a", "b", "c", version=version, hs_notes="n")).json["results"]
        guid = made[0]["id"]
        both, some = [{"id": made[0]["id"]}, {"id": made[1]["id"]}], [{"id": guid}, {"id": "unknown"}]
        one = {"properties": {"hs_name": "x", "hs_business_unit_ids": "1"}}
        calls: list[tuple[str, str, str, Any]] = [
            ("post", "/batch/create", "", {"inputs": [one, one]}),
            ("post", "/batch/create", "", {"inputs": [one, {"properties": {"hs_name": "BAD"}}]}),
            ("post", "/batch/create", "", {"inputs": []}),
            ("post", "/batch/read", "?properties=hs_name", {"inputs": both}),
            ("post", "/batch/read", "", {"inputs": some}),
            ("post", "/batch/update", "", {"inputs": [{**each, **one} for each in both]}),
            ("post", "/batch/update", "", {"inputs": [{**each, **one} for each in some]}),
            ("post", "", "", one),
            ("post", "", "", {}),
            ("get", "", "?limit=2&properties=hs_name", None),
            ("get", "", "?limit=500", None),
            ("get", "/{campaignGuid}", "", None),
            ("patch", "/{campaignGuid}", "", one),
            ("post", "/batch/archive", "", {"inputs": some}),
            ("delete", "/{campaignGuid}", "", None),
        ]
        for method, path, query, body in calls:
            reply = await client.ask(method.upper(), base + path.replace("{campaignGuid}", made[2]["id"]) + query, body)
            schema = expected(document, method, base + path, reply.status)
            if schema:
                check(schema, reply.json)
            else:
                assert reply.raw == b""


async def test_items_answer_in_their_schemas(
    simulated: Any, document: dict[str, Any], check: Check, version: str
) -> None:
    """Budget and spend: made, shown, changed, deleted and summed up as the file says; what is wrong is refused."""
    base = BASES[version]
    async with simulated("poison=BAD") as client:
        guid = (await client.create("a", version=version)).json["results"][0]["id"]
        good = {"name": "Ads", "amount": 12.5, "order": 0}
        for kind in ("budget", "spend"):
            above, below = f"/{{campaignGuid}}/{kind}", f"/{{campaignGuid}}/{kind}/{{{kind}Id}}"
            made = await client.ask("POST", f"{base}/{guid}/{kind}", {**good, "description": "why"})
            assert (made.status, made.json["amount"], made.json["description"]) == (201, 12.5, "why")
            item = made.json["id"]
            calls: list[tuple[str, str, Any, int]] = [
                ("post", above, good, 201),
                ("post", above, {"name": "Ads", "amount": 1}, 400),
                ("post", above, {**good, "amount": "12.5"}, 400),
                ("post", above, {**good, "order": 0.5}, 400),
                ("post", above, {**good, "name": "BAD"}, 400),
                ("post", above, [], 400),
                ("get", below, None, 200),
                ("put", below, {**good, "amount": 7}, 200),
                ("get", "/{campaignGuid}/budget/totals", None, 200),
                ("delete", below, None, 204),
                ("get", below, None, 404),
            ]
            for method, path, body, status in calls:
                where = base + path.replace("{campaignGuid}", guid).replace(f"{{{kind}Id}}", item)
                reply = await client.ask(method.upper(), where, body)
                assert reply.status == status, (method, path, body)
                schema = expected(document, method, base + path, reply.status)
                if schema:
                    check(schema, reply.json)
            totals = (await client.ask("GET", f"{base}/{guid}/budget/totals")).json
            assert [shown["amount"] for shown in totals[f"{kind}Items"]] == [12.5]
            assert totals[f"{kind}Total"] == 12.5
        for method, path in (
            ("POST", "/unknown/budget"),
            ("GET", "/unknown/budget/totals"),
            ("GET", f"/{guid}/spend/9"),
        ):
            reply = await client.ask(method, base + path, good)
            assert reply.status == 404
            check("Error", reply.json)


async def test_refusals(simulated: Any, document: dict[str, Any], check: Check, version: str) -> None:
    """Errors before any operation are valid errors, too: token, path, method, limit, scope, size."""
    base = BASES[version]
    async with simulated("token=t", "rate=4", "scopes=none", "body_bytes_max=100") as client:
        good = {"Authorization": "Bearer t"}
        replies = [
            await client.ask("GET", base),
            await client.ask("GET", base + "/a/b/c", headers=good),
            await client.ask("PUT", base, headers=good),
            await client.ask("GET", base, headers=good),
            await client.ask("POST", base + "/batch/create", {"inputs": []}, headers=good),
            await client.ask("POST", base + "/batch/create", b"x" * 101, headers=good),
            await client.ask("GET", base + "/unknown", headers=good),
            await client.ask("GET", base, headers=good),
        ]
        assert [reply.status for reply in replies] == [401, 404, 405, 403, 403, 413, 403, 429]
        for reply in replies:
            check("Error", reply.json)


async def test_faults_keep_to_the_schemas(simulated: Any, document: dict[str, Any], check: Check, version: str) -> None:
    """Every fault that answers in HubSpot's name answers in its schemas."""
    path = BASES[version] + "/batch/create"
    for name, fault in TABLE.items():
        silent = "reset" in name or "timeout" in name
        if name in LAWLESS or silent or "create" not in fault.operations:
            continue
        number = ":0.01" if name == "huge_reply" else ""
        async with simulated(f"{name}@2{number}") as client:
            await client.create("first", version=version)
            reply = await client.create("a", "b", "c", version=version)
            schema = expected(document, "post", path, reply.status)
            assert schema is not None
            check(schema, reply.json)


async def test_dates_are_refused_where_hubspot_refuses_them(simulated: Any, check: Check, version: str) -> None:
    """The refusal of a date-time carries HubSpot's sub-category."""
    async with simulated() as client:
        reply = await client.create("a", version=version, hs_start_date="2026-01-01T00:00:00Z")
        check("Error", reply.json)
        assert reply.json["subCategory"] == "CampaignValidationError.INVALID_DATE_PROPERTY"
