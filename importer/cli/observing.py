"""The figures of a session: written to a file at intervals and at the end, and sent by OpenTelemetry."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from importer.cli.screen import Screen
from importer.errors import ExitStatus, ImporterError
from importer.plan import Plan
from importer.posting import check_address
from importer.report.books import Summary, Tally
from importer.settings import Settings
from importer.telemetry import textfile
from importer.telemetry.figures import Figure, Moments, figures

if TYPE_CHECKING:
    from importer.telemetry.otel import Telemetry


@dataclass(slots=True, kw_only=True)
class Observer:
    """Tells the figures of one run to whoever wants them; what cannot be told is said once."""

    settings: Settings
    plan: Plan
    tally: Tally
    screen: Screen
    wall: Callable[[], float] = time.time  #: epoch seconds
    telemetry: "Telemetry | None" = None
    _moments: Moments = field(init=False)
    _complained: bool = False

    def __post_init__(self) -> None:
        """Begin, and look up when a run last succeeded."""
        path, now = self.settings.metrics_file, self.wall()
        self._moments = Moments(began=now, now=now, succeeded=textfile.last_success(path) if path else None)

    def figures(self) -> Iterator[Figure]:
        """Yield the figures of now."""
        return figures(self.tally, replace(self._moments, now=self.wall() if self._running else self._moments.now))

    @property
    def _running(self) -> bool:
        return self._moments.status is None

    async def watch(self) -> None:
        """Write the file at intervals. Cancellation: a write under way is finished."""
        if self.settings.metrics_file is None:
            return
        while True:
            await anyio.to_thread.run_sync(self.write)
            await anyio.sleep(self.settings.metrics_every)

    def write(self) -> None:
        """Write the file, if there is to be one. Blocks."""
        path = self.settings.metrics_file
        if path is None:
            return
        try:
            textfile.write(path, textfile.exposition(self.figures(), self.labels.items()))
        except OSError as error:
            if not self._complained:
                self._complained = True
                self.screen.say(f"metrics cannot be written to {path}: {error.strerror or error}", style="yellow")

    @property
    def labels(self) -> Mapping[str, str]:
        """What tells this import from others: its ledger's name."""
        return {"ledger": self.plan.ledger.name}

    def end(self, status: int) -> None:
        """Note the status, and write the file for the last time. Blocks."""
        now = self.wall()
        succeeded = self._moments.succeeded if status else now
        self._moments = replace(self._moments, status=status, now=now, succeeded=succeeded)
        self.write()

    def end_with(self, summary: Summary) -> None:
        """Note how a run ended."""
        self.end(int(summary.status))
        if self.telemetry is not None:
            books: dict[str, Any] = {
                f"importer.rows.{name}": getattr(summary.books, name)
                for name in type(summary.books).__dataclass_fields__
            }
            self.telemetry.end(int(summary.status), books)


@contextmanager
def observed(plan: Plan, settings: Settings, tally: Tally, screen: Screen) -> Iterator[tuple[Plan, Observer | None]]:
    """Give the plan to run, and who observes it; what an error ends is told too.

    Raises:
        UsageError: the endpoint is not safe, or the extra is missing.
    """
    if plan.dry_run or (settings.metrics_file is None and settings.otlp_endpoint is None):
        yield plan, None
        return
    observer = Observer(settings=settings, plan=plan, tally=tally, screen=screen)
    try:
        if settings.otlp_endpoint is None:
            yield plan, observer
            return
        check_address(settings.otlp_endpoint, "--otlp-endpoint", plain=True)  # collectors live beside, without TLS
        from importer.telemetry.otel import Telemetry  # noqa: PLC0415 - slow to import

        every_s = settings.metrics_every
        with Telemetry(settings.otlp_endpoint, observer.labels, observer.figures, every_s=every_s) as telemetry:
            observer.telemetry = telemetry
            yield replace(plan, observe=telemetry.around), observer
        if telemetry.unsent.count:
            screen.say("not all traces and metrics could be sent to --otlp-endpoint", style="yellow")
    except ImporterError as error:
        if error.exit_status is not ExitStatus.HELD:  # the file is that of the run which has the ledger
            observer.end(int(error.exit_status))
        raise
    except Exception:
        observer.end(int(ExitStatus.INTERNAL))
        raise
