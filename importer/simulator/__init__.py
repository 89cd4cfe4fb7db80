"""An embedded HubSpot look-alike with switchable faults, for rehearsals, demonstrations and tests.

    policy      all switches; rules (which request is struck), faults (the table) and fault_acts (what they do)
    routes      the paths; operations, what they do; exchange, one request and what may be done with it
    properties  what is accepted and how values change; replies, HubSpot's bodies; limits, how it counts
    store       the campaigns in columns; account, who makes them; state, how they survive the process
    portals     one account or many, by token
    tokens      which tokens are taken, and those given to an installed app
    desk        token, limits, scope, faults, request log; app, the bytes; server, start and stop

It binds loopback addresses only. Importing this package does not import aiohttp: `Simulator` and `serve` are
fetched when they are first used.
"""

from typing import TYPE_CHECKING, Any

from importer.simulator.faults import TABLE, fault_names
from importer.simulator.policy import SimulatorPolicy, switch_names
from importer.simulator.rules import FaultRule, Latency

if TYPE_CHECKING:
    from importer.simulator.server import Simulator, serve

__all__ = ["TABLE", "FaultRule", "Latency", "Simulator", "SimulatorPolicy", "fault_names", "serve", "switch_names"]


def __getattr__(name: str) -> Any:
    """Fetch what needs aiohttp when it is first used."""
    if name in {"Simulator", "serve"}:
        from importer.simulator import server  # noqa: PLC0415 - aiohttp is slow to import

        return getattr(server, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
