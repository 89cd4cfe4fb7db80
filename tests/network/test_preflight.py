"""What the first questions of a run say about the token: only HubSpot's own word takes its right to read away."""

import time
from pathlib import Path

import pytest

from importer.errors import AccessError
from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.throttle import WaitPolicy
from importer.hubspot.transport import HubSpotTransport
from importer.lookup import Lookup
from importer.pacing import Pacer
from importer.preflight import Account, ask_account
from importer.report.books import Tally
from importer.server_clock import ServerClock
from importer.stopping import Stop
from tests.network.canned import HTML, http, instead
from tests.network.staging import proxied
from tests.pipeline.conftest import World

NAMED = b'{"message":"no","category":"X","errors":[{"message":"","context":{"requiredGranularScopes":["a.read"]}}]}'
CATEGORY = b'{"message":"no","category":"MISSING_SCOPES"}'


async def asked(world: World, folder: Path, answer: bytes) -> Account | AccessError:
    """Return what a run learns whose first listing is answered so."""
    async with (
        world.simulator() as simulator,
        proxied(simulator, struck=b"/campaigns?", harms=dict.fromkeys(range(1, 9), instead(answer))) as proxy,
    ):
        transport = HubSpotTransport(lambda: "token", TransportPolicy(base_url=proxy.url))
        lookup = Lookup(
            transport=transport, pacer=Pacer(), clock=ServerClock(), wall=time.time, tally=Tally(), stop=Stop(),
            waits=WaitPolicy(), folder=folder, retry_s=0.0,
        )  # fmt: skip
        try:
            return await ask_account(lookup, base_url=proxy.url, simulated=True)
        except AccessError as error:
            return error
        finally:
            await transport.aclose()


@pytest.mark.parametrize("body", [NAMED, CATEGORY], ids=["scopes named", "category"])
async def test_a_token_without_the_scope_may_not_read(world: World, tmp_path: Path, body: bytes) -> None:
    """HubSpot says that a scope is missing: the run knows that nothing can be looked up."""
    account = await asked(world, tmp_path, http("403 Forbidden", body))
    assert isinstance(account, Account)
    assert not account.can_read


@pytest.mark.parametrize("body", [HTML, b"", b'{"message":"blocked"}'], ids=["a page", "nothing", "another reason"])
async def test_another_403_ends_the_run(world: World, tmp_path: Path, body: bytes) -> None:
    """A firewall's refusal says nothing about the token, and is not taken for a lasting lack of rights."""
    refused = await asked(world, tmp_path, http("403 Forbidden", body))
    assert isinstance(refused, AccessError)
    assert "403" in refused.message
