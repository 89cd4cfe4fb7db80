"""A HubSpot that is only fast: it answers what an import asks, with as little work as Python allows.

    python -m benchmarks.stub [--latency MILLISECONDS] [--port N] [--core N]

It prints its base URL and serves until its standard input ends; then it prints what it counted, as one JSON object.
There is no rate limit and nothing fails. A created batch is answered in reverse order, since HubSpot promises none. The
body is cut at the inputs and put together again, not parsed, where it is spelt as orjson or `json` spells it.
"""

import argparse
import asyncio
import functools
import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import formatdate
from itertools import count
from typing import Any, Final

import orjson

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length:"
#: An input as compact and as ordinary writers begin it. Inside a text the quotes would be escaped.
_MARKS: Final = (b'{"properties":', b'{"properties": ')
_ACCOUNT: Final = b'{"portalId":1,"accountType":"DEVELOPER_TEST","timeZone":"UTC","companyCurrency":"EUR"}'
_EMPTY: Final = b'{"total":0,"results":[]}'
_UNKNOWN: Final = b'{"status":"error","message":"the stub does not know this path","category":"OBJECT_NOT_FOUND"}'


class Counts:
    """What was asked."""

    def __init__(self) -> None:
        self.requests = 0
        self.creates = 0
        self.inputs = 0
        self.unknown = 0
        self.first_at: float | None = None  #: when the first request was complete here: monotonic seconds
        self.cpu_s = 0.0  #: user and system; until the end, what was used before the first request


class Stub(asyncio.Protocol):
    """One connection: requests in, answers out after `latency_s`."""

    def __init__(self, counts: Counts, ids: "count[int]", latency_s: float) -> None:
        self._counts = counts
        self._ids = ids
        self._latency_s = latency_s
        self._held = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete; several may come at once."""
        held = self._held + data if self._held else data
        while (end := held.find(_HEAD_END)) >= 0:
            body_at = end + len(_HEAD_END)
            body_end = body_at + _content_length(held[:end])
            if len(held) < body_end:
                break
            self._reply(held[: held.index(b"\r\n")], held[body_at:body_end])
            held = held[body_end:]
        self._held = held

    def _reply(self, line: bytes, body: bytes) -> None:
        counts = self._counts
        counts.requests += 1
        if counts.first_at is None:
            counts.first_at = time.monotonic()
            counts.cpu_s = time.process_time()
        status, answer = self._answer(line, body)
        head = f"HTTP/1.1 {status}\r\nDate: {_date(int(time.time()))}\r\nContent-Type: application/json\r\n"
        raw = f"{head}Content-Length: {len(answer)}\r\n\r\n".encode() + answer
        if self._latency_s:
            asyncio.get_running_loop().call_later(self._latency_s, self._transport.write, raw)
        else:
            self._transport.write(raw)

    def _answer(self, line: bytes, body: bytes) -> tuple[str, bytes]:
        if line.startswith(b"POST ") and b"/batch/create" in line:
            made, number = created(body, self._ids)
            self._counts.creates += 1
            self._counts.inputs += number
            return "201 Created", made
        if line.startswith(b"GET ") and b"/account-info/" in line:
            return "200 OK", _ACCOUNT
        if line.startswith(b"GET ") and b"/marketing/" in line:
            return "200 OK", _EMPTY
        self._counts.unknown += 1
        return "404 Not Found", _UNKNOWN


def created(body: bytes, ids: "count[int]") -> tuple[bytes, int]:
    """Return the answer to a batch/create, and how many were created."""
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    head = f'{{"status":"COMPLETE","startedAt":"{at}","completedAt":"{at}","results":['.encode()
    rest = f'","createdAt":"{at}","updatedAt":"{at}","businessUnits":[],"properties":'.encode()
    for mark in _MARKS:
        opening, *inputs = body.split(mark)
        if inputs and not inputs[0].startswith(b" ") and len(opening) < len(b'{ "inputs": [ '):
            inputs[-1] = inputs[-1].rstrip(b" \n")[:-2]  # without the ends of list and body
            inputs = [one.rstrip(b", ") for one in reversed(inputs)]
            break
    else:
        inputs = [orjson.dumps(one["properties"]) + b"}" for one in reversed(orjson.loads(body)["inputs"])]
    made = b",".join([b'{"id":"%d%b%b' % (next(ids), rest, one) for one in inputs])
    return b"%b%b]}" % (head, made), len(inputs)


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(_LENGTH)
    return int(lowered[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0


@functools.lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


async def serve(latency_s: float, port: int) -> Counts:
    """Serve on `port` of 127.0.0.1, 0 for a free one, until standard input ends; print the base URL when it is up."""
    loop = asyncio.get_running_loop()
    counts, ids, ended = Counts(), count(1_000_001), asyncio.Event()
    server = await loop.create_server(lambda: Stub(counts, ids, latency_s), "127.0.0.1", port, backlog=512)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)  # noqa: T201 - its output
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    server.close()
    return counts


def main(argv: Sequence[str] | None = None) -> int:
    """Serve, then say what was counted."""
    parser = argparse.ArgumentParser(description="A HubSpot that is only fast.")
    parser.add_argument("--latency", type=float, default=0.0, metavar="MILLISECONDS")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--core", type=int, help="run on this core alone")
    args = parser.parse_args(argv)
    if args.core is not None:
        os.sched_setaffinity(0, {args.core})
    counts = asyncio.run(serve(args.latency / 1_000, args.port))
    counts.cpu_s = time.process_time() - counts.cpu_s
    print(json.dumps(vars(counts)))  # noqa: T201 - its output
    return 0


if __name__ == "__main__":
    sys.exit(main())
