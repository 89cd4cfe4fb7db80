"""Whose turn it is to send: a place at the gate, room among what is in doubt, a slot of the rate limit, in this order.

All are taken before the intent is written, so that hardly any time lies between the intent and the wire.
"""

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
