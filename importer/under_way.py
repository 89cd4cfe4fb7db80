"""How much work is under way, and how the reconciler gives work back to the workers."""

from collections.abc import Sequence
from contextlib import suppress

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream

from importer.batches import Work
from importer.model import State
from importer.reconcile import Resend
from importer.report.books import Tally
from importer.stopping import Stop, StoppedError


class Began:
    """How much work is under way: the stream of batches may end when the source is read and this is none."""

    def __init__(self) -> None:
        """Begin with nothing under way."""
        self._count = 0
        self._done: anyio.Event | None = None  # what those who wait for the next to be done share

    def add(self) -> None:
        """Count work which somebody now has to finish."""
        self._count += 1

    def done(self) -> None:
        """Count work that is finished."""
        self._count -= 1
        assert self._count >= 0
        if self._done is not None:
            self._done.set()
            self._done = None

    async def _next_done(self) -> None:
        self._done = self._done or anyio.Event()
        await self._done.wait()

    async def hand_over(self, send: MemoryObjectSendStream[Work], work: Work) -> None:
        """Give work to the workers as soon as the stream has room. Cancellation: it was not given.

        A cancelled `send` may have given it all the same: a worker can take it before the cancellation arrives.
        """
        while True:
            try:
                send.send_nowait(work)
            except anyio.WouldBlock:
                await self._next_done()  # a worker is done, and takes the next from the stream
            else:
                self.add()
                return

    async def none_left(self) -> None:
        """Wait until nothing is under way. Cancellation: nothing left behind."""
        while self._count:
            await self._next_done()


def resender(stop: Stop, tally: Tally, again: MemoryObjectSendStream[Work], began: Began, tasks: TaskGroup) -> Resend:
    """Return how the reconciler gives work back: it does not wait for the workers, who may be waiting for it."""

    async def hand_over(work: Work) -> None:
        left = len(work.batch.records)
        try:
            with suppress(StoppedError, anyio.ClosedResourceError), stop.interruptible():
                await began.hand_over(again, work)
                left = 0
        finally:
            began.done()
            tally.end(State.NOT_SENT, left)

    def resend(pieces: Sequence[Work]) -> None:
        for work in pieces:
            began.add()
            tasks.start_soon(hand_over, work)

    return resend
