"""A process that has loaded what processes under test load, and forks one for each line that it is asked to run.

`python -m tests.warm_nest MODULE...`, with a socket as its standard input. It has one thread, and does nothing but
fork: each child is a process of its own, with the arguments, environment, folder and files that it was asked for.
"""

import gc
import json
import os
import runpy
import selectors
import socket
import struct
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, NamedTuple

REQUEST_MAX: Final = 1 << 18
DESCRIPTORS: Final = 4  #: with each request: who wants to know of the child; standard input, output and error
NUMBERS: Final = struct.Struct("!ii")  #: a process, and its status as the system has it; -1 as it begins


class _Asked(NamedTuple):
    """A child to be."""

    line: dict[str, Any]
    teller: socket.socket
    standard: tuple[int, ...]


def main() -> None:
    """Fork until nobody asks any more; in a child, run what was asked for."""
    for name in sys.argv[1:]:
        import_module(name)
    gc.collect()
    gc.freeze()  # what is loaded is shared, and looking at it would make copies
    with socket.socket(fileno=os.dup(0)) as control, selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        asked = _serve(control, selector)
    if asked is not None:
        _become(asked)


def _serve(control: socket.socket, selector: selectors.BaseSelector) -> _Asked | None:
    """Return None when nobody asks any more, and in a child what was asked for."""
    while True:
        for key, _ in selector.select():
            if key.data is not None:
                selector.unregister(key.fd)
                _tell(key.fd, *key.data)
                continue
            body, descriptors, _, _ = socket.recv_fds(control, REQUEST_MAX, DESCRIPTORS)
            if not body:
                return None
            asked = _Asked(json.loads(body), socket.socket(fileno=descriptors[0]), tuple(descriptors[1:]))
            number = os.fork()
            if number == 0:
                for other in list(selector.get_map().values()):
                    if other.data is not None:
                        os.close(other.fd)
                        other.data[1].close()
                return asked
            for descriptor in asked.standard:
                os.close(descriptor)
            asked.teller.send(NUMBERS.pack(number, -1))
            selector.register(os.pidfd_open(number), selectors.EVENT_READ, (number, asked.teller))


def _tell(watched: int, number: int, teller: socket.socket) -> None:
    os.close(watched)
    with teller, suppress(OSError):  # nobody may want to know any more
        teller.send(NUMBERS.pack(*os.waitpid(number, 0)))


def _become(asked: _Asked) -> None:
    """Be the process that was asked for."""
    asked.teller.close()
    for number, descriptor in enumerate(asked.standard):
        os.dup2(descriptor, number)
        os.close(descriptor)
    line = asked.line
    if line["session"]:
        os.setsid()
    os.chdir(line["folder"])
    os.environ.clear()
    os.environ.update(line["environment"])
    kind, what, *words = line["words"]
    sys.argv = [what, *words]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv[0] = kind
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - as `python -c` does


if __name__ == "__main__":
    main()
