"""Each fault does what its sentence says: what is made, and what the client sees."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp
import anyio
import orjson
import pytest

from importer.simulator import TABLE, fault_names
from importer.simulator.clock import Clock

V3 = "/marketing/v3/campaigns"
NAMES = [f"Campaign {number}" for number in range(10)]
GATEWAY = (500, 502, 503, 504, 520, 521, 522, 523, 524)
REFUSALS = (400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 422, 423, 429, 477)
RESET, CUT = "reset", "cut"  # what a client sees instead of a status

#: fault → how many of ten campaigns it makes, the status or the end of the connection, results shown (None: no list)
MADE: dict[str, tuple[int, int | str, int | None]] = {
    "reset_before": (0, RESET, None),
    "reset_after_commit": (10, RESET, None),
    "timeout_before:1:0": (0, RESET, None),
    "timeout_after_commit:1:0": (10, RESET, None),
    "cut_reply": (10, CUT, None),
    "slow_reply:1:0": (10, 201, 10),
    "close_after": (10, 201, 10),
    "half_commit": (5, 500, None),
    "partial_400_commits": (5, 400, None),
    "408_after_commit": (10, 408, None),
    "400_commits": (10, 400, None),
    "429_commits": (10, 429, None),
    "429_daily": (0, 429, None),
    "html_200": (0, 200, None),
    "redirect": (0, 307, None),
    "empty_2xx": (10, 201, None),
    "204": (10, 204, None),
    "not_json": (10, 201, None),
    "wrong_json": (10, 201, None),
    "huge_reply:1:1": (10, 201, 10),
    "wrong_types": (10, 201, 10),
    "missing_result": (10, 201, 9),
    "missing_results": (10, 201, 0),
    "extra_result": (10, 201, 11),
    "duplicate_result": (10, 201, 11),
    "stranger_result": (10, 201, 10),
    "pending_status": (10, 201, 10),
    "canceled_status": (10, 201, 10),
    "wrong_reply": (10, 201, 1),
    "bad_created_at": (10, 201, 10),
    "foreign": (10, 201, 10),
    "foreign_twin": (10, 201, 10),
    **{f"{status}_before": (0, status, None) for status in GATEWAY},
    **{f"{status}_after_commit": (10, status, None) for status in GATEWAY},
    **{f"{status}": (0, status, None) for status in REFUSALS},
}
COIN = {"timeout", "html_502", *(f"{status}" for status in GATEWAY)}
LATE = {"late_commit", "late_commit_reset", "pending_then_commit"}
PARTIAL = {"207_named", "207_unattributed", "207_miscounted"}
BOMBS = {"gzip_bomb"}
ARCHIVES = {"no_effect"}
LISTS = {"empty_page", "stuck_cursor", "short_page", "doubled_page", "other_ids"}


def test_every_fault_of_the_table_has_its_test() -> None:
    """No fault can be added without saying here what it does."""
    tested = {text.partition(":")[0] for text in MADE} | COIN | LATE | PARTIAL | BOMBS | LISTS | ARCHIVES
    assert tested == set(fault_names())
    assert all(fault.sentence.endswith(".") for fault in TABLE.values())


async def seen(client: Any, create: Callable[[], Awaitable[Any]]) -> tuple[int | str, Any]:
    """Return what a client sees: a status and the reply, or how the connection ended."""
    try:
        reply = await create()
    except aiohttp.ClientPayloadError:
        return CUT, None
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
        return RESET, None
    return reply.status, reply


def results_in(reply: Any) -> int | None:
    """Return how many results a reply shows; None where it shows no list of them."""
    try:
        return len(reply.json["results"])
    except (orjson.JSONDecodeError, TypeError, KeyError, AttributeError):
        return None


@pytest.mark.parametrize("text", MADE)
async def test_what_a_fault_makes_and_shows(simulated: Any, text: str) -> None:
    """The number of campaigns in the truth, the status and the number of results are those of the table above."""
    made, status, shown = MADE[text]
    async with simulated(text) as client:
        outcome, reply = await seen(client, lambda: client.create(*NAMES))
        assert outcome == status
        assert results_in(reply) == shown
        assert len(client.names) == made
        assert set(client.names) <= set(NAMES)
        assert client.sim.requests[0].fault == text.partition(":")[0]
        if ":" not in text and text != "close_after":  # a bare name strikes the first request only
            assert (await client.create("next")).status == 201


@pytest.mark.parametrize("name", sorted(COIN))
async def test_faults_by_coin_do_both(simulated: Any, name: str) -> None:
    """Over a few requests a fault by coin both makes everything and makes nothing, whatever the client sees."""
    async with simulated(f"{name}:1:0") as client:
        made = set()
        for number in range(12):
            before = len(client.sim.truth)
            await seen(client, partial(client.create, f"{number} a", f"{number} b"))
            made.add(len(client.sim.truth) - before)
        assert made == {0, 2}


@pytest.mark.parametrize("name", sorted(LATE))
async def test_late_commits_happen_later(simulated: Any, name: str) -> None:
    """Nothing is made when the client gets its answer; all of it is made when the time has come."""
    time_has_come = anyio.Event()
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await time_has_come.wait()

    async with simulated(f"{name}@1:7", clock=Clock(sleep=sleep)) as client:
        outcome, reply = await seen(client, lambda: client.create(*NAMES))
        assert outcome == {"late_commit": 504, "late_commit_reset": RESET, "pending_then_commit": 201}[name]
        assert results_in(reply) in {None, 0}
        assert client.names == []
        assert (await client.create("meanwhile")).status == 201
        time_has_come.set()
        while len(client.sim.truth) < 11:
            await anyio.lowlevel.checkpoint()
        assert slept == [7]
        assert client.names == sorted([*NAMES, "meanwhile"])
        assert [each.request for each in client.sim.truth] == [2] + [1] * 10


async def test_an_archive_without_effect_says_204(simulated: Any) -> None:
    """The answer is that of a success, and the campaign stands; the next request archives it."""
    path = "/marketing/v3/campaigns/batch/archive"
    async with simulated("archive/no_effect@1") as client:
        made = (await client.create("a")).json["results"][0]["id"]
        for archived in (False, True):
            assert (await client.ask("POST", path, {"inputs": [{"id": made}]})).status == 204
            assert [each.archived for each in client.sim.truth] == [archived]


async def test_what_is_put_off_is_done_at_the_stop(simulated: Any) -> None:
    """A late commit that is still to come happens when the simulator stops, and only once."""
    async with simulated("late_commit@1:3600") as client:
        assert (await client.create(*NAMES)).status == 504
        assert client.names == []
    assert client.names == NAMES


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
@pytest.mark.parametrize("name", sorted(PARTIAL))
async def test_partial_successes(simulated: Any, name: str, version: str) -> None:
    """Some are not made; what the errors tell differs: the name, nothing, or not even how many."""
    async with simulated(f"{name}:1") as client:
        reply = await client.create(*NAMES, version=version)
        body = reply.json
        missing = set(NAMES) - set(client.names)
        assert reply.status == (201 if version == "2026-09" else 207)
        assert 1 <= len(missing) <= 2
        assert sorted(result["properties"]["hs_name"] for result in body["results"]) == client.names
        if name == "207_miscounted":
            assert (body["numErrors"], body["errors"]) == (1, [])
        else:
            assert body["numErrors"] == len(body["errors"]) == len(missing)
            told = {value for error in body["errors"] for value in error["context"].get("hs_name", [])}
            assert told == (missing if name == "207_named" else set())


async def test_results_that_are_not_ours(simulated: Any) -> None:
    """Foreign campaigns stand in replies and in the account; twins equal one of ours; none counts as ours."""
    for name in ("extra_result", "stranger_result", "foreign", "foreign_twin"):
        async with simulated(name) as client:
            shown = {result["id"] for result in (await client.create(*NAMES)).json["results"]}
            foreign = [each for each in client.sim.truth if each.foreign]
            assert len(foreign) == 1
            assert (foreign[0].id in shown) == name.endswith("_result")
            assert (foreign[0].properties["hs_name"] in NAMES) == (name == "foreign_twin")
            assert client.sim.stats()["foreign"] == 1


async def test_the_reply_to_another_request(simulated: Any) -> None:
    """wrong_reply shows what an earlier request made."""
    async with simulated("wrong_reply@2") as client:
        first = await client.create("a", "b")
        second = await client.create(*NAMES)
        assert second.json["results"] == first.json["results"]
        assert len(client.names) == 12


async def test_other_operations_can_be_struck(simulated: Any) -> None:
    """Rules name their operation; creates go on untouched."""
    async with simulated("read/500:1", "account/timeout_before:1:0", "list/cut_reply:1") as client:
        made = (await client.create("a")).json["results"][0]["id"]
        assert (await client.ask("GET", f"{V3}/{made}")).status == 500
        assert (await seen(client, lambda: client.ask("GET", "/account-info/v3/details")))[0] == RESET
        assert (await seen(client, client.page))[0] == CUT


async def test_held_connections_let_go_at_the_stop(simulated: Any) -> None:
    """A simulator with a held request stops at once, and the waiting client sees a reset."""
    outcome: list[Any] = []

    async def wait(client: Any) -> None:
        outcome.append((await seen(client, lambda: client.create("a")))[0])

    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer x"}) as session,  # outlives the simulator
        anyio.create_task_group() as tasks,
        simulated("timeout_before:1:3600") as client,
    ):
        tasks.start_soon(wait, type(client)(session, client.sim))
        while not (client.sim.requests and client.sim.requests[0].status == 0):
            await anyio.lowlevel.checkpoint()
    assert outcome == [RESET]


async def test_a_connection_closed_without_a_word(simulated: Any) -> None:
    """After close_after the next request on the connection may find it gone; then it has made nothing."""
    async with simulated("close_after") as client:
        assert (await client.create("a")).status == 201
        outcome, _ = await seen(client, lambda: client.create("b"))
        assert outcome in {201, RESET}
        assert client.names == (["a", "b"] if outcome == 201 else ["a"])
