"""The engine that needs no service: child processes of this machine."""

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

import anyio.to_thread

from importer import platforms
from importer.fleet.child import run_of_fleet
from importer.fleet.fork_server import ForkServer
from importer.fleet.model import Ended, Fleet, Job

_FILES: Final = 200  #: that the driver has open beside those of imports
_FILES_EACH: Final = 4  #: what it says, what tells how it ended, what it is tied by, what stands for it


class LocalEngine:
    """Runs imports as child processes on this machine, forked where it can."""

    def __init__(self, fleet: Fleet, environment: Mapping[str, str]) -> None:
        """Have the slots of a fleet; each child is given `environment` without the tokens of other accounts."""
        self._fleet, self._environment = fleet, environment
        self._forks = ForkServer() if platforms.can_fork() else None
        self.slots = fleet.at_once

    async def run(self, job: Job) -> Ended:
        """Run one import; see `run_child`, but the fleet is that of the driver."""
        return await run_of_fleet(job, self._fleet, self._environment, self._forks)

    async def __aenter__(self) -> Self:
        """Make room for the files; the fork server is started for the first import, and takes the room over."""
        platforms.allow_files(_FILES + _FILES_EACH * self.slots)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the fork server."""
        if self._forks is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._forks.close)
