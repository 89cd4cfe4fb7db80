"""The shell of a shared limit: gives out slots as `pacing.Pacer` does, but takes them in turns with other processes.

Turns are taken in a thread, one at a time, so the event loop never waits for a disk or a lock. What ends and who waits
meanwhile goes into the next turn together. While the store cannot be asked nothing is sent; if that lasts, the run
stops, to be gone on with.
"""

import secrets
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Final, Self

import anyio
import anyio.to_thread

from importer import platforms
from importer.errors import ImporterError, PausedError, UsageError
from importer.pacing import Pacer, RatePolicy, RollingWindow, Slot
from importer.sharing.turns import Store, StoreError, Turns
from importer.sharing.window import HEARTBEAT_S, Ended, Granted, Wish

_AGAIN_S: Final = 1.0  #: after a turn that could not be taken
_DRAIN_S: Final = 8.0  #: for those who wait to hear that the run stops, before they are told so by an error
_LEAVE_S: Final = 5.0  #: the last turn may take so long


class SharedSlot(Slot):
    """A slot that was taken in a turn."""

    def __init__(self, pacer: "SharedPacer", granted: Granted) -> None:
        self._shared, self._granted = pacer, granted
        self._open = True

    def answered(self, headers: Mapping[str, str], *, refused: bool = False) -> None:
        """Note that the answer is there; `refused` says that it is a 429."""
        assert self._open
        self._end({name: value for name, value in headers.items() if "ratelimit" in name}, refused=refused)

    def close(self) -> None:
        """Give the slot up; without an answer it counts as sent just now."""
        if self._open:
            self._end(None, refused=False)

    def give_back(self) -> None:
        """Give the slot to whoever waits, or back: nothing was sent."""
        self._open = False
        self._shared.unused(self._granted)

    def _end(self, headers: Mapping[str, str] | None, *, refused: bool) -> None:
        self._open = False
        granted = self._granted
        self._shared.ended(Ended(book=granted.book, since=granted.since, headers=headers, refused=refused))


class _Waiter:
    """Somebody who waits for a slot."""

    def __init__(self) -> None:
        self.heard = anyio.Event()
        self.slot: SharedSlot | None = None
        self.error: ImporterError | None = None


