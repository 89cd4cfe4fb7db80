"""Whole runs with tokens that end: the simulated HubSpot gives them for a refresh token and takes none that is over."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import anyio.to_thread
import orjson

from importer import runs
from importer.admission import AdmissionPolicy
from importer.cli.token import Token
from importer.errors import ExitStatus
from importer.oauth import Credentials, OAuthTokens, Post
from importer.posting import Answer
from importer.records import RecordPolicy
from importer.report.books import Tally
from importer.stopping import Stop

APP = {"client_id": "app", "client_secret": "s3cret-of-app", "refresh_token": "refresh-of-app"}
SWITCHES = ("refresh_token=refresh-of-app", "client_secret=s3cret-of-app", "latency=fixed:0.03", "rate_headers=no")


def short_lived(post: Post) -> Post:
    """Return `post` with answers that say a life of 1.5 s: the token itself serves longer."""

    def shortened(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        answer = post(url, body, headers)
        return Answer(answer.status, orjson.dumps(orjson.loads(answer.body) | {"expires_in": 1.5}))

    return shortened


def signed_in(plan: Any, base_url: str, *, before_the_end: bool) -> tuple[Any, Token]:
    """Return `plan` with OAuth; without `before_the_end` a token is renewed only when it is refused."""
    oauth = OAuthTokens(credentials=Credentials.model_validate(APP), base_url=base_url)
    if before_the_end:
        oauth.post = short_lived(oauth.post)
    token = Token(oauth, lambda: oauth.lives_s, oauth.secrets)
    due = {"renew_in": token.renew_in} if before_the_end else {}
    return replace(plan, token=token, renew_token=token.renew, secrets=token.secrets, **due), token


async def test_tokens_that_end_in_mid_run_are_renewed_once_for_all_workers(world: Any) -> None:
    """Each token serves nine requests and is refused then: everything is made once, and no worker asks twice."""
    source = world.campaigns(3_000)
    async with world.simulator(*SWITCHES, "token_uses=9") as simulator:
        plan, _ = await _signed(world, simulator, source, before_the_end=False)
        summary = await runs.run(plan, tally=Tally(), stop=Stop())
        refused = simulator.stats()["statuses"].get("401", 0)
        given = simulator.stats()["tokens_given"]
    summary.books.check()
    assert summary.status is ExitStatus.OK, summary.reason
    assert summary.books.created == len(simulator.truth) == 3_000
    assert 2 <= given <= refused + 1  # four workers are refused together, and ask once
    assert refused


async def test_tokens_are_renewed_before_they_end(world: Any) -> None:
    """With the end known, a run longer than a token's life sees no refusal at all."""
    source = world.campaigns(8_000)
    async with world.simulator(*SWITCHES) as simulator:
        plan, token = await _signed(world, simulator, source, before_the_end=True)
        before = token()
        summary = await runs.run(replace(plan, workers=2), tally=Tally(), stop=Stop())
        stats = simulator.stats()
    assert summary.status is ExitStatus.OK, summary.reason
    assert "401" not in stats["statuses"]
    assert stats["tokens_given"] >= 2
    assert token() != before


async def test_an_app_that_was_uninstalled_ends_the_run_resumable(world: Any) -> None:
    """The refresh token is refused in mid run: status 4, the books balance, nothing is lost."""
    source = world.campaigns(2_000)
    async with world.simulator(*SWITCHES, "token_uses=9") as simulator:
        plan, token = await _signed(world, simulator, source, before_the_end=False)
        asked = token._ask
        token._ask = OAuthTokens(
            credentials=Credentials.model_validate(APP | {"refresh_token": "another"}), base_url=simulator.base_url
        )
        first = await runs.run(plan, tally=Tally(), stop=Stop())
        token._ask = asked
        await anyio.to_thread.run_sync(token.renew)  # in a thread: the simulator lives in this loop
        second = await runs.run(plan, tally=Tally(), stop=Stop())
    first.books.check()
    assert first.status is ExitStatus.ACCESS
    assert first.books.not_sent
    assert second.status is ExitStatus.OK
    assert len(simulator.truth) == 2_000


async def _signed(world: Any, simulator: Any, source: Any, *, before_the_end: bool) -> tuple[Any, Token]:
    plan = world.make_plan(simulator.base_url, source)
    return await anyio.to_thread.run_sync(lambda: signed_in(plan, simulator.base_url, before_the_end=before_the_end))


async def test_updates_outlast_their_tokens(world: Any) -> None:
    """Campaigns are read and updated with tokens that end after nine requests: each is renewed, not the first alone."""
    async with world.simulator(*SWITCHES, "token_uses=9") as simulator:
        for note in ("old", "new"):
            source = world.source([{"hs_name": f"n{n}", "hs_notes": note} for n in range(1_000)])
            plan, _ = await _signed(world, simulator, source, before_the_end=False)
            plan = replace(plan, records=RecordPolicy(key=("hs_name",)), admission=AdmissionPolicy(mode="upsert"))
            summary = await runs.run(plan, tally=Tally(), stop=Stop())
            assert summary.status is ExitStatus.OK, summary.reason
    assert summary.books.updated == 1_000
