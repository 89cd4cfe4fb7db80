"""Which engine a fleet file names."""

from collections.abc import Mapping

from importer.errors import UsageError
from importer.fleet.engine import Engine
from importer.fleet.local_engine import LocalEngine
from importer.fleet.model import Fleet


def engine_of(fleet: Fleet, environment: Mapping[str, str], *, insecure: bool = False) -> Engine:
    """Return the engine, not entered yet; `insecure` lets a cluster without TLS pass.

    `environment` is what the children of a local engine are given; a worker of a cluster has its own.

    Raises:
        UsageError: a cluster is named that is not safe, or the extra for clusters is not installed.
    """
    if fleet.engine == "local":
        return LocalEngine(fleet, environment)
    try:
        from importer.fleet.dask_engine import DaskEngine  # noqa: PLC0415 - heavy, and an extra
    except ImportError as error:
        raise UsageError(
            f"engine = {fleet.engine!r} needs packages that are not installed",
            hint="Install the extra: pip install 'campaign-importer[fleet]'",
        ) from error
    return DaskEngine(fleet, insecure=insecure)
