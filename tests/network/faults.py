"""The table of faults of the network and of the server, and what comes of each: `python -m tests.network.faults`.

Each row is a whole run of 60 records in batches of 50 and 10, sent by one worker. `test_network_faults` makes them all.
"""

import sys
from collections.abc import Iterator
from typing import Final

from tests.network.answer_faults import ANSWER_FAULTS
from tests.network.fault_row import Fault
from tests.network.wire_faults import WIRE_FAULTS

FAULTS: Final[tuple[Fault, ...]] = (*WIRE_FAULTS, *ANSWER_FAULTS)


def markdown() -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| fault | what happens | attempt | records at the end | exit |"
    yield "|---|---|---|---|---|"
    for fault in FAULTS:
        yield f"| `{fault.name}` | {fault.what} | {fault.attempt} | {fault.records} | {fault.status} |"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in markdown())
