"""Whose turn it is to send, and whose to read an answer.

To send: a place at the gate, room among what is in doubt, a slot of the rate limit, in this order. All are taken before
the intent is written, so that hardly any time lies between the intent and the wire.
"""

import anyio

from importer.gate import Gate
from importer.pacing import Pacer, Slot
from importer.reconcile import Reconciler
from importer.stopping import Stop


async def turn(stop: Stop, gate: Gate, reconciler: Reconciler, pacer: Pacer) -> Slot:
    """Wait until the next request may leave; the caller then closes the slot and leaves the gate.

    Raises `StoppedError` when none may leave any more. Cancellation: nothing is taken.
    """
    if not (stop.requested or reconciler.crowded) and gate.enter_nowait():  # who need not wait is not made to
        slot = pacer.take_nowait()
        if slot is not None:
            return slot
        gate.leave()
    with stop.interruptible():
        await gate.enter()
        try:
            await reconciler.room()
            return await pacer.take()
        except BaseException:
            gate.leave()
            raise


async def one_at_a_time(reading: anyio.Lock) -> None:
    """Return in a turn of the event loop in which nobody else returns from here. Cancellation waits: it is short.

    Answers that came together would else be read in one go, what their workers announce next be synced in one go, and
    leave and come back together: each would always wait for all. So the journal can begin with the first at once.
    """
    with anyio.CancelScope(shield=True):  # an answer that has come is to be read
        async with reading:
            pass  # taking the lock costs one turn of the loop, and whoever waits for it is woken in the turn after this
