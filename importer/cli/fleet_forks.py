"""The fork server of a fleet: a process that has loaded all that an import needs, and forks a child for each.

`python -m importer.cli.fleet_forks`, with the control socket as its standard input. It has one thread, no event loop
and no token: a child reads its request by itself, and what it is told stays in it. `importer.fleet.forking` tells what
goes over the sockets. It ends when nobody can ask it any more and the last of its children has ended.
"""

import atexit
import errno
import gc
import os
import selectors
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from typing import Final, NamedTuple, NoReturn

from importer.cli import fleet_child
from importer.cli.app import command
from importer.cli.planning import ready_mappings
from importer.fleet.forking import DESCRIPTORS, NUMBER, Request, message, receive
from importer.report.page import report_template
from importer.version import VERSION

#: What a run loads as it begins or goes on; all else comes with it.
_LATE: Final = (
    "importer.cli.entering",
    "importer.cli.commands",
    "importer.hubspot.transport",
    "importer.hubspot.bodies",
    "anyio._backends._asyncio",
)
_RUN: Final = "run"


class _Asked(NamedTuple):
    """What came with one byte of the control socket."""

    connection: socket.socket
    standard: tuple[int, ...]  #: descriptors for 0, 1 and 2


class _Child(NamedTuple):
    """A child at work."""

    number: int
    connection: socket.socket


def main() -> None:
    """Serve until nobody asks any more; a child of this process runs its import instead, and exits with its status."""
    _load()
    with socket.socket(fileno=os.dup(0)) as control, selectors.PollSelector() as selector:
        control.sendall(message(VERSION.encode()))
        selector.register(control, selectors.EVENT_READ)
        asked = _serve(control, selector)
    if asked is not None:
        _be_child(asked)


def _load() -> None:
    """Load and make what children share, and hide it from the collector: pages that nobody touches stay shared."""
    for name in _LATE:
        import_module(name)
    command(_RUN).commands[_RUN].make_context(_RUN, ["-"])  # parameters learn their types as they are first parsed
    ready_mappings()
    report_template()
    gc.collect()
    gc.freeze()


def _serve(control: socket.socket, selector: selectors.BaseSelector) -> _Asked | None:
    """Fork a child for each byte, and tell how each ended. Returns None at the end; in a child what it was given."""
    while selector.get_map():
        for key, _ in selector.select():
            if key.data is not None:
                selector.unregister(key.fd)
                _tell_end(key.fd, key.data)
                continue
            byte, descriptors, _, _ = socket.recv_fds(control, 1, DESCRIPTORS)
            if not byte:
                selector.unregister(control)
            elif len(descriptors) < DESCRIPTORS:  # no more files may be open: whoever asked sees its socket closed
                for descriptor in descriptors:
                    os.close(descriptor)
            else:
                asked = _Asked(socket.socket(fileno=descriptors[0]), tuple(descriptors[1:]))
                if _is_child(asked, selector):
                    return asked
    return None


def _is_child(asked: _Asked, selector: selectors.BaseSelector) -> bool:
    """Fork; return whether this is the child. It has closed all that it held of this process and of its siblings."""
    number, watched = _forked()
    if number == 0:
        for key in selector.get_map().values():
            if key.data is not None:
                os.close(key.fd)
                key.data.connection.close()
        return True
    for descriptor in asked.standard:
        os.close(descriptor)
    with suppress(OSError):
        socket.send_fds(asked.connection, [NUMBER.pack(number)], [watched] if watched is not None else [])
    if watched is None:
        asked.connection.close()
    else:
        selector.register(watched, selectors.EVENT_READ, _Child(number, asked.connection))
    return False


def _forked() -> tuple[int, int | None]:
    """Return the number of a new child and a descriptor for it, 0 in the child, and -errno where there is none."""
    try:
        number = os.fork()
    except OSError as error:
        return -(error.errno or errno.EIO), None
    if number == 0:
        return 0, None
    try:
        return number, os.pidfd_open(number)
    except OSError as error:
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
        return -(error.errno or errno.EIO), None


def _tell_end(watched: int, child: _Child) -> None:
    """Take the status of a child that has ended, and tell it to whoever still wants to know."""
    os.close(watched)
    _, status = os.waitpid(child.number, 0)
    with child.connection, suppress(OSError):
        child.connection.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))


def _be_child(asked: _Asked) -> None:
    """Be the process of an import, as if it had been begun by itself."""
    os.setsid()
    with asked.connection as connection:
        body = receive(connection)
    if body is None:
        return
    for number, descriptor in enumerate(asked.standard):
        os.dup2(descriptor, number)
        os.close(descriptor)
    request = Request.decoded(body)
    fleet_child.tie()
    try:
        fleet_child.run(request.arguments, request.environment)
    except SystemExit as ended:
        _end(ended.code)


def _end(status: object) -> NoReturn:
    """End with all that is to be done at an end, but to free memory: that would copy each page which is shared."""
    atexit._run_exitfuncs()  # noqa: SLF001 - Python has no other way to these without the freeing
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else status is not None)


if __name__ == "__main__":
    main()
