"""A simulated month: nightly feeds with new, changed and broken rows, edits by another hand, and three bad nights.

Each night is a process of its own (`importer run`), and each day the simulated portal starts anew from its state. One
night is killed as its first update is done, one meets the account's daily quota, in one the feed is missing; after the
first two the same command is run again. `make month` runs a whole month: 30 nights of 5,000 campaigns.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import anyio
import anyio.to_thread

from importer import platforms
from importer.inspecting import verify
from importer.ledger.opening import Owner, open_ledger, read_header
from importer.simulator.policy import SimulatorPolicy
from importer.simulator.server import Simulator
from tests import warm
from tests.kills.grounds import ENVIRONMENT, WAITS
from tests.modes.expected import DECISIONS, START, Came, Decision, Expected
from tests.modes.told import Month, Ran

KILLED: Final = -9  #: what `subprocess` says of a process that was killed
CHECK_EVERY: Final = 6  #: nights; in one of them the unchanged are read, too
_AFTER_UPDATE: Final = "update/timeout_after_commit@1"  #: the first update is done and its answer never comes


_BRIEF: Final = [word for name, value in WAITS.items() for word in (f"--{name}", value)]


@dataclass(slots=True)
class Place:
    """Where a month happens: the portal's state and port, the feed and the ledger."""

    folder: Path
    port: int
    expected: Expected
    month: Month = field(default_factory=Month)

    @property
    def ledger(self) -> Path:
        """The ledger's folder."""
        return self.folder / "ledger"

    @property
    def feed(self) -> Path:
        """The feed's file."""
        return self.folder / "feed.csv"

    def write_feed(self, broken: int) -> None:
        """Write tonight's feed, its last rows with a date that is none."""
        rows = [f"{name},{notes},2026-11-01" for name, notes in self.expected.feed.items()]
        rows += [f"Broken {n},x,someday" for n in range(broken)]
        self.feed.write_text("\n".join(["hs_name,hs_notes,hs_start_date", *rows]) + "\n")

    @asynccontextmanager
    async def portal(self, *switches: str) -> AsyncIterator[Simulator]:
        """Serve the portal for a day."""
        policy = SimulatorPolicy.from_strings(switches)
        async with Simulator(policy, port=self.port, state=self.folder / "portal") as simulator:
            yield simulator

    def command(self, simulator: Simulator, *words: str) -> list[str]:
        """Return the words of a command which asks the portal."""
        shared = ("--base-url", simulator.base_url, "--rate", "100000", "--yes", "--json")
        return [sys.executable, "-m", "importer", *words, *shared]

    def nightly(self, simulator: Simulator, decision: Decision) -> list[str]:
        """Return the words of the nightly command."""
        words = ("--ledger", str(self.ledger), "--mode", "upsert", "--key", "hs_name", "--on-conflict", decision)
        return self.command(simulator, "run", str(self.feed), *words, *_BRIEF)


async def _ran(line: Sequence[str]) -> tuple[int, dict[str, Any]]:
    """Run a command to its end; return its status and what it printed."""
    run = partial(warm.run, line, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True)
    done = await anyio.to_thread.run_sync(run)
    return done.returncode, json.loads(done.stdout) if done.stdout.strip() else {}


async def _killed(line: Sequence[str], simulator: Simulator) -> tuple[int, dict[str, Any]]:
    """Run a command and kill it as its first update is done and not answered."""
    quiet = subprocess.DEVNULL
    async with await anyio.open_process(line, env=ENVIRONMENT, stdin=quiet, stdout=quiet, stderr=quiet) as process:
        while process.returncode is None and not simulator.stats()["faults"]:
            await anyio.sleep(0.01)
        process.kill()
        status = await process.wait()
    return status, {}


