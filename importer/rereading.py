"""Campaigns read again by their ids: what they show, and what became of updates without a clear answer."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import anyio

from importer.comparing import compare
from importer.doubts import LookFailedError, SettlePolicy
from importer.hubspot import steps, verdicts, wire
from importer.ledger.fold import OpenIntent, properties_of
from importer.ledger.journal import Journal
from importer.lookup import TRIES_MAX, Lookup
from importer.model import State
from importer.report.books import Tally
from importer.stopping import Stop, StoppedError


async def settle_updates(lookup: Lookup, journal: Journal, settling: SettlePolicy, *, tally: Tally, stop: Stop) -> None:
    """Tell by reading what became of updates of earlier runs. Cancellation, a wish to stop: left as they were."""
    open_updates = [intent for intent in journal.fold.open.values() if intent.unsettled(State.UPDATING)]
    if not open_updates:
        return
    whole = settling.timeout_s + settling.settle_s
    with suppress(StoppedError, LookFailedError), stop.interruptible():
        now = lookup.clock.bounds(lookup.wall())
        for intent in open_updates:
            bounds = intent.entry["srv"]
            wait = whole if now is None or bounds is None else min(whole, max(0.0, whole - (now[0] - bounds[1])))
            tally.waiting_for, tally.waiting_until = (
                "an update may still land",
                anyio.current_time() + wait,
            )
            await anyio.sleep(wait)
            await _settle_intent(lookup, journal, intent, tally=tally, stop=stop)
            now = lookup.clock.bounds(lookup.wall())
    tally.waiting_for = tally.waiting_until = None


async def _settle_intent(lookup: Lookup, journal: Journal, intent: OpenIntent, *, tally: Tally, stop: Stop) -> None:
    entry: Any = intent.entry
    left = intent.unsettled(State.UPDATING)
    bodies = {index: properties_of(intent.entry, index) for index in left}
    ids = [entry["ids"][index] for index in left]
    shown = await read_campaigns(lookup, stop, ids, {name for body in bodies.values() for name in body})
    done = [index for index in left if took(bodies[index], shown.get(entry["ids"][index]))]
    updated = [(index, sorted(bodies[index])) for index in done]
    close_update(journal, intent.n, "read", updated=updated, returned=[index for index in left if index not in done])
    tally.recovered += len(left)


async def read_campaigns(
    lookup: Lookup, stop: Stop, ids: Sequence[str], names: set[str]
) -> dict[str, Mapping[str, str]]:
    """Return id → properties of those of `ids` that exist.

    Raises:
        LookFailedError: HubSpot does not say.
    """
    asked = sorted(names)
    for _ in range(TRIES_MAX):
        exchange = await lookup.ask(lambda: lookup.transport.read(ids, asked))
        verdict = verdicts.judge_read(exchange, wire.parse_batch, lookup.waits)
        match verdict.step:
            case steps.Use(data=reply) if reply.complete:
                wanted = set(ids)
                return {one.id: one.properties for one in reply.results if one.id in wanted}
            case steps.Use():
                await anyio.sleep(lookup.retry_s)
            case steps.Resend(after_s=after_s):
                await anyio.sleep(lookup.retry_s if after_s is None else after_s)
            case steps.Pause(error=error) | steps.Stop(error=error):
                stop.request_for(error)
                raise LookFailedError(verdict.message)
    raise LookFailedError(verdict.message)


def took(changes: Mapping[str, str], shown: Mapping[str, str] | None) -> bool:
    """Return whether a campaign shows all that was written to it."""
    return shown is not None and not compare(changes, shown, {}, ()).changes


def close_update(journal: Journal, n: int, kind: str, **told: Any) -> None:
    """Journal what became of update number `n`; what is not named is empty."""
    nothing: dict[str, Any] = {"status": None, "corr": None, "note": None}
    nothing |= {"updated": [], "failed": [], "returned": [], "doubt": []}
    journal.put({"t": "updated", "of": n, "class": kind, **(nothing | told)})
