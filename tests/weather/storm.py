"""A storm in virtual time: an account in which others work too, and an import with the waits of real life."""

import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import anyio

from importer.pipeline import run_plan
from importer.plan import Plan
from importer.report.books import Summary, Tally
from importer.simulator.desk import Seen
from importer.stopping import Stop
from tests.weather.virtual import Portal, portal, wall

ROWS = 6_000
WORKERS = 8
RATE = 190  #: requests in any 10 s: 19 a second
LATENCY_S = (0.05, 0.4)
FOREIGN_EVERY_S = 0.2

Forecast = Sequence[tuple[float, Sequence[str]]]  #: when which faults begin to strike, seconds


@dataclass(slots=True)
class Scene:
    """One source, one ledger, one account."""

    folder: Path
    hubspot: Portal
    source: Path
    tally: Tally

    async def run(self, forecast: Forecast = (), *, foreign: bool = True) -> Summary:
        """Import once, with all the waits that a run has by default, while the weather goes as forecast."""
        self.tally = Tally()
        plan = Plan(sources=(str(self.source),), ledger=self.folder / "ledger", token=lambda: "token", workers=WORKERS)
        async with anyio.create_task_group() as beside:
            beside.start_soon(self._weather, forecast)
            if foreign:
                beside.start_soon(self._others)
            summary = await run_plan(plan, self.hubspot, tally=self.tally, stop=Stop(), wall=wall)
            beside.cancel_scope.cancel()
        return summary

    async def _weather(self, forecast: Forecast) -> None:
        began = anyio.current_time()
        for at_s, rules in forecast:
            await anyio.sleep_until(began + at_s)
            self.hubspot.weather(*rules)

    async def _others(self) -> None:
        """Make campaigns of other values all the while, every second one with the name of one of ours."""
        rng = Random("others")
        for n in itertools.count():
            await anyio.sleep(FOREIGN_EVERY_S)
            name = f"Campaign {rng.randrange(ROWS)}" if n % 2 else f"Theirs {n}"
            self.hubspot.hubspot.make([{"hs_name": name, "hs_notes": "theirs"}], request=0, foreign=True)

    def made(self) -> Counter[str]:
        """Return how often each of our campaigns was made, by name."""
        return Counter(properties["hs_name"] for _, properties in self.hubspot.made())

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of one of the ledger's files."""
        return [json.loads(line) for line in (self.folder / "ledger" / name).read_bytes().splitlines()]

    def wrong_pairs(self) -> list[str]:
        """Return the names of result rows whose campaign is not the one that was made of that row."""
        truth = {campaign: properties["hs_name"] for campaign, properties in self.hubspot.made()}
        return [row["name"] for row in self.rows("results.jsonl") if truth.get(row["id"]) != row["name"]]

    def requests(self, operation: str, status: int | None = None) -> list[Seen]:
        """Return the requests of an operation, in the order of arrival."""
        return [one for one in self.hubspot.seen if one.operation == operation and status in {None, one.status}]

    def fullest_window(self) -> int:
        """Return the most requests that arrived in any 10 s."""
        arrivals = [one.arrived for one in self.hubspot.seen]
        most, first = 0, 0
        for count, arrived in enumerate(arrivals, 1):
            while arrivals[first] <= arrived - 10.0:
                first += 1
            most = max(most, count - first)
        return most


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """Open an account and write a source of different campaigns."""
    source = folder / "campaigns.csv"
    source.write_text("hs_name,hs_notes\n" + "".join(f"Campaign {n},Note {n % 9}\n" for n in range(ROWS)))
    latency = "latency=uniform:{}-{}".format(*LATENCY_S)
    async with portal(f"rate={RATE}", latency, "seed=3") as hubspot:
        yield Scene(folder, hubspot, source, Tally())


def pauses(struck: Sequence[Seen]) -> list[list[Seen]]:
    """Return the requests of a storm by the pauses that they led to: those that follow closely led to one."""
    groups: list[list[Seen]] = []
    for one in struck:
        if not groups or one.arrived - groups[-1][-1].arrived > 60.0:
            groups.append([])
        groups[-1].append(one)
    return groups


def looks(pages: Sequence[Seen]) -> list[list[Seen]]:
    """Return the pages asked for, look by look."""
    groups: list[list[Seen]] = []
    for page in pages:
        if "after=" not in page.query:
            groups.append([])
        groups[-1].append(page)
    return groups
