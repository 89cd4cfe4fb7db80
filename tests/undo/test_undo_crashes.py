"""Undo dies at any call of the disk or the network: the same undo, run again, ends as if nothing had been.

A disk that dies at its n-th call (before, in the half of, or after it) refuses every later one, and with it dies the
network: what the process goes on to do leaves no trace, as after a kill. Requests that were on their way may land
later, so whoever believes too soon that a campaign stands is found out.
"""

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from importer.errors import ExitStatus
from importer.hubspot.exchange import Exchange, NoReply, NoReplyKind
from importer.hubspot.transport import HubSpotTransport
from importer.inspecting import verify
from importer.ledger.disk import OsDisk
from importer.simulator.server import Simulator
from importer.undone import Wish
from tests.undo.conftest import LATEST, Undos, edit, fates, standing

COUNT = 60
Ends = tuple[
    int | str, str
]  #: number of a call, or the name of the first such call; before, in the half of or after it
PHASES = ("before", "half", "after")


class Life:
    """Ends at a call; None lives on and counts."""

    def __init__(self, ends: Ends | None) -> None:
        self.ends, self.calls, self.over = ends, list[str](), False

    def call(self, name: str, whole: Callable[[], Any], half: Callable[[], Any] | None = None) -> Any:
        """Do a call of the disk, as far as this life lasts."""
        self.die_if_over()
        self.calls.append(name)
        if self.ends is None or not self.ends_at(name):
            return whole()
        if self.ends[1] == "after":
            whole()
        elif self.ends[1] == "half" and half is not None:
            half()
        self.over = True
        raise OSError(errno.EIO, "dead")

    def ends_at(self, name: str) -> bool:
        """Whether the life ends at the call that was just counted."""
        return self.ends is not None and self.ends[0] in {len(self.calls), name}

    def die_if_over(self) -> None:
        """Refuse whatever comes after the end."""
        if self.over:
            raise OSError(errno.EIO, "dead")


