"""Which engine a fleet file asks for."""

from importer.errors import UsageError
from importer.fleet.engine import Engine
from importer.fleet.local_engine import LocalEngine
from importer.fleet.model import Fleet


def engine_of(fleet: Fleet) -> Engine:
    """Return the engine that the fleet runs on.

    Raises:
        UsageError: there is none for that address.
    """
    if fleet.engine == "local":
        return LocalEngine(fleet.at_once)
    raise UsageError(
        f"there is no engine for {fleet.engine}",
        hint='engine = "local" runs all on this machine; other schedulers can call importer fleet --only NAME.',
    )
