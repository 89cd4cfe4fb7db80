"""The state of a shared limit in Redis: a turn is one script that begins it and one that ends it.

The first takes the right to a turn, and reads state, clock and the identity of the server. The second writes the new
state if the turn is still its own. Who dies in a turn loses it after two seconds; who is late finds it taken, writes
nothing, and takes it again. So one process at a time changes the state, as with a file and its lock.

Redis may forget: it restarts with an older copy, a replica takes its place, it drops keys when its memory is full. A
state which is not there, or was written to another server process, is not gone on from: everybody pauses for one
window, and what is on its way is registered anew. So what was forgotten is no permission to send.
"""

import secrets
import time
from collections.abc import Callable
from random import Random
from typing import Any, Final, Protocol, cast

from importer.errors import ImporterError, PausedError, UsageError
from importer.sharing.redis_address import RedisAddress
from importer.sharing.turns import Act, StoreError

TURN_MS: Final = 2_000  #: after which a turn is lost; it takes about a millisecond
_CALL_S: Final = 3.0  #: for a connection, and for an answer
_LOOK_S: Final = (0.001, 0.004)  #: between two tries for a turn, at random
_REFUSED: Final = ("AuthenticationError", "AuthorizationError", "NoPermissionError", "AuthenticationWrongNumberOfArgs")
_BEGUN: Final = 3  #: values that begin a turn
_NO_RIGHTS: Final = ("can't run this command", "ACL failure")  #: in what a script ends in, by version

#: KEYS: state, turn. ARGV: name of this turn, its length in ms. Returns nothing while a turn is under way.
BEGIN: Final = """
if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return false end
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
return {redis.call('GET', KEYS[1]), redis.call('TIME'), server}
"""
#: KEYS: state, turn. ARGV: name of this turn, the new state. Returns whether it was written.
END: Final = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[2])
return 1
"""


class Client(Protocol):
    """What is asked of Redis."""

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        """Run a script."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class LimitRedis:
    """One account's limit in Redis. For one thread at a time."""

    forgets = True

    def __init__(
        self, address: RedisAddress, *, connect: Callable[[], Client] | None = None,
        elapsed: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        """Name the place; nothing is asked yet. `connect` gives another client than that of the library.

        Raises:
            UsageError: the library is not installed.
        """
        self.name = f"the limit at {address}"
        self._connect = connect or (lambda: _connected(address))
        self._elapsed, self._sleep = elapsed, sleep
        self._errors: tuple[type[Exception], ...] = (OSError,) if connect else (OSError, _library().RedisError)
        self._keys = tuple(f"importer:limit:{{{address.account}}}{part}" for part in ("", ":turn"))
        self._random = Random(secrets.randbits(64))
        self._client: Client | None = None
        self.wait_s = 5.0  #: for those whose turn it is before ours

    def turn(self, act: Act) -> None:
        """Read, change and write while nobody else does. Raises as `Store.turn`."""
        until = self._elapsed() + self.wait_s
        try:
            if self._client is None:
                self._client = self._connect()
            while not self._tried(self._client, act):
                if self._elapsed() >= until:
                    raise StoreError(f"others were at it for {self.wait_s:g} s")
                self._sleep(self._random.uniform(*_LOOK_S))
        except self._errors as error:
            self.close()  # a name may stand for another host by now
            if type(error).__name__ in _REFUSED or any(words in str(error) for words in _NO_RIGHTS):
                raise UsageError(
                    f"{self.name} lets nobody in with these credentials, or not to all that is needed",
                    hint="The user must be allowed EVAL, GET, SET, DEL, TIME and INFO on importer:limit:*.",
                ) from None
            raise StoreError(_why(error)) from error

    def _tried(self, client: Client, act: Act) -> bool:
        """Try one turn; return whether it stands."""
        name = secrets.token_hex(8)
        found = client.eval(BEGIN, 2, *self._keys, name, TURN_MS)
        if found is None:
            return False
        if len(found) < _BEGUN:  # what is called Redis may not tell, as a proxy in front of several does
            raise UsageError(f"{self.name} does not say which server it is", hint="INFO must tell a run_id.")
        held, (seconds, micros), server = found
        writer, _, state = (held or b"").partition(b" ")
        kept = state if writer == server else None
        data = act(kept, int(seconds) + int(micros) / 1e6)
        return bool(client.eval(END, 2, *self._keys, name, server + b" " + data))

    def refusal(self, why: str) -> ImporterError:
        """Return what a run ends in that finds Redis away when it begins: it may be there again later."""
        return PausedError(
            f"{self.name} cannot be asked: {why}",
            hint="Nothing was sent. Look at the address and at Redis, then run the same command again.",
        )

    def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _library() -> Any:
    try:
        import redis  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError(
            "a limit in Redis needs the extra redis", hint="Install the extra: pip install 'campaign-importer[redis]'"
        ) from None
    return redis


def _connected(address: RedisAddress) -> Client:
    """Return a client that tries nothing twice by itself: what a lost answer means is decided by the next turn."""
    from redis.backoff import NoBackoff  # noqa: PLC0415 - an extra
    from redis.retry import Retry  # noqa: PLC0415 - an extra

    return cast(
        "Client",
        _library().Redis(
            host=address.host, port=address.port, db=address.db, username=address.user, password=address.password,
            ssl=address.tls, socket_timeout=_CALL_S, socket_connect_timeout=_CALL_S, protocol=2,
            single_connection_client=False, retry=Retry(NoBackoff(), 0),
        ),
    )  # fmt: skip


def _why(error: Exception) -> str:
    """Return the words of the system or of the server, on one line."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
