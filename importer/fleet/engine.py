"""What an engine is: it runs one import to its end, somewhere. This module is pure."""

from types import TracebackType
from typing import Protocol, Self

from importer.fleet.model import Ended, Job


class Engine(Protocol):
    """Where imports run."""

    @property
    def slots(self) -> int:
        """How many imports may be at work at once."""
        ...

    async def run(self, job: Job) -> Ended:
        """Run one import to its end; a loss is told as a value.

        A cancellation stops the import's process and waits until it is gone: what it sent is in its ledger.

        Raises:
            ImporterError: the engine itself is gone, and no import can be placed any more.
        """
        ...

    async def __aenter__(self) -> Self:
        """Make ready to run imports; raises `ImporterError` where that cannot be."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go of what was held for imports; none is at work any more."""
        ...
