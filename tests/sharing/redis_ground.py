"""Redis for tests: a real server of its own for each, and a fake one in simulated time that can die and forget."""

import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from importer.errors import ImporterError
from importer.sharing.limit_redis import BEGIN, END, LimitRedis
from importer.sharing.redis_address import RedisAddress, parse_address
from importer.sharing.turns import Act
from tests.sharing.shared_world import MemoryStore

PROGRAM: Final = shutil.which("redis-server")
SKIP: Final = "redis-server is not installed here"
PASSWORD: Final = "canary/in:the@address"


@dataclass(slots=True)
class RedisServer:
    """A real server on loopback; what it saves lies in its folder."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def url(self, account: str = "acme") -> str:
        """Return the address of a limit there, credentials included."""
        return self.address(account).full()

    def address(self, account: str = "acme") -> RedisAddress:
        """Return the same, parsed."""
        plain = parse_address(f"redis://127.0.0.1:{self.port}/0/{account}", "the test")
        return RedisAddress(
            host=plain.host, port=plain.port, db=0, account=account, tls=False, user=None, password=PASSWORD
        )

    def start(self) -> None:
        """Start it, and return once it answers."""
        assert PROGRAM is not None
        command = [PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "",
                   "--requirepass", PASSWORD, "--loglevel", "warning"]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while True:
            assert self.process.poll() is None
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)  # there is nothing to wait on: it listens, or it does not yet

    def kill(self) -> None:
        """Let it die at once."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@contextmanager
def served(folder: Path) -> Iterator[RedisServer]:
    """Serve for the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = RedisServer(folder, free.getsockname()[1])
    server.start()
    try:
        yield server
    finally:
        server.kill()


@dataclass(slots=True)
class FakeRedis:
    """What the two scripts see of a server: keys, a clock, an identity; in simulated time."""

    now: Callable[[], float]  #: seconds, its own clock
    state: bytes | None = None
    turn: tuple[str, float] | None = None  #: whose it is, and until when
    run_id: bytes = b"a0"
    away: bool = False
    loses_answers: int = 0  #: so many scripts are run, and their answers never arrive
    earlier: list[bytes | None] = field(default_factory=lambda: [None])  #: the states before, for one who restarts

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        """Run one of the two scripts."""
        if self.away:
            raise ConnectionRefusedError("Connection refused")
        args = keys_and_args[numkeys:]
        assert script in {BEGIN, END}
        answer = self._begin(*args) if script == BEGIN else self._end(*args)
        if self.loses_answers:
            self.loses_answers -= 1
            raise ConnectionResetError("Connection reset by peer")
        return answer

    def _begin(self, name: str, length_ms: int) -> Any:
        if self.turn is not None and self.now() < self.turn[1]:
            return None
        self.turn = name, self.now() + length_ms / 1000
        seconds, part = divmod(self.now(), 1)
        return [self.state, [b"%d" % seconds, b"%d" % (part * 1e6)], self.run_id]

    def _end(self, name: str, state: bytes) -> int:
        if self.turn is None or self.turn[0] != name or self.now() >= self.turn[1]:
            return 0
        self.earlier.append(self.state)
        self.state, self.turn = state, None
        return 1

    def close(self) -> None:
        """A connection costs nothing here."""

    def restart(self, forgotten: int) -> None:
        """Become another process, with the state of so many turns ago."""
        self.state = self.earlier[-forgotten] if forgotten and forgotten <= len(self.earlier) else None
        self.turn, self.run_id = None, secrets.token_hex(8).encode()


@dataclass(slots=True)
class FakeRedisStore(MemoryStore):
    """The limit in a fake Redis, for a world in simulated time; its clock is the server's, whoever asks."""

    forgets: bool = True
    clock: Callable[[], float] = lambda: 0.0
    server: FakeRedis = field(init=False)
    limit: LimitRedis = field(init=False)

    def __post_init__(self) -> None:
        """Start the server."""
        address = parse_address("redis://redis/0/acme", "the test")
        self.server = FakeRedis(now=self.clock)
        self.limit = LimitRedis(address, connect=lambda: self.server, elapsed=self.clock, sleep=self.skip)
        self.limit.wait_s = 0.0

    def skip(self, _seconds: float) -> None:
        """Nobody else is at it in simulated time but one that is dead."""

    def turn(self, act: Act) -> None:
        """Take the turn there."""
        self.limit.turn(act)

    def refusal(self, why: str) -> ImporterError:
        """Return what the real one returns."""
        return self.limit.refusal(why)
