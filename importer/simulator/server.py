"""Starting and stopping the simulator: inside another program's event loop, or as a process of its own."""

import ipaddress
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio
import anyio.to_thread
from aiohttp import web
from anyio.abc import TaskGroup

from importer import platforms
from importer.errors import UsageError
from importer.simulator.account import Account
from importer.simulator.app import Wire
from importer.simulator.clock import Clock
from importer.simulator.desk import Log, Seen
from importer.simulator.policy import SimulatorPolicy
from importer.simulator.portals import Portal, Portals
from importer.simulator.state import State
from importer.simulator.store import Store

_SHUTDOWN_S = 1.0  # for requests that are under way when the simulator stops


class Simulator:
    """A HubSpot look-alike on a loopback port: `async with Simulator(policy) as sim: ... sim.base_url`.

    `port` 0 takes a free one. `state` is a folder from which it goes on and in which it keeps what it makes. After
    the end `truth`, `requests` and `stats` can still be read. What was put off (`late_commit`) is done at the stop.
    Raises `UsageError` for another host than a loopback one or for a port in use, `LedgerError` for a damaged state.
    Asyncio only, because aiohttp is.
    """

    base_url: str  #: `http://127.0.0.1:PORT`, once started

    def __init__(
        self,
        policy: SimulatorPolicy | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        state: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        if state is not None and policy is not None and policy.accounts is not None:
            raise UsageError("many accounts live in memory only", hint="Leave out the state, or the accounts.")
        if not _is_loopback(host):
            raise UsageError(f"the simulator listens on loopback addresses only, not on {host!r}")
        self.policy = policy or SimulatorPolicy()
        self._host, self._port, self._folder = host, port, state
        self._clock = clock or Clock()
        self._stack: AsyncExitStack | None = None
        self._account: Account
        self._log: Log
        self._portals: Portals
        self._wire: Wire

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            sock = _bound(self._host, self._port)
            stack.callback(sock.close)
            await anyio.to_thread.run_sync(self._open, stack)
            tasks = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(tasks.cancel_scope.cancel)
            later = _Later(tasks, self._clock)
            stack.callback(later.flush)
            await self._listen(stack, sock, later)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._stack is not None
        await self._stack.aclose()  # the caller's error stays out of it: a task group would wrap it in a group

    def _open(self, stack: AsyncExitStack) -> None:
        state = State(self._folder) if self._folder else None
        if state:
            stack.callback(state.close)
        self._account = Account(self.policy, self._clock, state)
        self._log = Log(state, self._account.store.last_request)

    async def _listen(self, stack: AsyncExitStack, sock: socket.socket, later: "_Later") -> None:
        host, port = sock.getsockname()[:2]
        self.base_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._portals = Portals(self._account, self._log, self._clock, base_url=self.base_url, later=later.put)
        closing = anyio.Event()
        self._wire = Wire(self._portals, self._clock, closing)
        runner = web.AppRunner(self._wire.app(), access_log=None, shutdown_timeout=_SHUTDOWN_S)
        stack.push_async_callback(_shut, runner)
        stack.callback(closing.set)
        await runner.setup()
        await web.SockSite(runner, sock, backlog=1024).start()

    @property
    def truth(self) -> Store:
        """Every campaign made, by whomever: a sequence of `Campaign`."""
        return self._account.store

    @property
    def requests(self) -> list[Seen]:
        """The request log, in the order of arrival."""
        return list(self._log)

    def stats(self) -> dict[str, Any]:
        """Return counts, ready for JSON: requests, creates, campaigns, throttled, statuses, faults and more."""
        return self._wire.stats()

    def portal(self, token: str) -> Portal | None:
        """Return the account of `token` with its truth, its request log and its counts; None before its first use."""
        return self._portals.named(token)

    def add_foreign(self, properties: Mapping[str, str]) -> str:
        """Let somebody else make a campaign; return its id."""
        return self.truth.ids[self._account.make([properties], request=0, foreign=True)[0]]


class _Later:
    """What was put off: done when its time has come, or at the stop."""

    def __init__(self, tasks: TaskGroup, clock: Clock) -> None:
        self._tasks, self._clock = tasks, clock
        self._waiting: dict[int, Callable[[], object]] = {}
        self._count = 0

    def put(self, seconds: float, action: Callable[[], object]) -> None:
        """Do `action` in `seconds`."""
        self._count += 1
        self._waiting[self._count] = action
        self._tasks.start_soon(self._wait, self._count, seconds)

    async def _wait(self, key: int, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._do(key)

    def _do(self, key: int) -> None:
        action = self._waiting.pop(key, None)
        if action:
            action()

    def flush(self) -> None:
        """Do now all that still waits."""
        for key in list(self._waiting):
            self._do(key)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket bound to a loopback address; what `localhost` means is checked again."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    if not _is_loopback(str(address[0])):
        raise UsageError(f"{host!r} is not a loopback address here")
    sock = socket.socket(family, kind)
    try:
        platforms.may_bind_again(sock)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise UsageError(f"cannot listen on {host}, port {port}: {error.strerror}") from error
    return sock


async def _shut(runner: web.AppRunner) -> None:
    with anyio.CancelScope(shield=True):
        await runner.cleanup()


def serve(
    policy: SimulatorPolicy,
    host: str = "127.0.0.1",
    port: int = 0,
    ready: Callable[[str], None] = lambda _: None,
    state: Path | None = None,
) -> None:
    """Run a simulator until SIGINT or SIGTERM; `ready` is called with its base URL once it listens.

    Raises what `Simulator` raises.
    """
    anyio.run(_serve, Simulator(policy, host=host, port=port, state=state), ready)


async def _serve(simulator: Simulator, ready: Callable[[str], None]) -> None:
    with platforms.signals_received(*platforms.stop_signals()) as signals:
        async with simulator:
            ready(simulator.base_url)
            async for _ in signals:
                break
