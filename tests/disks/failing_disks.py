"""Whole imports on disks that fail: at the n-th call of each kind, n = 1, 2, 3 … until clean; and at each power loss.

    python -m tests.disks.failing_disks [--every N]

After each failure the import runs again on a sound disk: every campaign exists once, and ledger and server agree. Exit
status 1 on a violation.
"""

import argparse
import errno
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import anyio

from importer.errors import ExitStatus, ImporterError
from importer.hubspot.transport import HubSpotTransport
from importer.inspecting import verify
from importer.ledger.disk import Disk
from importer.pipeline import run_plan
from importer.report.books import Summary, Tally
from importer.simulator.server import Simulator
from importer.stopping import Stop
from tests.disks.disks import CALLS, LOSSES, FailingDisk, PowerDisk
from tests.kills.checker import judge
from tests.pipeline.conftest import World

ROWS: Final = 130
NUMBERS: Final = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS)


async def run_on(world: World, simulator: Simulator, disk: Disk | None) -> Summary | ImporterError:
    """Run once with the ledger on `disk`; return the summary, or the error with which nothing began."""
    plan = world.make_plan(simulator.base_url, world.folder / "campaigns.csv", workers=2)
    transport = HubSpotTransport(plan.token, plan.transport)
    try:
        return await run_plan(plan, transport, tally=Tally(), stop=Stop(), disk=disk)
    except ImporterError as error:
        return error
    finally:
        await transport.aclose()


async def after_all(world: World, simulator: Simulator, rows: Sequence[Any]) -> list[str]:
    """Run on a sound disk and return what is wrong then."""
    done = await run_on(world, simulator, None)
    if isinstance(done, ImporterError) or done.status is not ExitStatus.OK:
        return [f"status: the run on a sound disk ends with {done}"]
    truth = [{"id": one.id, "properties": one.properties} for one in simulator.truth]
    return [*judge(world.ledger, rows, truth).violations, *verify(world.ledger)]


async def one_failure(folder: Path, disk: FailingDisk) -> list[str]:
    """Run on a failing disk, then on a sound one; return what is wrong."""
    world = World(folder)
    rows = _source(world)
    async with world.simulator("half_commit@2", "seed=4") as simulator:
        ended = await run_on(world, simulator, disk)
        status = ended.exit_status if isinstance(ended, ImporterError) else ended.status
        wrong = [] if status in {ExitStatus.OK, ExitStatus.LEDGER} else [f"status: {status.name} on a failing disk"]
        if disk.synced_after:
            wrong.append("sync: a failed sync was tried again")
        return wrong + await after_all(world, simulator, rows)


def _source(world: World) -> list[dict[str, str]]:
    rows = [{"hs_name": f"Campaign {n}", "hs_notes": f"Note {n % 7}"} for n in range(ROWS)]
    world.source(rows)
    return rows


async def failures(folder: Path, call: str, number: int, *, half: bool, every: int = 1) -> tuple[int, list[str]]:
    """Let the n-th call fail, n = 1, 2, 3 … until a run gets through clean; return how many, and what was wrong."""
    wrong: list[str] = []
    for at in range(1, 10_000, every):
        disk = FailingDisk(call, at, number, half=half)
        place = folder / f"{call}-{number}-{half}-{at}"
        place.mkdir()
        wrong += [f"{sentence} ({call} {at}, {errno.errorcode[number]})" for sentence in await one_failure(place, disk)]
        if not disk.struck:
            return (at - 1) // every, wrong
    raise AssertionError("unreachable")


async def one_loss(folder: Path, at: int, kind: str) -> tuple[bool, list[str]]:
    """Take the power away at call `at`; return whether it came to that, and what is wrong after the next run."""
    world, rng, disk = World(folder), Random(f"{at}/{kind}"), PowerDisk(at)
    rows = _source(world)
    async with world.simulator("504_after_commit@2", "seed=4") as simulator:
        await run_on(world, simulator, disk)
        if not disk.lost:
            return False, []
        disk.lose(LOSSES[kind], rng)
        if rng.random() < 0.3:
            shutil.rmtree(world.ledger / "index", ignore_errors=True)
        wrong = await after_all(world, simulator, rows)
        return True, [f"{sentence} (power lost at call {at}, {kind})" for sentence in wrong]


def kinds() -> Iterator[tuple[str, int, bool]]:
    """Yield what can fail, and how."""
    for call in CALLS:
        for number in NUMBERS:
            yield call, number, False
            if call == "write":
                yield call, number, True


async def everything(folder: Path, every: int) -> int:
    """Let everything fail; print the table; return the exit status."""
    counts, wrong = Counter[str](), list[str]()
    for call, number, half in kinds():
        count, found = await failures(folder, call, number, half=half, every=every)
        counts[f"{call}{' (half done)' * half} fails"] += count
        wrong += found
    for kind in LOSSES:
        for at in range(1, 10_000, every):
            place = folder / f"{kind}-{at}"
            place.mkdir()
            came, found = await one_loss(place, at, kind)
            wrong += found
            if not came:
                break
            counts[f"power lost: {kind}"] += 1
    for name, count in counts.items():
        print(f"{name:<32} {count:>7,}")  # noqa: T201 - its output
    print(f"{'violations':<32} {len(wrong):>7,}", *wrong[:20], sep="\n")  # noqa: T201 - its output
    return int(bool(wrong))


def main(argv: Sequence[str] | None = None) -> int:
    """Let everything fail; return the exit status."""
    parser = argparse.ArgumentParser(description="Whole imports on disks that fail.")
    parser.add_argument("--every", type=int, default=1, help="only each N-th call")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        return anyio.run(everything, Path(name), args.every)


if __name__ == "__main__":
    sys.exit(main())
