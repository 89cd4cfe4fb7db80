"""The fork server as its owner holds it: started when it is first needed, and again when it is gone or outdated."""

import errno
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NamedTuple

import anyio
import anyio.abc
import anyio.to_thread

from importer import version
from importer.fleet.forking import NUMBER, SERVER, Request, receive
from importer.fleet.processes import Forked
from importer.platforms import ALONE

#: Variables that Python and its libraries look at as they are loaded. No other reaches the server.
_PLAIN: Final = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "TZDIR", "LANG", "LANGUAGE", "SSL_CERT_FILE", "SSL_CERT_DIR"}
)
_PLAIN_PREFIXES: Final = ("PYTHON", "LC_", "LD_", "OPENSSL_", "MALLOC_")
_BEGIN_S: Final = 60.0  #: for a child to be there; a server needs a second to load, on a busy machine a few
_CLOSE_S: Final = 5.0


class ForkServer:
    """Forks children for imports. May be used from several threads and event loops."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._before: list[_Server] = []  # those with children that are still at work
        self._silent: _Server | None = None  # the one that did not answer in time

    async def begin(self, request: Request, *, wanted: str, stdout: IO[bytes], stderr: IO[bytes]) -> Forked:
        """Begin a child of the importer of version `wanted`, and return it.

        Cancellation waits until it is begun or not: a minute where the server is silent, two where a new one is, too.

        Raises:
            OSError: there is no child: the server cannot be started, was lost or is silent, or is of another version.
        """
        plain = _plain(request.environment)
        with anyio.CancelScope(shield=True):
            asked = await anyio.to_thread.run_sync(self._ask, wanted, plain, stdout.fileno(), stderr.fileno())
            stream = await anyio.abc.UNIXSocketStream.from_socket(asked.mine)
            try:
                with anyio.fail_after(_BEGIN_S):
                    number, watched = await _born(stream, request)
            except BaseException as error:
                os.close(asked.tie)
                await stream.aclose()
                if isinstance(error, TimeoutError):
                    self._silent = asked.server
                    raise OSError(f"the process that is to fork it was silent for {_BEGIN_S:g} s") from None
                raise
        return Forked(number, watched, asked.tie, stream)

    def _ask(self, wanted: str, plain: Mapping[str, str], stdout: int, stderr: int) -> "_Asked":
        """Ask for a child. Blocks."""
        with ExitStack() as ours, ExitStack() as theirs:
            mine, its = socket.socketpair()
            ours.callback(mine.close)
            theirs.callback(its.close)
            stdin, tie = os.pipe()
            ours.callback(os.close, tie)
            theirs.callback(os.close, stdin)
            descriptors = (its.fileno(), stdin, stdout, stderr)
            with self._lock:
                server = self._current(wanted, plain)
                try:
                    server.ask(descriptors)
                except (ConnectionError, TimeoutError):  # it was killed since the last child, or reads nothing
                    server = self._current(wanted, plain, lost=True)
                    server.ask(descriptors)
            ours.pop_all()
        return _Asked(mine, tie, server)

    def _current(self, wanted: str, plain: Mapping[str, str], *, lost: bool = False) -> "_Server":
        """Return a server that was started from what is installed now, of the version that is wanted."""
        code = _code()
        self._before = [one for one in self._before if one.process.poll() is None]
        if self._server is not None and (lost or self._server is self._silent or self._server.code != code):
            self._server.control.close()  # it ends when the last of its children has
            self._before.append(self._server)
            self._server = None
        if self._server is None:
            self._server = _start(plain, code)
        if self._server.version != wanted:
            raise OSError(f"importer {self._server.version} is installed now, the driver is {wanted}")
        return self._server

    def close(self) -> None:
        """End the server; children that are still at work stay tied to this process. Blocks, 5 s at most."""
        with self._lock:
            servers = [*self._before, *([self._server] if self._server is not None else [])]
            self._server, self._before = None, []
            for one in servers:
                one.control.close()
            for one in servers:
                try:
                    one.process.wait(_CLOSE_S)
                except subprocess.TimeoutExpired:
                    one.process.kill()
                    one.process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    """A server at work."""

    process: "subprocess.Popen[bytes]"
    control: socket.socket
    code: tuple[int, ...]  #: what was installed as it was started
    version: str

    def ask(self, descriptors: tuple[int, ...]) -> None:
        """Ask for a child; raise `OSError` where the server is gone."""
        socket.send_fds(self.control, [b"\0"], descriptors)


class _Asked(NamedTuple):
    """A child that was asked for."""

    mine: socket.socket  #: over which it is told what to run
    tie: int  #: what it is tied by
    server: _Server


def _start(plain: Mapping[str, str], code: tuple[int, ...]) -> _Server:
    """Start a server, and return it when it has loaded all. Blocks, a minute at most."""
    control, theirs = socket.socketpair()
    with tempfile.TemporaryFile() as said, theirs:
        with ExitStack() as undo:
            undo.callback(control.close)
            process = subprocess.Popen(  # noqa: S603 - this Python, and a module of ours # nosec B603
                [sys.executable, *ALONE, "-m", SERVER], stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=said,
                env=plain, start_new_session=True,
            )  # fmt: skip
            undo.callback(process.wait)
            undo.callback(process.kill)
            theirs.close()
            control.settimeout(_BEGIN_S)
            try:
                told = receive(control)
            except TimeoutError:
                raise OSError(f"the process that is to fork it did not load in {_BEGIN_S:g} s") from None
            undo.pop_all()
        if told is None:
            control.close()
            status = process.wait()
            said.seek(0)
            last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise OSError(f"the process that is to fork it ended with {status}: {last}")
    return _Server(process=process, control=control, code=code, version=told.decode())


async def _born(stream: anyio.abc.UNIXSocketStream, request: Request) -> tuple[int, int]:
    """Tell a child its request; return its number and a descriptor for it."""
    with suppress(anyio.BrokenResourceError):  # there is no child: why not is still to be read
        await stream.send(request.encoded())
    try:
        told, descriptors = await stream.receive_fds(NUMBER.size, 1)
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        raise OSError("the process that was to fork it was lost, or had no more files to open") from None
    (number,) = NUMBER.unpack(told)
    if number < 0:
        raise OSError(-number, os.strerror(-number))
    if not descriptors:  # the system drops one that does not fit any more, and says nothing
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return number, descriptors[0]


def _plain(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name in _PLAIN or name.startswith(_PLAIN_PREFIXES)}


def _code() -> tuple[int, ...]:
    """Return what tells the installed package from what takes its place: pip writes every file anew."""
    seen = Path(version.__file__).stat()
    return seen.st_dev, seen.st_ino, seen.st_mtime_ns, seen.st_size
