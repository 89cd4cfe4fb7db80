"""A simulated month: nightly feeds with new, changed and broken rows, edits by another hand, and three bad nights.

`make month` runs a whole one: 30 nights of 5,000 campaigns.
"""

import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import anyio
import anyio.lowlevel
import anyio.to_thread

from importer.admission import AdmissionPolicy
from importer.errors import ImporterError
from importer.hubspot.exchange import Exchange, Reply
from importer.hubspot.transport import HubSpotTransport
from importer.inspecting import verify
from importer.ledger.opening import Owner, open_ledger, read_header
from importer.pipeline import run_plan
from importer.report.books import Tally
from importer.simulator.server import Simulator
from importer.stopping import Stop
from tests.modes.test_adopt import BY_NAME, adopt
from tests.pipeline.conftest import World, made

KILLED: Final = 137  #: what a shell says of a process that was killed


@dataclass(slots=True)
class Month:
    """What a month came to."""

    statuses: list[int] = field(default_factory=list)
    requests: int = 0  #: used by the runs
    least: int = 0  #: the least possible: full batches of creates, reads and updates, and two to look each night
    differences: list[str] = field(default_factory=list)
    twins: int = 0
    opening_s: float = 0.0
    created_after_adopting: int = 0  #: of 7 rows that are new
    verified: list[str] = field(default_factory=list)  #: what `verify` found on the last night


def _batches(count: int) -> int:
    return -(-count // 50)


async def simulate(world: World, *, nights: int, rows: int, rng: Random) -> Month:
    """Run `nights` nights of a feed of `rows` campaigns and compare the account with the feed."""
    month, feed = Month(), {f"Campaign {n:06d}": f"note {n}" for n in range(rows)}
    killed, quota, absent = nights // 4, nights // 2, 3 * nights // 4
    async with world.simulator() as simulator:
        for night in range(nights):
            new, changed = _tomorrow(feed, night, rng) if night else (len(feed), set[str]())
            broken = max(1, rows // 1000)
            source = world.source(
                [{"hs_name": name, "hs_notes": note, "hs_start_date": "2026-11-01"} for name, note in feed.items()]
                + [{"hs_name": f"Broken {n}", "hs_notes": "x", "hs_start_date": "someday"} for n in range(broken)]
            )
            month.least += 2 + _batches(new) + 2 * _batches(len(changed))
            if night == absent:
                source.unlink()
            status = await _night(world, simulator, source, month, kill=night == killed, over=night == quota)
            month.statuses.append(status)
            if night in {killed, quota}:  # the same command, the next morning
                month.statuses.append(await _night(world, simulator, source, month))
            _edit_by_hand(simulator, feed, rng)
        month.twins = sum(count - 1 for count in made(simulator).values())
        await _compare(world, simulator, feed, month)
    return month


def _tomorrow(feed: dict[str, str], night: int, rng: Random) -> tuple[int, set[str]]:
    """Change 1 % of the feed and add 2 %."""
    changed = set(rng.sample(sorted(feed), max(1, len(feed) // 100)))
    for name in changed:
        feed[name] = f"changed in night {night}"
    new = max(1, len(feed) // 50)
    start = len(feed)
    feed |= {f"Campaign {n:06d}": f"note {n}" for n in range(start, start + new)}
    return new, changed


def _edit_by_hand(simulator: Simulator, feed: dict[str, str], rng: Random) -> None:
    """Let somebody change a campaign in HubSpot: the notes of one that the feed changes next, too."""
    name = rng.choice(sorted(feed))
    position = next((at for at, one in enumerate(simulator.truth) if one.properties["hs_name"] == name), None)
    if position is not None:
        simulator._account.update(position, {"hs_audience": "by hand"})


class _BadNight(HubSpotTransport):
    """A way to HubSpot on which the process dies as its first update has arrived, or the day's quota is used up."""

    died: anyio.CancelScope | None = None

    async def update(self, body: bytes) -> Exchange:
        """Send the update and die before its answer is read; or find the quota used up."""
        if self.died is None:
            day = b'{"status":"error","message":"You have reached your daily limit.","policyName":"DAILY"}'
            now = anyio.current_time()
            return Reply(status=429, body=day, sent_at=now, answered_at=now)
        exchange = await super().update(body)
        self.died.cancel()
        await anyio.lowlevel.checkpoint()
        return exchange


async def _night(
    world: World, simulator: Simulator, source: Path, month: Month, *, kill: bool = False, over: bool = False
) -> int:
    """Run one night; 137 stands for a run that was killed."""
    policy = AdmissionPolicy(mode="upsert", on_conflict="overwrite")
    plan = world.make_plan(simulator.base_url, source, admission=policy, records=BY_NAME)
    transport = _BadNight(plan.token, plan.transport) if kill or over else HubSpotTransport(plan.token, plan.transport)
    tally = Tally()
    try:
        with anyio.CancelScope() as scope:
            if isinstance(transport, _BadNight):
                transport.died = scope if kill else None
            summary = await run_plan(plan, transport, tally=tally, stop=Stop())
            return int(summary.status)
    except ImporterError as error:
        return int(error.exit_status)
    finally:
        month.requests += tally.requests
        await transport.aclose()
    return KILLED


async def _compare(world: World, simulator: Simulator, feed: dict[str, str], month: Month) -> None:
    """Compare the account with the feed, open the ledger with a clock, lose it, adopt, and run one more night."""
    there = {one.properties["hs_name"]: one.properties.get("hs_notes", "") for one in simulator.truth}
    month.differences = sorted(name for name in there.keys() | feed.keys() if there.get(name) != feed.get(name))
    owner = read_header(world.ledger)
    began = time.monotonic()
    told = Owner(base_url=owner["base_url"], account=owner["account"], simulated=owner["simulated"], tool=owner["tool"])
    ledger = await anyio.to_thread.run_sync(open_ledger, world.ledger, told)
    month.opening_s = time.monotonic() - began
    ledger.close()
    month.verified = verify(world.ledger)
    world.ledger.rename(world.folder / "lost")
    await adopt(world, simulator, BY_NAME)
    feed |= {f"After {n}": "new" for n in range(7)}
    source = world.source(
        [{"hs_name": name, "hs_notes": note, "hs_start_date": "2026-11-01"} for name, note in feed.items()]
    )
    before = len(simulator.truth)
    month.statuses.append(await _night(world, simulator, source, month))
    month.created_after_adopting = len(simulator.truth) - before


async def _full(folder: Path) -> Month:
    return await simulate(World(folder), nights=30, rows=5_000, rng=Random(1))


def main() -> None:
    """Simulate a whole month and print what it came to."""
    with tempfile.TemporaryDirectory() as folder:
        month = anyio.run(_full, Path(folder))
    out = partial(print, file=sys.stdout)
    out(f"exit statuses: {month.statuses}")
    out(f"requests: {month.requests} used, {month.least} at least")
    out(f"campaigns that differ from the feed: {len(month.differences)}; twins: {month.twins}")
    out(f"verify found: {month.verified or 'nothing'}")
    out(f"opening the ledger on the last night: {month.opening_s:.3f} s")
    out(f"created after the ledger was lost and the account adopted: {month.created_after_adopting} of 7 new rows")


if __name__ == "__main__":
    main()
