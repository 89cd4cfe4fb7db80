"""The driver: places imports on an engine until nothing is left of the round."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import anyio
import anyio.abc

from importer.errors import ExitStatus
from importer.fleet.engine import Engine
from importer.fleet.model import Ended, Import, Job
from importer.fleet.schedule import Schedule
from importer.fleet.standing import COMPLETE, Standing, State
from importer.report.books import exit_status
from importer.stopping import Stop

Changed = Callable[[float, Mapping[str, Standing]], Awaitable[None]]


class Wall(Protocol):
    """The wall clock."""

    def __call__(self) -> float:
        """Return epoch seconds."""
        ...


@dataclass(slots=True, kw_only=True)
class Driver:
    """One round at work."""

    engine: Engine
    schedule: Schedule
    fleet_file: str  #: absolute path, the same on every host
    version: str
    wall: Wall
    changed: Changed  #: is told of every change, in order; the round waits for it
    stop: Stop
    _woken: anyio.Event = field(default_factory=anyio.Event)
    _telling: anyio.Lock = field(default_factory=anyio.Lock)

    async def run(self) -> None:
        """Run the round until it is over, or until `stop` is asked; then what is at work is stopped, resumable.

        Cancellation does the same. What was done stands in the ledgers.
        """
        async with anyio.create_task_group() as imports:
            imports.start_soon(self._drain, imports.cancel_scope)
            while not self.schedule.over:
                self._woken = anyio.Event()
                await self._begin(imports)
                due = self.schedule.due()
                wait_s = max(due - self.wall(), 0.0) if due is not None else float("inf")
                with anyio.move_on_after(wait_s):
                    await self._woken.wait()
            imports.cancel_scope.cancel()

    async def _drain(self, scope: anyio.CancelScope) -> None:
        await self.stop.wait()
        scope.cancel()

    async def _begin(self, imports: anyio.abc.TaskGroup) -> None:
        """Begin as many imports as there are slots and accounts for."""
        while self.schedule.running < self.engine.slots:
            now = self.wall()
            name = self.schedule.begin(now)
            if name is None:
                return
            imports.start_soon(self._place, name)
            await self._tell(now, {name: self.schedule.standings[name]})

    async def _place(self, name: str) -> None:
        """Run one import on the engine and take its end. Cancellation: the import is stopped and stays as it was."""
        ended = await self.engine.run(Job(fleet_file=self.fleet_file, import_name=name, version=self.version))
        await self._end(name, ended)

    async def _end(self, name: str, ended: Ended) -> None:
        now = self.wall()
        changed = self.schedule.end(name, ended, now)
        await self._tell(now, changed)
        self._woken.set()

    async def _tell(self, now: float, changed: Mapping[str, Standing]) -> None:
        """Tell of changes one after the other: the lines of one import stay in their order."""
        async with self._telling:
            await self.changed(now, changed)


def chosen(imports: Sequence[Import], only: str | None) -> tuple[Import, ...]:
    """Return the import that `only` names, by its name or its 0-based place in the file; all of them for None.

    Raises:
        KeyError: there is no such import.
    """
    if only is None:
        return tuple(imports)
    named = [one for one in imports if one.name == only]
    if named:
        return tuple(named)
    if only.isascii() and only.isdigit() and int(only) < len(imports):
        return (imports[int(only)],)
    raise KeyError(only)


def status_of(standings: Mapping[str, Standing]) -> ExitStatus:
    """Return the status of a round: the gravest of its imports', and 7 for those that the same command goes on with."""
    return exit_status(*(_status(one) for one in standings.values()))


def _status(one: Standing) -> ExitStatus:
    if one.state in COMPLETE.values():
        return next(ExitStatus(status) for status, state in COMPLETE.items() if state is one.state)
    if one.state is State.FAILED and one.status is not None:
        return ExitStatus(one.status) if one.status in set(ExitStatus) else ExitStatus.INTERNAL
    return ExitStatus.ACCESS if one.state is State.BLOCKED else ExitStatus.PAUSED
