"""What a simulator of many accounts takes: memory an account, requests a second, CPU a request.

    python -m benchmarks.accounts [--accounts 1000] [--rounds 5]

The simulator is a process of its own. Each account is shown its token and makes one batch of 50 campaigns a round, 32
requests at once from this process, whose own CPU is not counted. Memory is the resident set of the simulator before
the first request, when each account has been used once without making anything, and at the end.
"""

import argparse
import json
import os
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aiohttp
import anyio

from tests.kills.grounds import simulated_process

AT_ONCE: Final = 32
_PATH: Final = "/marketing/v3/campaigns"
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def resident_mb(pid: int) -> float:
    """Return the resident set of a process, in megabytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def ask_all(base_url: str, accounts: int, method: str, path: str, body: bytes | None) -> None:
    """Send one request to each account."""
    gate = anyio.Semaphore(AT_ONCE)
    async with aiohttp.ClientSession(base_url) as session, anyio.create_task_group() as tasks:

        async def ask(number: int) -> None:
            async with (
                gate,
                session.request(
                    method, path, data=body, headers={"Authorization": f"Bearer account-{number}"}
                ) as reply,
            ):
                await reply.read()
                assert reply.status in {200, 201}, reply.status

        for number in range(1, accounts + 1):
            tasks.start_soon(ask, number)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(description="What a simulator of many accounts takes.")
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args(argv)
    body = json.dumps({"inputs": [{"properties": {"hs_name": f"Campaign {n}"}} for n in range(50)]}).encode()
    with simulated_process(f"accounts={args.accounts}") as (base_url, pid):
        before = resident_mb(pid)
        anyio.run(ask_all, base_url, args.accounts, "GET", _PATH, None)
        used = resident_mb(pid)
        began, cpu = time.perf_counter(), cpu_s(pid)
        for _ in range(args.rounds):
            anyio.run(ask_all, base_url, args.accounts, "POST", f"{_PATH}/batch/create", body)
        real, cpu = time.perf_counter() - began, cpu_s(pid) - cpu
        filled = resident_mb(pid)
        with urllib.request.urlopen(f"{base_url}/__simulator__/accounts") as reply:  # noqa: S310 - loopback
            made = [json.loads(line)["campaigns"] for line in reply.read().splitlines()]
    assert made == [50 * args.rounds] * args.accounts
    count = args.rounds * args.accounts
    print(f"memory with no account used   {before:.0f} MB")  # noqa: T201 - its output
    print(f"memory an account, used once  {(used - before) * 1000 / args.accounts:.0f} kB")  # noqa: T201 - its output
    print(f"memory a campaign             {(filled - used) * 1e6 / (50 * count):.0f} bytes")  # noqa: T201 - its output
    print(f"creates of 50 a second        {count / real:.0f} ({cpu / count * 1000:.2f} ms CPU each)")  # noqa: T201 - its output
    return 0


if __name__ == "__main__":
    sys.exit(main())
