"""One driver to a fleet: the lock of its directory."""

from pathlib import Path

from importer.errors import FleetHeldError, UsageError
from importer.fleet import places
from importer.fleet.model import Fleet
from importer.ledger.lock import RunLock


class DriverLock(RunLock):
    """Held by the driver of a fleet, from its first look at the round to its end."""

    held_error = FleetHeldError
    broken_error = UsageError

    def __init__(self, fleet: Fleet) -> None:
        """Name the lock's file; the fleet's directory must be there."""
        lock, holder = (Path(places.within(fleet, name)) for name in (places.DRIVER_LOCK, places.DRIVER))
        super().__init__(lock, holder, f"the fleet in {fleet.directory}", soft=False)
        self._told = holder

    def release(self) -> None:
        """Give the lock back, and say no more who has it: `fleet status` reads that without taking the lock."""
        self._told.unlink(missing_ok=True)
        super().release()


def make_directory(fleet: Fleet) -> None:
    """Make the folders of the fleet's directory, for its owner alone. Blocks.

    On a cluster the directory itself must be there: it may be that of a share that is not mounted.

    Raises:
        UsageError: it cannot be made, or is not there.
    """
    directory = Path(fleet.directory)
    if fleet.engine != "local" and not directory.is_dir():
        raise UsageError(
            f"the fleet's directory {directory} is not there",
            hint="Mount the share that all hosts of the cluster use, and make the directory on it.",
        )
    try:
        if fleet.engine == "local":
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (places.ACCOUNTS, places.LOGS):
            (directory / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the fleet's directory {directory} cannot be made: {error.strerror or error}") from None
