"""The engine that needs no service: child processes of the driver."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from importer.fleet.child import run_child
from importer.fleet.model import Ended, Job


class LocalEngine:
    """Runs imports as child processes on this machine."""

    def __init__(self, at_once: int, environment: Mapping[str, str]) -> None:
        """Have so many slots; each child is given `environment` without the tokens of other accounts."""
        self._environment = environment
        self.slots = at_once

    async def run(self, job: Job) -> Ended:
        """Run one import; see `run_child`."""
        return await run_child(job, self._environment)

    async def __aenter__(self) -> Self:
        """Nothing has to be made ready."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is held."""
