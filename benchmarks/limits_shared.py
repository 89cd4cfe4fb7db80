"""What a limit costs that processes share in a file or in Redis: use of the rate, time of a turn, answers 429.

    python -m benchmarks.limits_shared [--seconds 75] [--processes 1 4 16]

The simulated HubSpot is a process of its own and permits 190 requests in any 10 s. All processes together keep 64
requests waiting or on their way, and take part in the limit as a run does. Use is counted as in `benchmarks.rate`,
without the first window. A turn is what a slot waits for besides its place in the rate: read, change and write the
state while nobody else does, waiting for those before it included. Redis is a server on loopback, started for each
measurement; without `redis-server` only the file is measured.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import anyio

from benchmarks.rate import requests, use
from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.exchange import Reply
from importer.hubspot.transport import HubSpotTransport
from importer.pacing import RatePolicy
from importer.sharing.limit import MARGIN_S
from importer.sharing.limit_file import LimitFile
from importer.sharing.limit_redis import LimitRedis
from importer.sharing.pacer import SharedPacer
from importer.sharing.redis_address import parse_address
from importer.sharing.turns import Act, Store
from tests.kills.grounds import simulated
from tests.sharing.redis_ground import PROGRAM, served

AT_ONCE: Final = 64  #: requests waiting or on their way, of all processes together
_ONE: Final = "from benchmarks.limits_shared import take_part; take_part()"


def take_part() -> None:
    """Be one of the processes: read what to do from standard input, and write the seconds of each turn."""
    told = json.loads(sys.stdin.readline())
    place: str = told["place"]
    store: Store = LimitRedis(parse_address(place, "place")) if "://" in place else LimitFile(Path(place))
    turn, took = store.turn, list[float]()

    def timed(act: Act) -> None:
        began = time.perf_counter()
        turn(act)
        took.append(time.perf_counter() - began)

    store.turn = timed  # type: ignore[method-assign]  # the clock is put around it
    anyio.run(_send, store, told["base_url"], told["until"], told["at_once"])
    json.dump(took, sys.stdout)


async def _send(store: Store, base_url: str, until: float, at_once: int) -> None:
    transport = HubSpotTransport(lambda: "token", TransportPolicy(base_url=base_url))
    async with SharedPacer(store, RatePolicy(margin_s=MARGIN_S), outage_max_s=60.0) as pacer:

        async def ask() -> None:
            while True:
                async with pacer.slot() as slot:
                    reply = await transport.account()
                    if isinstance(reply, Reply):
                        slot.answered(reply.headers, refused=reply.status == 429)

        with anyio.move_on_after(until - time.time()):
            async with anyio.create_task_group() as tasks:
                for _ in range(at_once):
                    tasks.start_soon(ask)
    await transport.aclose()


def _started() -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _ONE]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own code


def measure(place: str, count: int, seconds: float) -> str:
    """Return a row of the table: so many processes at one place."""
    with simulated("rate=190", "latency=uniform:0.1-0.3") as base_url:
        crew = [_started() for _ in range(count)]
        told = json.dumps({"place": place, "base_url": base_url, "until": time.time() + seconds,
                           "at_once": AT_ONCE // count})  # fmt: skip
        for process in crew:
            assert process.stdin is not None
            process.stdin.write(f"{told}\n")
            process.stdin.flush()
        took = sorted(second for process in crew for second in json.loads(process.communicate()[0]))
        seen = requests(base_url)
    refused = sum(status == 429 for _, status in seen)
    half, most = (1_000 * took[int(part * (len(took) - 1))] for part in (0.5, 0.99))
    kind = "Redis" if "://" in place else "file"
    used = use([arrived for arrived, _ in seen])
    cells = (kind, count, f"{used:.3f}", f"{half:.1f}", f"{most:.1f}", f"{len(took) / seconds:.0f}",
             f"{refused} of {len(seen)}")  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(description="What a shared limit costs, in a file and in Redis.")
    parser.add_argument("--seconds", type=float, default=75.0)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 4, 16])
    args = parser.parse_args(argv)
    print("| in | processes | use of the rate | turn p50, ms | p99, ms | turns a second | answers 429 |")  # noqa: T201 - its output
    print("|---|---|---|---|---|---|---|")  # noqa: T201 - its output
    for count in args.processes:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            places = [str(folder / "acme.limit")]
            if PROGRAM is not None:
                places.append(stack.enter_context(served(folder)).url())
            for place in places:
                print(measure(place, count, args.seconds), flush=True)  # noqa: T201 - its output
    return 0


if __name__ == "__main__":
    sys.exit(main())