class SharedPacer(Pacer):
    """Gives out the slots of a limit that several processes share: `async with SharedPacer(...) as pacer`.

    Entering takes a first turn, and raises what the store says when that is not possible. Leaving gives back what is
    held; a process that is killed loses its slots when its lease is over.
    """

    def __init__(self, store: Store, policy: RatePolicy, *, outage_max_s: float) -> None:
        """Take turns at `store`; without an answer of it for `outage_max_s` the run is stopped."""
        super().__init__(RollingWindow(policy))
        self.failed: Callable[[ImporterError], None] = _nobody_hears  #: told when the run has to stop
        self._turns, self._outage_max_s = Turns(store, policy, host=platforms.boot_id()), outage_max_s
        self._me = secrets.token_hex(8)
        self._book: str | None = None
        self._held = 0
        self._waiting: deque[_Waiter] = deque()
        self._ended: list[Ended] = []
        self._unused = 0
        self._pause_s = 0.0
        self._changed = anyio.Event()
        self._error: ImporterError | None = None
        self._down_since: float | None = None
        self._down_why = ""
        self._granted: Granted
        self._stack: AsyncExitStack | None = None

    async def __aenter__(self) -> Self:
        """Take the first turn. Cancellation: nothing left behind."""
        try:
            await self._take_turn()
        except StoreError as error:
            raise self._turns.store.refusal(str(error)) from error
        async with AsyncExitStack() as stack:
            tasks = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(tasks.cancel_scope.cancel)
            tasks.start_soon(self._keep)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Hand over what is left and leave. Cancellation: waits for it, a few seconds at most."""
        assert self._stack is not None
        try:
            await self._stack.aclose()  # the caller's error stays out of it: a task group would wrap it in a group
        finally:
            with anyio.move_on_after(_LEAVE_S, shield=True), suppress(StoreError, UsageError):  # else the lease does it
                await anyio.to_thread.run_sync(self._turns.take, self._wish(leaving=True), abandon_on_cancel=True)
                await anyio.to_thread.run_sync(self._turns.store.close, abandon_on_cancel=True)

    # What senders ask

    async def take(self) -> Slot:
        """Wait for a slot, which the caller closes. A cancelled waiter leaves nothing.

        Raises `PausedError` when the store could not be asked for so long that the run is stopped.
        """
        if self._error is not None:
            raise self._error
        waiter = _Waiter()
        self._waiting.append(waiter)
        self.wake()
        try:
            await waiter.heard.wait()
        except BaseException:
            if waiter.slot is not None:
                waiter.slot.give_back()
            elif waiter in self._waiting:
                self._waiting.remove(waiter)
            raise
        if waiter.error is not None:
            raise waiter.error
        assert waiter.slot is not None
        return waiter.slot

    def take_nowait(self) -> Slot | None:
        """Return None: every slot is waited for, if only for one turn."""
        return None

    def pause(self, seconds: float) -> None:
        """Let nobody send for `seconds`, in whatever process."""
        self._pause_s = max(self._pause_s, seconds)
        self.wake()

    def wake(self) -> None:
        """Take a turn soon."""
        self._changed.set()

    @property
    def permitted_per_s(self) -> float:
        """Requests a second that all processes together may use in the long run."""
        return self._granted.permitted_per_s

    @property
    def idle_reason(self) -> str | None:
        """Why somebody waits just now, for people; None when nobody does."""
        if not self._waiting:
            return None
        if self._down_since is not None:
            return f"{self._turns.store.name} cannot be asked: {self._down_why}"
        return f"{self._granted.reason}, shared with other processes"

    # What slots tell

    def ended(self, end: Ended) -> None:
        """Note the end of a request, for the next turn."""
        self._ended.append(end)
        self.wake()

    def unused(self, granted: Granted) -> None:
        """Give a slot whose request was not sent to whoever waits longest, or back."""
        if self._waiting:
            self._give(SharedSlot(self, granted))
        else:
            self._unused += 1
            self.wake()

    # Turns

    async def _keep(self) -> None:
        """Take turns for as long as the run lasts. Cancellation: a turn under way is finished."""
        while self._error is None:
            self._changed = anyio.Event()  # what changes from now on is for the turn after this one
            try:
                wait_s = await self._take_turn()
            except StoreError as error:
                await self._bear(str(error))
                continue
            except UsageError as error:
                await self._fail(error)
                return
            with anyio.move_on_after(wait_s):
                await self._changed.wait()

    def _wish(self, *, leaving: bool = False) -> Wish:
        return Wish(
            me=self._me, book=self._book, held=self._held, ended=tuple(self._ended), returned=self._unused,
            pause_s=self._pause_s, wanted=0 if leaving else len(self._waiting), leaving=leaving,
        )  # fmt: skip

    async def _take_turn(self) -> float | None:
        """Take one turn and give out what it granted; return when the next is due (None: when something changes)."""
        wish = self._wish()
        granted = await anyio.to_thread.run_sync(self._turns.take, wish)
        del self._ended[: len(wish.ended)]
        self._unused -= wish.returned
        self._pause_s = self._pause_s if self._pause_s > wish.pause_s else 0.0
        self._book, self._held, self._granted, self._down_since = granted.book, granted.held, granted, None
        for _ in range(granted.slots):
            self.unused(granted)  # who waited may have left
        if wish.ended and self.told is not None:
            self.told(granted.daily_remaining, granted.daily_limit)
        if self._waiting:
            return granted.wait_s
        return HEARTBEAT_S if self._held else None

    def _give(self, slot: SharedSlot) -> None:
        waiter = self._waiting.popleft()
        waiter.slot = slot
        waiter.heard.set()

    async def _bear(self, why: str) -> None:
        """Wait before a turn is tried again, or let the run stop. Cancellation: nothing left behind."""
        now = anyio.current_time()
        self._down_since, self._down_why = now if self._down_since is None else self._down_since, why
        if now - self._down_since < self._outage_max_s:
            await anyio.sleep(_AGAIN_S)
            return
        await self._fail(PausedError(
            f"{self._turns.store.name} could not be asked for {self._outage_max_s:.0f} s: {why}",
            hint="Nothing more was sent. Mend it, then run the same command again to go on.",
        ))  # fmt: skip

    async def _fail(self, error: ImporterError) -> None:
        """Ask for a stop; who does not hear of it while the run drains gets the error. Cancellation: as it stands."""
        self.failed(error)
        await anyio.sleep(_DRAIN_S)
        self._error = error
        while self._waiting:
            waiter = self._waiting.popleft()
            waiter.error = error
            waiter.heard.set()


def _nobody_hears(_error: ImporterError) -> None:
    """Know of nobody who could stop."""
