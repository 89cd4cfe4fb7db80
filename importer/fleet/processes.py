"""The process of an import, as whoever began it holds it: begun by itself, or forked by a fork server.

Both are tied to this process by their standard input, whose other end is here and ends with this process.
"""

import os
import select
import signal
import subprocess
from contextlib import suppress
from typing import Final, Protocol

import anyio
import anyio.abc
import anyio.to_thread

from importer.fleet.forking import NUMBER

_TELL_S: Final = 30.0  #: for a server to tell how a child has ended; it does so at once, unless it was stopped


class Process(Protocol):
    """A process of an import."""

    @property
    def number(self) -> int:
        """Its number in the system."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        ...

    async def wait(self) -> int | None:
        """Return its status, negative for a signal; None where nobody knows it any more, and it may be alive.

        Cancellation: it runs on.
        """
        ...

    async def gone(self) -> None:
        """Return when it has ended. Cancellation: it runs on."""
        ...

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing where it has ended."""
        ...

    async def aclose(self) -> None:
        """Let go of it: where it is still alive, it stops by itself."""
        ...


class Executed:
    """A process of a program of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        """Hold a process whose standard input is a pipe from here."""
        self._process = process

    @property
    def number(self) -> int:
        """Its number in the system."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    async def wait(self) -> int | None:
        """Return its status, negative for a signal. Cancellation: it runs on."""
        await self.gone()
        return self._process.returncode

    async def gone(self) -> None:
        """Return when it has ended. Cancellation: it runs on, and nobody waits any more."""
        await anyio.to_thread.run_sync(self._process.wait, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1))

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def aclose(self) -> None:
        """Let go of it."""
        assert self._process.stdin is not None, "its standard input is a pipe"
        with suppress(OSError):
            self._process.stdin.close()


class Forked:
    """A child of a fork server. Its descriptor stands for it and for no other, also when its number is used again."""

    def __init__(self, number: int, watched: int, tie: int, server: anyio.abc.UNIXSocketStream) -> None:
        """Hold a child by its descriptor `watched`; `tie` is its standard input, `server` tells how it ended."""
        self.number = number
        self._watched, self._tie, self._server = watched, tie, server

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        looking = select.poll()
        looking.register(self._watched, select.POLLIN)
        return not looking.poll(0)

    async def wait(self) -> int | None:
        """Return its status, negative for a signal. Cancellation: it runs on.

        None where the server was lost, or says nothing for half a minute after the child has ended.
        """
        status: int | None = None
        async with anyio.create_task_group() as both:

            async def hear() -> None:
                nonlocal status
                status = await self._told()
                both.cancel_scope.cancel()

            both.start_soon(hear)
            await self.gone()
            await anyio.sleep(_TELL_S)
            both.cancel_scope.cancel()
        return status

    async def _told(self) -> int | None:
        """Return the status that the server tells; None where it is lost. Cancellation: the child runs on."""
        told = b""
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while len(told) < NUMBER.size:
                told += await self._server.receive(NUMBER.size - len(told))
            return int(NUMBER.unpack(told)[0])
        return None

    async def gone(self) -> None:
        """Return when it has ended. Cancellation: it runs on."""
        await anyio.wait_readable(self._watched)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing where it has ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._watched, number)

    async def aclose(self) -> None:
        """Let go of it: where it is still alive, it stops by itself."""
        os.close(self._watched)
        os.close(self._tie)
        await self._server.aclose()