class DyingDisk(OsDisk):
    """The real disk, until its life ends."""

    def __init__(self, life: Life) -> None:
        self._life, self._names = life, dict[int, str]()

    def open_append(self, path: Path) -> int:
        """Open."""
        fd: int = self._life.call(f"open {path.name}", lambda: super(DyingDisk, self).open_append(path))
        self._names[fd] = path.name
        return fd

    def write(self, fd: int, data: bytes) -> int:
        """Write; in the half of it, half of the data is there."""
        written: int = self._life.call(
            f"write {self._names.get(fd)}", lambda: os.write(fd, data), lambda: os.write(fd, data[: len(data) // 2])
        )
        return written

    def sync(self, fd: int) -> None:
        """Sync."""
        self._life.call(f"sync {self._names.get(fd)}", lambda: super(DyingDisk, self).sync(fd))

    def truncate(self, fd: int, size: int) -> None:
        """Cut."""
        self._life.call("truncate", lambda: super(DyingDisk, self).truncate(fd, size))

    def sync_folder(self, path: Path) -> None:
        """Sync the folder."""
        self._life.call("sync folder", lambda: super(DyingDisk, self).sync_folder(path))

    def close(self, fd: int) -> None:
        """Close, dead or alive: the system does."""
        super().close(fd)
        self._life.die_if_over()


class DyingTransport(HubSpotTransport):
    """The real transport, until the life ends; requests count as its calls."""

    life: Life

    async def exchange(self, method: str, path: str, **more: Any) -> Exchange:
        """Send, unless dead; dying after it, the answer is lost."""
        gone = NoReply(kind=NoReplyKind.DISCONNECTED, detail="dead", on_wire=False, sent_at=None,
                       ended_at=anyio.current_time())  # fmt: skip
        if self.life.over:
            return gone
        name = path.rsplit("/", 1)[-1]
        self.life.calls.append(name)
        ending = self.life.ends_at(name)
        if ending and self.life.ends is not None and self.life.ends[1] == "before":
            self.life.over = True
            return gone
        reply = await super().exchange(method, path, **more)
        self.life.over |= ending  # the disk may have died meanwhile
        return gone if ending else reply


async def lived(world: Undos, simulator: Simulator, ends: Ends | None, wish: Wish = LATEST) -> Life:
    """Undo with a life that ends there; return it."""
    life = Life(ends)

    def wrap(real: HubSpotTransport) -> HubSpotTransport:
        made = DyingTransport(real._token, real._policy)
        made.life = life
        real.aclose = made.aclose  # type: ignore[method-assign] # whoever made the real one closes this one
        return made

    try:
        await world.undo(simulator, wish, disk=DyingDisk(life), wrap=wrap, workers=1)
    except Exception:
        if not life.over:
            raise
    return life


def fresh(folder: Path, name: str) -> Path:
    """Make a folder in a folder."""
    made = folder / name
    made.mkdir()
    return made


async def survived(tmp_path: Path, ends: Ends | None, *switches: str) -> Sequence[str]:
    """Import, undo with a life that ends there, undo again, import again; return the calls that were lived through."""
    world = Undos(tmp_path)
    async with world.simulator(*switches) as simulator:
        await world.run(simulator, world.campaigns(COUNT))
        kept = world.ids()["Campaign 7"]
        await edit(simulator, kept, hs_notes="mine now")
        simulator.add_foreign({"hs_name": "Campaign 9", "hs_notes": "Note 2"})
        life = await lived(world, simulator, ends)
        if ends is not None and not life.over:  # lines of the journal may share a write, so there are fewer calls
            assert isinstance(ends[0], int), "the call was not reached"
            assert len(life.calls) < ends[0]
            return life.calls

        done = await world.undo(simulator, workers=1)
        assert (done.status, done.books.made) == (ExitStatus.SOME_FAILED, COUNT), (ends, life.calls[-1], done)
        assert standing(simulator) == {"Campaign 7": 1}, (ends, life.calls[-1])
        assert verify(world.ledger) == [], (ends, life.calls[-1])
        again = await world.run(simulator, world.campaigns(COUNT))
        assert (again.books.created, again.books.skipped) == (COUNT - 1, 1), (ends, life.calls[-1])
        assert set(standing(simulator).values()) == {1}
        assert verify(world.ledger) == []
        assert [one for one in simulator.truth if one.foreign and one.archived] == []
    return life.calls


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
async def test_undo_dies_at_each_call(tmp_path: Path, part: int) -> None:
    """At each opening, write, sync and request; in four parts, so that they may run side by side."""
    calls = await survived(fresh(tmp_path, "whole"), None)
    assert calls.count("archive") >= 2
    assert calls.count("write journal.jsonl") >= 4
    for number, name in list(enumerate(calls, 1))[part::4]:
        await dying(tmp_path, number, name)


@pytest.mark.parametrize("weather", ["archive/late_commit:1:0.1", "archive/no_effect@1"])
async def test_undo_dies_at_each_line_of_the_journal(tmp_path: Path, weather: str) -> None:
    """Before, in the half of and after each line, and around each request; these land late, or one has no effect."""
    calls = await survived(fresh(tmp_path, "whole"), None, weather)
    for number, name in enumerate(calls, 1):
        if name in {"write journal.jsonl", "archive"}:
            await dying(tmp_path, number, name, weather)


async def dying(tmp_path: Path, number: int, name: str, *switches: str) -> None:
    """Let an undo die at that call, in each of the ways in which one can."""
    for phase in PHASES if name.startswith("write") else ("before", "after"):
        await survived(fresh(tmp_path, f"{number}-{phase}"), (number, phase), *switches)


async def test_a_late_request_of_a_dead_undo_is_waited_for(world: Undos) -> None:
    """What stands right after the death may yet go: who believed it to stand would skip what is gone."""
    async with world.simulator("archive/late_commit@1:0.25") as simulator:
        await world.run(simulator, world.campaigns(50))
        await world.run(simulator, world.campaigns(60))
        died = await lived(world, simulator, ("archive", "after"), Wish((1, 1)))
        assert died.over
        done = await world.undo(simulator, Wish((2, 2)))
        assert fates(done) == {"archived": 10}
        while standing(simulator):  # what was on its way lands
            await anyio.lowlevel.checkpoint()
        again = await world.run(simulator, world.campaigns(60))
        assert again.books.created == 60
