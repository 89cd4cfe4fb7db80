"""What a fork server and its owner say to each other over Unix sockets.

Over the control socket the owner sends one byte for each child that it wants, with four descriptors: the child's
socket, standard input, output and error. Over the child's socket come, from the owner to the child, the request; from
the server to the owner the child's number with a descriptor for it (a pidfd), and when it has ended its status.
"""

import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

SERVER: Final = "importer.cli.fleet_forks"
DESCRIPTORS: Final = 4  #: that come with each byte of the control socket
#: A process's number, or the negative `errno` of why there is none; after that a status, negative for a signal.
NUMBER: Final = struct.Struct("!i")
_LENGTH: Final = struct.Struct("!I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a child is to run. It goes to the child alone: the server that forks it never has it."""

    arguments: tuple[str, ...]  #: of `importer`
    environment: Mapping[str, str] = field(repr=False)  #: all of it; the account's token may be in it

    def encoded(self) -> bytes:
        """Return it as a message."""
        told = {"arguments": self.arguments, "environment": dict(self.environment)}
        return message(json.dumps(told).encode())

    @classmethod
    def decoded(cls, body: bytes) -> Self:
        """Return what `encoded` was made of, from the body of its message."""
        told = json.loads(body)
        return cls(arguments=tuple(told["arguments"]), environment=told["environment"])


def message(body: bytes) -> bytes:
    """Return bytes with their length before them."""
    return _LENGTH.pack(len(body)) + body


def receive(connection: socket.socket) -> bytes | None:
    """Return the body of the next message; None where the other side is gone before its end. Blocks."""
    head = _exactly(connection, _LENGTH.size)
    return _exactly(connection, _LENGTH.unpack(head)[0]) if head is not None else None


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    found = bytearray()
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            return None
        found += part
    return bytes(found)
