"""Signals as a wish to stop: the first drains, a second may cut what is on its way, the next is the system's."""

import signal
from collections.abc import Callable
from typing import Final

import anyio
import anyio.abc

from importer import platforms
from importer.errors import ExitStatus
from importer.stopping import Stop

_STATUSES: Final = {
    number: ExitStatus.INTERRUPTED if number == signal.SIGINT else ExitStatus.TERMINATED
    for number in platforms.stop_signals()
}

#: Is told the name of a signal, and whether somebody had asked to stop before it.
Heard = Callable[[str, bool], None]


async def watch_signals(
    stop: Stop,
    heard: Heard,
    *,
    cuts: bool = False,
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Ask `stop` to drain at the first signal, and with `cuts` to cut at the second; leave the next to the system.

    A cancellation restores the handlers of before.
    """
    with platforms.signals_received(*_STATUSES) as received:
        task_status.started()
        async for number in received:
            name, again = signal.Signals(number).name, stop.requested
            stop.request(f"interrupted by {name}", _STATUSES[number])
            if again and cuts:
                stop.cancel_now()
            heard(name, again)
            if again or not cuts:
                break
    for number in _STATUSES:
        signal.signal(number, signal.SIG_DFL)
