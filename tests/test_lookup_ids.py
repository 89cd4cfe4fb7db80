"""Which campaigns the ledger holds already, asked while answers are still on their way into it."""

import time
from pathlib import Path

import anyio

from importer.hubspot.throttle import WaitPolicy
from importer.hubspot.transport import HubSpotTransport
from importer.ledger.opening import open_ledger
from importer.lookup import Lookup
from importer.pacing import Pacer
from importer.report.books import Tally
from importer.server_clock import ServerClock
from importer.stopping import Stop
from tests.ledger.conftest import OWNER, intent, made, outcome, run


async def test_the_ids_of_an_answer_count_at_once(tmp_path: Path) -> None:
    """A campaign of an answer that was handed over a moment ago is taken: no lookup may give it away again."""
    ledger = open_ledger(tmp_path, OWNER)
    lookup = Lookup(
        transport=HubSpotTransport(lambda: "token"), pacer=Pacer(), clock=ServerClock(), wall=time.time, tally=Tally(),
        stop=Stop(), waits=WaitPolicy(), folder=tmp_path, journal=ledger.journal,
    )  # fmt: skip
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(ledger.journal.run)
            await ledger.journal.append(run())
            of = await ledger.journal.append(intent(0))
            ledger.journal.put(outcome(of, created=made(0)))
            assert await lookup.taken(["499", "500"], 0.0) == {"500"}
            ledger.journal.close()
    finally:
        ledger.close()
