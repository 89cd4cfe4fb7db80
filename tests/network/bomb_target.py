"""A process of its own that asks servers of bombs and measures its memory: `python -m tests.network.bomb_target URL…`.

Prints, for each URL, what the exchange came to and the kibibytes by which the peak of resident memory has grown.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import anyio

from importer.hubspot.endpoint import TransportPolicy
from importer.hubspot.exchange import NoReply
from importer.hubspot.transport import HubSpotTransport


def peak_kib() -> int:
    """Return the largest resident memory so far (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


async def ask(urls: Sequence[str]) -> None:
    """Send one create to each; the first sets the mark from which growth counts."""
    mark = 0
    for url in urls:
        transport = HubSpotTransport(lambda: "token", TransportPolicy(base_url=url, timeout_s=10))
        exchange = await transport.create(b"{}")
        await transport.aclose()
        told = str(exchange.kind) if isinstance(exchange, NoReply) else str(exchange.status)
        mark = mark or peak_kib()
        sys.stdout.write(f"{told} {peak_kib() - mark}\n")


if __name__ == "__main__":
    anyio.run(ask, sys.argv[1:])
