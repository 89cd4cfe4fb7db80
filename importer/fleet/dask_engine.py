"""The engine that places imports on a Dask cluster. It only places and watches: the truth is in the ledgers.

A worker that dies is told to the driver, which begins the import elsewhere. Where Dask runs an import twice, as it may,
the account's lock lets only one of the two send; the other ends with exit 10.
"""

import logging
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import anyio
from distributed import Client, Future
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker
from distributed.security import Security

from importer.errors import PausedError, UsageError
from importer.fleet.dask_task import Told, prepare, run_import, settled, version_of
from importer.fleet.model import Ended, Fleet, Job, Tls
from importer.version import VERSION

_CONNECT_S: Final = 10.0
_ASK_S: Final = 10.0
#: Seconds for workers to stop their imports: longer than the 20 s that `run_child` gives a process.
_STOP_S: Final = 25.0
_AGAIN: Final = "Start the cluster again, then run the same command: the ledgers know what was done."
_SECURE: Final = 'Write engine = "tls://…" and [fleet.tls]. On a network where nobody else is, --insecure lets it pass.'


def check_address(fleet: Fleet, *, insecure: bool) -> None:
    """Refuse a cluster on which any stranger could run code.

    Raises:
        UsageError: it is reached without TLS and not `insecure`, or with TLS and without certificates.
    """
    if fleet.engine.startswith("tls://"):
        if fleet.tls is None:
            raise UsageError(f"{fleet.engine} needs certificates", hint="Name ca, cert and key in [fleet.tls].")
    elif not insecure:
        raise UsageError(f"{fleet.engine}: who reaches this cluster can run code on it and read tokens", hint=_SECURE)


class DaskEngine:
    """Runs imports on the workers of a cluster, as many at once as they have threads, `at_once` at most."""

    def __init__(self, fleet: Fleet, *, insecure: bool = False) -> None:
        """Name the cluster of a fleet; nothing is connected yet. Raises as `check_address`."""
        check_address(fleet, insecure=insecure)
        self._fleet = fleet
        self._client: Client | None = None

    @property
    def slots(self) -> int:
        """Threads of the workers once connected, but one: what is placed while no worker is there waits for one."""
        if self._client is None:
            return self._fleet.at_once
        return max(1, min(self._fleet.at_once, int(self._client.scheduler_info(n_workers=0)["total_threads"])))

    async def run(self, job: Job) -> Ended:
        """Run one import on some worker.

        Cancellation: the worker stops the import's process; this waits until it is gone, 25 s at most.

        Raises:
            PausedError: the scheduler is lost.
        """
        client = self._client
        assert client is not None, "an engine is entered before it runs"
        key = f"{job.import_name}-{uuid.uuid4().hex}"
        future = client.submit(
            run_import, job.fleet_file, job.import_name, job.version, key, key=key, pure=False, retries=0
        )
        over = False
        try:
            ended = await self._end(future)
            over = True
        finally:
            future.release()
            if not over and client.status == "running":
                with anyio.move_on_after(_STOP_S, shield=True):
                    await client.cancel([future], force=True, reason="stopped")
                    await client.run(settled, key, on_error="ignore")
        return ended

    async def _end(self, future: Future[Any]) -> Ended:
        try:
            return Ended(**await future)
        except KilledWorker as lost:
            return Ended(status=None, where=lost.last_worker.address, lost="its worker was lost")
        except FutureCancelledError as error:
            raise PausedError(f"the scheduler {self._fleet.engine} is lost", hint=_AGAIN) from error
        except Exception as error:  # noqa: BLE001 - what a worker raises comes from there, whatever its kind
            return Ended(status=None, where="a worker", lost=f"it could not be begun: {type(error).__name__}: {error}")

    async def __aenter__(self) -> Self:
        """Connect, and compare versions.

        Raises:
            PausedError: the scheduler is not reached.
            UsageError: its certificate, or the importer there, is not the one that is wanted.
        """
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # losses are told in the fleet's own words
        address = self._fleet.engine
        try:
            self._client = await Client(
                address, asynchronous=True, security=_security(self._fleet.tls), timeout=_CONNECT_S,
                set_as_default=False, name="importer-fleet", direct_to_workers=False,
            )  # fmt: skip
        except OSError as error:
            raise PausedError(f"the scheduler {address} is not reached: {_reason(error)}", hint=_AGAIN) from error
        try:
            with anyio.fail_after(_ASK_S):
                await self._compare(self._client)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def _compare(self, client: Client) -> None:
        """Refuse a cluster with another importer than this one."""
        try:
            told: list[Any] = [await client.run_on_scheduler(prepare, self._fleet.worker_ttl_s)]
        except ModuleNotFoundError as error:
            raise _without_importer("the scheduler", error) from error
        found: Mapping[str, Any] = await client.run(version_of, on_error="return")
        told += found.values()
        for one in told:
            if isinstance(one, ModuleNotFoundError):
                raise _without_importer("a worker", one)
            if not isinstance(one, Told):
                raise UsageError(f"a worker cannot say which importer it has: {one}")
            if one.version != VERSION:
                raise UsageError(
                    f"{one.where} has importer {one.version}, this is {VERSION}",
                    hint="Install the same version everywhere: two versions may write a ledger in two ways.",
                )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Disconnect. The cluster stays as it is."""
        client, self._client = self._client, None
        if client is not None:
            with anyio.move_on_after(_ASK_S, shield=True):
                await client.close()


def _without_importer(who: str, error: ModuleNotFoundError) -> UsageError:
    return UsageError(
        f"{who} has no importer {VERSION}: {error}", hint="Install campaign-importer[fleet] where Dask runs, too."
    )


def _security(tls: Tls | None) -> Security | None:
    if tls is None:
        return None
    return Security(tls_ca_file=tls.ca, tls_client_cert=tls.cert, tls_client_key=tls.key, require_encryption=True)


def _reason(error: OSError) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return str(cause) or type(cause).__name__