async def _run(
    place: Place, simulator: Simulator, night: str, decision: Decision, *, least: int | None, checks: bool = False
) -> Ran:
    """Run the nightly command once, killed where the portal is to leave its first update unanswered; note it."""
    before, began = len(simulator.requests), time.monotonic()
    line = place.nightly(simulator, decision) + ["--check-unchanged"] * checks
    kill = bool(simulator.policy.faults)
    status, said = await (_killed(line, simulator) if kill else _ran(line))
    told = {**said["books"], "conflicts": said["counts"]["conflicts"]} if said.get("books") else {}
    ran = Ran(night, status, len(simulator.requests) - before, least, time.monotonic() - began, told, said.get("run"))
    place.month.runs.append(ran)
    return ran


async def simulate(folder: Path, *, nights: int, rows: int, rng: Random) -> Month:
    """Run `nights` nights of a feed that begins with `rows` campaigns; compare each with what it has to come to."""
    broken = max(1, rows // 1000)
    with closing(socket.socket()) as kept:  # bound and not listening: the port stays ours between two days
        platforms.may_bind_again(kept)
        kept.bind(("127.0.0.1", 0))
        feed = {f"Campaign {n:06d}": f"note of {n}" for n in range(rows)}
        place = Place(folder, kept.getsockname()[1], Expected(feed))
        for night in range(nights):
            place.expected.tomorrow(night, rng)
            place.write_feed(broken)
            bad = {nights // 4: "killed", nights // 2: "over quota", 3 * nights // 4: "no feed"}.get(night, "")
            await _night(place, night, bad, broken)
            await _by_hand(place, rng)
        await _afterwards(place, nights, broken)
    return place.month


async def _night(place: Place, night: int, bad: str, broken: int, *, last: bool = False) -> None:
    """Have one night, and after a kill or without quota the same command once more; compare."""
    decision: Decision = "overwrite" if last else DECISIONS[night % len(DECISIONS)]
    checks = not bad and (last or night % CHECK_EVERY == CHECK_EVERY - 1)
    title = f"{night + 1} {bad or decision}{' checked' if checks else ''}"
    if bad == "no feed":
        place.feed.unlink()
        async with place.portal() as simulator:
            ran = await _run(place, simulator, title, decision, least=0)
            place.month.wrong += [f"night {title}: {ran.status}"] if ran.status != 3 else []
        return
    came = place.expected.night(broken=broken, decision=decision, checks=checks)
    switches = {"killed": (_AFTER_UPDATE,), "over quota": (f"daily={START + (came.least - START) // 2}",)}.get(bad, ())
    async with place.portal(*switches) as simulator:
        first = await _run(place, simulator, title, decision, least=came.least, checks=checks)
    if bad:
        async with place.portal() as simulator:
            again = await _run(place, simulator, f"{night + 1} again", decision, least=None)
        expected = KILLED if bad == "killed" else 7
        place.month.wrong += _against(came, again, first) if first.status == expected else [f"{title}: {first.status}"]
    else:
        place.month.wrong += _against(came, first)
    place.month.wrong += await _compared(place, title)


def _against(came: Came, ran: Ran, before: Ran | None = None) -> list[str]:
    """Return where a run came to something else than it has to; `before` was cut off before it."""
    wrong = [] if ran.status == 1 else [f"night {ran.night}: status {ran.status}"]
    names = ("created", "updated", "conflicts", "skipped", "failed") if before is None else ("failed",)
    wrong += [f"night {ran.night}: {ran.told[name]} {name}, not {getattr(came, name)}"
              for name in names if ran.told[name] != getattr(came, name)]  # fmt: skip
    if before is not None and before.told:  # cut off and told: both together did it
        both = {name: before.told[name] + ran.told[name] for name in ("created", "updated")}
        wrong += [f"night {ran.night}: {count} {name}" for name, count in both.items() if count != getattr(came, name)]
    if before is None and not came.least <= ran.requests <= came.most:
        wrong.append(f"night {ran.night}: {ran.requests} requests, {came.least} are enough")
    return wrong


async def _by_hand(place: Place, rng: Random) -> None:
    """Let somebody else edit the portal: of what tomorrow's feed changes, of the rest, and beside the feed."""
    expected = place.expected
    others = sorted(expected.portal.keys() - set(expected.changes))
    names = expected.changes[: max(1, len(expected.changes) // 10)] + rng.sample(others, 2)
    edits = {name: f"by hand, {rng.random():.9f}" for name in names}
    async with place.portal() as simulator:
        at = {one.properties["hs_name"]: position for position, one in enumerate(simulator.truth) if not one.archived}
        for name, notes in edits.items():
            if name in at:
                simulator._account.update(at[name], {"hs_notes": notes, "hs_audience": "by hand"})
    expected.by_hand(edits)


async def _compared(place: Place, title: str) -> list[str]:
    """Return how the portal differs from what it has to be."""
    async with place.portal() as simulator:
        there = [one for one in simulator.truth if not one.archived]
    shown = {one.properties["hs_name"]: one.properties.get("hs_notes", "") for one in there}
    wrong = [f"night {title}: {len(there) - len(shown)} twins"] if len(there) != len(shown) else []
    portal = place.expected.portal
    wrong += [f"night {title}: {name} is {shown.get(name)!r}, not {portal.get(name)!r}"
              for name in sorted(shown.keys() | portal.keys()) if shown.get(name) != portal.get(name)]  # fmt: skip
    return wrong


async def _afterwards(place: Place, nights: int, broken: int) -> None:
    """Open the ledger by a clock, undo a night, have one more, lose the ledger, adopt, and have the last."""
    month, expected = place.month, place.expected
    await _opened(place)
    await _undone(place, nights // 4 + 1)
    await _night(place, nights, "", broken, last=True)
    month.wrong += [f"verify: {sentence}" for sentence in await anyio.to_thread.run_sync(verify, place.ledger)]
    place.ledger.rename(place.folder / "lost")
    async with place.portal() as simulator:
        status, _said = await _ran(place.command(simulator, "adopt", str(place.ledger), "--key", "hs_name"))
        month.wrong += [f"adopt: status {status}"] if status else []
        expected.written = dict(expected.portal)
        expected.feed |= {f"After {n}": "new" for n in range(7)}
        place.write_feed(0)
        came = expected.night(broken=0, decision="skip")
        ran = await _run(place, simulator, "after adopting", "skip", least=None)
        month.created_after_adopting = ran.told["created"]
        month.wrong += [] if ran.status == 0 else [f"after adopting: status {ran.status}"]
        month.wrong += [] if ran.told["updated"] == came.updated else [f"after adopting: {ran.told['updated']} updated"]
    month.wrong += await _compared(place, "after adopting")
    month.wrong += [f"{name} is not as in the feed" for name in expected.feed if not expected.agrees(name)]


async def _opened(place: Place) -> None:
    """Note how long it takes to open the ledger."""
    header = read_header(place.ledger)
    owner = Owner(**{name: header[name] for name in ("base_url", "account", "simulated", "tool")})
    began = time.monotonic()
    ledger = await anyio.to_thread.run_sync(open_ledger, place.ledger, owner)
    place.month.opening_s = time.monotonic() - began
    ledger.close()


async def _undone(place: Place, night: int) -> None:
    """Undo the run of one night and compare: what it made and nobody touched since is archived, the rest untouched."""
    month, gone = place.month, place.expected.undone(night)
    run = next(ran.run for ran in month.runs if ran.night.startswith(f"{night + 1} "))
    async with place.portal() as simulator:
        before = [one for one in simulator.truth if one.properties["hs_name"] not in gone]
        status, _said = await _ran(place.command(simulator, "undo", str(place.ledger), "--run", str(run), *_BRIEF))
        after = [one for one in simulator.truth if not one.archived]
    month.undone, month.left = len(gone), len(place.expected.new_in[night]) - len(gone)
    month.wrong += [] if status == (1 if month.left else 0) else [f"undo: status {status}"]
    month.wrong += [] if after == before else ["undo touched what is not of that night, or left what is"]


async def _full(folder: Path) -> Month:
    return await simulate(folder, nights=30, rows=5_000, rng=Random(1))


def main() -> int:
    """Simulate a whole month and print what it came to; 1 if anything is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        month = anyio.run(_full, Path(folder))
    sys.stdout.write(month.report() + "\n")
    return 1 if month.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
