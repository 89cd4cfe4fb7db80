"""Disks that fail, fill up, forget and are fought over: nothing lost, nothing twice, a sentence and a status."""

import errno
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from importer.errors import ExitStatus, ImporterError
from tests import warm
from tests.disks.bit_flips import damaged, harmless, journal, outcome_of, unnoticed_bits
from tests.disks.disks import CALLS, LOSSES, FailingDisk, ShortDisk
from tests.disks.failing_disks import one_failure, one_loss, run_on
from tests.kills.grounds import ENVIRONMENT, Import, inputs, simulated, truth
from tests.pipeline.conftest import World, made


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("at", "number"), [(1, errno.ENOSPC), (4, errno.EIO), (9, errno.ENOSPC)])
async def test_a_call_fails(tmp_path: Path, call: str, at: int, number: int) -> None:
    """The n-th call fails: the run ends with the ledger's status or well, and the next one makes the rest, once."""
    assert await one_failure(tmp_path, FailingDisk(call, at, number, half=at == 9)) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("at", [3, 14, 22])
async def test_the_power_goes(tmp_path: Path, at: int, kind: str) -> None:
    """Whatever of the unsynced bytes is left after a power loss: the next run makes what is missing, once."""
    lost, wrong = await one_loss(tmp_path, at, kind)
    assert lost
    assert wrong == []


class ForgetfulDisk(FailingDisk):
    """A disk that says it has synced and has not, for the check of the check."""

    def sync(self, fd: int) -> None:
        """Pretend, and fail at the second call again and again."""
        self._failed.add(fd)
        super().sync(fd)


async def test_a_sync_that_is_tried_again_is_seen(tmp_path: Path) -> None:
    """The disk of these tests tells when a failed sync is tried again."""
    assert "sync: a failed sync was tried again" in await one_failure(tmp_path, ForgetfulDisk("write", 99, errno.EIO))


async def test_a_disk_that_takes_little_at_once(tmp_path: Path) -> None:
    """Short writes are gone on with."""
    world = World(tmp_path)
    world.campaigns(130)
    async with world.simulator() as simulator:
        done = await run_on(world, simulator, ShortDisk(11))
        assert made(simulator) == {f"Campaign {n}": 1 for n in range(130)}
    assert not isinstance(done, ImporterError)
    assert done.status is ExitStatus.OK


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """Mount a small file system in memory, where that is permitted."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting needs root")
def test_a_real_disk_fills_up(tmp_path: Path) -> None:
    """A full disk ends the run with 5 and a sentence; with room again the same command makes the rest, once."""
    rows = inputs("full", 6_000, twins=False)
    with small_disk(tmp_path / "disk", "size=2m") as disk, simulated("seed=1") as base_url:
        work = Import(folder=tmp_path, form="csv", base_url=base_url, rows=rows, ledger_in=disk)
        work.write()
        said = (run := work.start()).communicate(timeout=60)[1].decode()
        assert run.returncode == 5, said
        assert "full" in said or "space" in said
        assert "Traceback" not in said
        assert 0 < len(truth(base_url, "full")) < len(rows)
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        said = (run := work.start()).communicate(timeout=60)[1].decode()
        assert run.returncode == 0, said
        names = Counter(one["properties"]["hs_name"] for one in truth(base_url, "full"))
    assert set(names.values()) == {1}
    assert len(names) == len(rows)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting needs root")
def test_a_read_only_disk_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    """A ledger that cannot be written ends the run with 5, and nothing was made."""
    with small_disk(tmp_path / "disk", "size=1m") as disk, simulated("seed=1") as base_url:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        rows = inputs("closed", 60, twins=False)
        work = Import(folder=tmp_path, form="csv", base_url=base_url, rows=rows, ledger_in=disk)
        work.write()
        said = (run := work.start()).communicate(timeout=60)[1].decode()
        assert run.returncode == 5, said
        assert truth(base_url, "closed") == []


#: Loads the importer, then becomes many processes that all begin within a moment, and prints their exit statuses.
MANY = """
import os, sys
from importer.cli import commands, entering, session
children = []
for _ in range(int(sys.argv.pop(1))):
    child = os.fork()
    if not child:
        entering.main()
    children.append(child)
print(*(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


def at_once(count: int, words: Sequence[str]) -> list[int]:
    """Run the command line in so many processes at once; return their exit statuses."""
    line = [sys.executable, "-c", MANY, str(count), *words]
    done = warm.run(
        line, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=120, text=True, check=True
    )
    return [int(status) for status in done.stdout.splitlines()[-1].split()]


@pytest.mark.slow
@pytest.mark.posix("there is no fork there")
def test_twenty_at_once(tmp_path: Path) -> None:
    """Of twenty processes that start on one ledger at once each campaign comes once; who comes second ends with 10."""
    rows = inputs("once", 1_000, twins=False)
    with simulated("seed=1", "latency=fixed:0.2") as base_url:
        work = Import(folder=tmp_path, form="csv", base_url=base_url, rows=rows, workers=2)
        work.write()
        statuses = Counter(at_once(20, work.command()))
        names = Counter(one["properties"]["hs_name"] for one in truth(base_url, "once"))
    assert set(statuses) == {0, 10}
    assert statuses[10] >= 10
    assert set(names.values()) == {1}
    assert len(names) == len(rows)
    verified = warm.run([sys.executable, "-m", "importer", "verify", str(work.ledger)], check=False, env=ENVIRONMENT)
    assert verified.returncode == 0


def test_flipped_bits_and_lost_lines_are_noticed(tmp_path: Path) -> None:
    """Every bit of a journal, every length, every line: damage is noticed, or costs only the end."""
    sound = journal(12)
    assert list(unnoticed_bits(sound)) == []
    came_to = Counter[tuple[str, str]]()
    for kind, data in damaged(sound, random.Random(1)):
        came_to[kind, outcome_of(tmp_path, data, sound)] += 1
    assert [one for one in came_to if not harmless(*one)] == []
    assert came_to["cut", "prefix, torn tail"] > 1_000


def test_unnoticed_damage_would_be_seen(tmp_path: Path) -> None:
    """The check itself sees a journal that was read as something else than was written."""
    sound = journal(6)
    other = journal(8)[:5] + sound[5:]
    assert outcome_of(tmp_path, b"".join(other), [*sound[:2], b"{}\n", *sound[3:]]) == "wrong"
