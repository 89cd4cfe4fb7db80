"""The engine that places imports on a Dask cluster. It only places and watches: the truth is in the ledgers.

A worker that dies is told to the driver, which begins the import elsewhere. Where Dask runs an import twice, as it may,
the account's lock lets only one of the two send; the other ends with exit 10.
"""

import logging
import ssl
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import anyio
import anyio.to_thread
from distributed import Client, Future
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker
from distributed.security import Security

from importer.errors import ImporterError, PausedError, UsageError
from importer.fleet import places
from importer.fleet.dask_task import (
    CLIENT,
    Sign,
    Told,
    Unfit,
    examine,
    of_another_version,
    prepare,
    run_import,
    settled,
)
from importer.fleet.model import Ended, Fleet, Job, Tls
from importer.version import VERSION

_CONNECT_S: Final = 10.0
_ANSWER_S: Final = 10.0
#: Seconds for scheduler and workers to say what they are: a busy host has to load the importer first.
_EXAMINE_S: Final = 60.0
#: Seconds for workers to stop their imports: longer than the 20 s that `run_child` gives a process.
_STOP_S: Final = 25.0
_AGAIN: Final = "Start the cluster, then run the same command again: the ledgers know what was done."
_ALIVE: Final = "A worker that stays silent is given up after worker_ttl; then run the same command again."
_SECURE: Final = 'Write engine = "tls://…" and [fleet.tls]. On a network where nobody else is, --insecure lets it pass.'


def check_address(fleet: Fleet, *, insecure: bool) -> None:
    """Refuse a cluster on which any stranger could run code.

    Raises:
        UsageError: it is reached without TLS and not `insecure`, or TLS is named in one of two places alone.
    """
    if fleet.engine.startswith("tls://"):
        if fleet.tls is None:
            raise UsageError(f"{fleet.engine} needs certificates", hint="Name ca, cert and key in [fleet.tls].")
    elif fleet.tls is not None:
        raise UsageError(
            f"{fleet.engine} is not reached with TLS, and [fleet.tls] names certificates",
            hint='Write engine = "tls://…".',
        )
    elif not insecure:
        raise UsageError(f"{fleet.engine}: who reaches this cluster can run code on it and read tokens", hint=_SECURE)


