"""Other ways to send the same rows, each as its own documentation shows it, for comparison with the importer.

    python -m benchmarks.clients CLIENT BASE_URL SOURCE [--records N] [--workers N]

It prints one JSON object: `seconds` and `cpu_s` from the first row read to the last answer, without the start of the
interpreter and the imports, and how many records were sent. All but the ceilings read the source as programs usually
do, collect batches of 50 and take what the client hands back; none keeps a ledger, and none looks at what it was told.

`bare` and `pipelined` are ceilings, not ways to work: they send bodies that were made before the clock starts.
"""

import argparse
import asyncio
import importlib
import itertools
import json
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson

from benchmarks import campaigns

_PATH: Final = "/marketing/v3/campaigns/batch/create"
_TOKEN: Final = "a-token"  # noqa: S105 - the stub asks for none
_BODIES: Final = 1_000  #: prepared ones, sent over and over
Batch = list[dict[str, str]]


class Clock:
    """Seconds and CPU seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._cpu = time.process_time()

    def read(self) -> dict[str, float]:
        """Return both."""
        return {"seconds": time.perf_counter() - self._began, "cpu_s": time.process_time() - self._cpu}


def rows(source: Path, records: int) -> Iterator[Batch]:
    """Yield the first `records` rows of `source` by fifties."""
    return campaigns.batches(itertools.islice(campaigns.read(source), records))


def bodies(source: Path, records: int) -> Iterator[bytes]:
    """Return as many serialised batches as `records` need; they repeat, so that few are held."""
    first = rows(source, min(records, _BODIES * campaigns.BATCH))
    made = [orjson.dumps({"inputs": [{"properties": one} for one in batch]}) for batch in first]
    return itertools.islice(itertools.cycle(made), -(-records // campaigns.BATCH))


# The ceilings


async def bare(base_url: str, source: Path, records: int, workers: int) -> dict[str, float]:
    """Use aiohttp with nothing around it: post, read the answer, the next."""
    prepared = bodies(source, records)
    headers = {"Authorization": f"Bearer {_TOKEN}", "Content-Type": "application/json"}
    clock = Clock()
    async with aiohttp.ClientSession(headers=headers) as session:

        async def work() -> None:
            for body in prepared:
                async with session.post(base_url + _PATH, data=body) as reply:
                    reply.raise_for_status()
                    await reply.read()

        await asyncio.gather(*[work() for _ in range(workers)])
    return clock.read()


def pipelined(base_url: str, source: Path, records: int, workers: int) -> dict[str, float]:
    """One plain socket with `workers` requests on their way: what the stub itself can do."""
    url = urlsplit(base_url)
    head = f"POST {_PATH} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: "
    prepared = bodies(source, records)
    clock = Clock()
    with socket.create_connection((url.hostname, url.port)) as wire, wire.makefile("rb") as answers:
        waiting = 0
        while True:
            for body in itertools.islice(prepared, workers - waiting):
                wire.sendall(f"{head}{len(body)}\r\n\r\n".encode() + body)
                waiting += 1
            if not waiting:
                break
            length = 0
            while (line := answers.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            answers.read(length)
            waiting -= 1
    return clock.read()


# HubSpot's own clients


@asynccontextmanager
async def _sdk(base_url: str) -> AsyncIterator[Any]:
    module = _package("hubspot_sdk")
    async with module.AsyncHubSpot(access_token=_TOKEN, base_url=base_url) as client:
        yield client


async def sdk(base_url: str, source: Path, records: int, workers: int) -> dict[str, float]:
    """hubspot-sdk, its asynchronous client: `client.marketing.campaigns.batch.create(inputs=[...])`."""
    async with _sdk(base_url) as client:
        create = client.marketing.campaigns.batch.create
        left = rows(source, records)
        clock = Clock()

        async def work() -> None:
            for batch in left:
                await create(inputs=[{"properties": one} for one in batch])

        await asyncio.gather(*[work() for _ in range(workers)])
        return clock.read()


def typed(base_url: str, source: Path, records: int, workers: int) -> dict[str, float]:
    """hubspot-api-client, its typed call. It knows no campaigns: the generic batch of CRM objects is the closest."""
    client = _package("hubspot").HubSpot(access_token=_TOKEN)
    objects = _package("hubspot.crm.objects")
    calls = client.crm.objects.batch_api
    calls.api_client.configuration.host = base_url

    def create(batch: Batch) -> None:
        inputs = [objects.SimplePublicObjectBatchInputForCreate(properties=one, associations=[]) for one in batch]
        whole = objects.BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs)
        calls.create("campaigns", whole)

    return _in_threads(create, rows(source, records), workers)


def api_request(base_url: str, source: Path, records: int, workers: int) -> dict[str, float]:
    """hubspot-api-client, its way for what it does not know: `client.api_request({...})`, then `.json()`."""
    client = _package("hubspot").HubSpot(access_token=_TOKEN, base_url=base_url)

    def create(batch: Batch) -> None:
        body = {"inputs": [{"properties": one} for one in batch]}
        reply = client.api_request({"path": _PATH, "method": "POST", "body": body})
        reply.raise_for_status()
        reply.json()

    return _in_threads(create, rows(source, records), workers)


def _in_threads(create: Callable[[Batch], None], left: Iterator[Batch], workers: int) -> dict[str, float]:
    """Call `create` for every batch, in this thread or, with more than one worker, in as many threads."""
    clock = Clock()
    if workers == 1:
        for batch in left:
            create(batch)
        return clock.read()
    with ThreadPoolExecutor(workers) as pool:
        going = {pool.submit(create, batch) for batch in itertools.islice(left, workers)}
        while going:
            done, going = wait(going, return_when=FIRST_COMPLETED)
            for one in done:
                one.result()
            going |= {pool.submit(create, batch) for batch in itertools.islice(left, len(done))}
    return clock.read()


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SystemExit(
            f"{name} is not installed; requirements/bench.txt has it, and make bench installs it"
        ) from error


CLIENTS: Final[dict[str, Callable[[str, Path, int, int], Any]]] = {
    "bare": bare,
    "pipelined": pipelined,
    "sdk": sdk,
    "typed": typed,
    "api_request": api_request,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Send, and print what it took."""
    parser = argparse.ArgumentParser(description="Send rows as others do.")
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("base_url")
    parser.add_argument("source", type=Path)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=16)
    args = parser.parse_args(argv)
    took = CLIENTS[args.client](args.base_url, args.source, args.records, args.workers)
    if asyncio.iscoroutine(took):
        took = asyncio.run(took)
    print(json.dumps({**took, "records": args.records}))  # noqa: T201 - its output
    return 0


if __name__ == "__main__":
    sys.exit(main())