class DaskEngine:
    """Runs imports on the workers of a cluster, as many at once as they have threads, `at_once` at most."""

    def __init__(self, fleet: Fleet, *, insecure: bool = False) -> None:
        """Name the cluster of a fleet; nothing is connected yet. Raises as `check_address`."""
        check_address(fleet, insecure=insecure)
        self._fleet = fleet
        self._sign = Sign(places.within(fleet, places.DRIVER), "")
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
            UsageError: the worker has another importer, or another directory at the fleet's path.
        """
        client = self._client
        assert client is not None, "an engine is entered before it runs"
        key = f"{job.import_name}-{uuid.uuid4().hex}"
        future = client.submit(run_import, job, self._sign, key, key=key, pure=False, retries=0)
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
            told = await future
        except KilledWorker as lost:
            return Ended(status=None, where=lost.last_worker.address, lost="its worker was lost")
        except FutureCancelledError as error:
            raise PausedError(f"the scheduler {self._fleet.engine} is lost", hint=_AGAIN) from error
        except Exception as error:  # noqa: BLE001 - what a worker raises comes from there, whatever its kind
            return Ended(status=None, where="a worker", lost=f"it could not be begun: {type(error).__name__}: {error}")
        if isinstance(told, Unfit):
            raise UsageError(told.why, hint=told.hint)
        return Ended(**told)

    async def __aenter__(self) -> Self:
        """Connect, and examine scheduler and workers.

        Raises:
            PausedError: the scheduler is not reached, or somebody does not answer.
            UsageError: a certificate, or the importer there, or the directory there, is not the one that is wanted.
        """
        _hush()
        address = self._fleet.engine
        security = await anyio.to_thread.run_sync(_security, self._fleet.tls)
        self._sign = await anyio.to_thread.run_sync(_sign, self._sign.path)
        self._client = client = Client(
            address, asynchronous=True, security=security, timeout=_CONNECT_S,
            set_as_default=False, name=CLIENT, direct_to_workers=False,
        )  # fmt: skip
        try:
            await _connected(client, address)
            with anyio.fail_after(_EXAMINE_S):
                await self._examine(client)
        except BaseException as error:
            await self.__aexit__(None, None, None)
            if isinstance(error, OSError):
                raise PausedError(f"the cluster {address} does not answer", hint=_ALIVE) from error
            raise
        return self

    async def _examine(self, client: Client) -> None:
        """Refuse a cluster with another importer than this one, or with workers that do not see the directory."""
        with _importer_there("the scheduler"):
            scheduler: Told = await client.run_on_scheduler(prepare, self._fleet.worker_ttl_s, client.id)
        found = [of_another_version(scheduler, VERSION)] if scheduler.version != VERSION else []
        told: Mapping[str, Any] = await client.run(examine, VERSION, self._sign, on_error="return")
        for where, one in told.items():
            if isinstance(one, OSError):
                continue  # that worker is gone, and its imports go elsewhere
            with _importer_there(where):
                if isinstance(one, Exception):
                    raise one
            found += [one] if one is not None else []
        if found:
            raise UsageError(found[0].why, hint=found[0].hint)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Disconnect. The cluster stays as it is."""
        client, self._client = self._client, None
        if client is not None:
            with anyio.move_on_after(_ANSWER_S, shield=True):
                await client.close()


async def _connected(client: Client, address: str) -> None:
    """Return when the scheduler has answered. Cancellation: the client is as before.

    Raises:
        PausedError: it does not.
        UsageError: a certificate is not the one that is wanted.
    """
    try:
        with anyio.fail_after(_CONNECT_S + _ANSWER_S):  # Dask waits for a handshake without an end
            await client
    except OSError as error:
        raise _unreached(address, error) from error


@contextmanager
def _importer_there(who: str) -> Iterator[None]:
    """Say plainly that a scheduler or a worker does not know what it is asked."""
    try:
        yield
    except (ImportError, AttributeError, TypeError) as error:
        raise UsageError(
            f"{who} has no importer {VERSION}: {error}", hint="Install campaign-importer[fleet] where Dask runs, too."
        ) from error


def _hush() -> None:
    """Let Dask's loggers, several of which have a level of their own, leave losses to the fleet's own words."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _sign(path: str) -> Sign:
    """Return what the driver wrote of itself into the fleet's directory. Blocks."""
    try:
        return Sign(path, Path(path).read_text())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error


def _security(tls: Tls | None) -> Security | None:
    """Return how the cluster is reached. Blocks; raises `UsageError` where a certificate cannot be used."""
    if tls is None:
        return None
    try:
        context = ssl.create_default_context(cafile=tls.ca)
        context.load_cert_chain(tls.cert, tls.key)
    except OSError as error:  # which a broken PEM is, too
        named = f"{tls.ca}, {tls.cert}, {tls.key}"
        raise UsageError(f"the certificates in [fleet.tls] cannot be used ({named}): {error}") from error
    return Security(tls_ca_file=tls.ca, tls_client_cert=tls.cert, tls_client_key=tls.key, require_encryption=True)


def _unreached(address: str, error: OSError) -> ImporterError:
    """Return what is said of a scheduler that was not reached: certificates are mended by people, the rest by time."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    said = f"the scheduler {address} is not reached: {str(cause) or 'it does not answer'}"
    if isinstance(cause, ssl.SSLError):
        return UsageError(said, hint="Scheduler, workers and driver need certificates of the one CA in [fleet.tls].")
    return PausedError(said, hint=_AGAIN)
