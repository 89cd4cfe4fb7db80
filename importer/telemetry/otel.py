"""Traces and metrics by OpenTelemetry: a span for the run, one for each request, the figures at intervals.

Its packages are the extra `otel`, loaded only here. They send from threads of their own; what they cannot send is
counted and said at the end, and costs the run nothing.
"""

import inspect
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self, cast

from importer.errors import UsageError
from importer.hubspot.exchange import Exchange, Reply, Transport
from importer.report.books import Tally
from importer.telemetry.figures import PREFIX, Figure, Moments, figures

_SEND_S: Final = 5.0  #: so long may a sending take while the run goes on
_LAST_S: Final = 2.0  #: so long may the end of a run wait for what is left to be sent
_SCOPE: Final = "campaign-importer"


class Telemetry:
    """Sends to one endpoint (`http://127.0.0.1:4318`) from entering to leaving.

    `tell` gives the figures of now. Raises `UsageError` where the extra is missing.
    """

    def __init__(
        self, endpoint: str, resource: Mapping[str, str], tell: Callable[[], Iterable[Figure]], *, every_s: float
    ) -> None:
        with _extra():
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - of an extra, which need not be there
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - of an extra, which need not be there
            from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - of an extra, which need not be there
            from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415 - of an extra, which need not be there
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - of an extra, which need not be there
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - of an extra, which need not be there
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - of an extra, which need not be there

        self.unsent = _Counting()
        told = Resource.create({"service.name": _SCOPE, **resource})
        base = endpoint.rstrip("/")
        spans = OTLPSpanExporter(endpoint=f"{base}/v1/traces", timeout=_SEND_S)
        sums = OTLPMetricExporter(endpoint=f"{base}/v1/metrics", timeout=_SEND_S)
        self._traces = TracerProvider(resource=told, shutdown_on_exit=False)
        self._traces.add_span_processor(BatchSpanProcessor(spans))
        reader = PeriodicExportingMetricReader(sums, export_interval_millis=every_s * 1000)
        self._metrics = MeterProvider(resource=told, metric_readers=[reader], shutdown_on_exit=False)
        self._tracer = self._traces.get_tracer(_SCOPE)
        self._observe(tell)
        self._run: Any = None

    def __enter__(self) -> Self:
        """Begin the run's span."""
        self._run = self._tracer.start_span("import")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the run's span and send what is left; blocks for two seconds at most, and leaves the rest unsent."""
        from opentelemetry.trace import StatusCode  # noqa: PLC0415 - of an extra, which need not be there

        if error is not None:
            self._run.set_status(StatusCode.ERROR, type(error).__name__)
        self._run.end()
        endings: list[Callable[[], object]] = [
            self._traces.shutdown,
            partial(self._metrics.shutdown, timeout_millis=_LAST_S * 1000),
        ]
        threads = [Thread(target=ending, daemon=True) for ending in endings]  # no end of the process waits for them
        deadline = time.monotonic() + _LAST_S
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in threads):
            self.unsent.count += 1  # and what they say from now on stays unheard
        else:
            self.unsent.close()

    def end(self, status: int, attributes: Mapping[str, str | int | float]) -> None:
        """Note on the run's span how it ended."""
        from opentelemetry.trace import StatusCode  # noqa: PLC0415 - of an extra, which need not be there

        self._run.set_attributes({"importer.exit_status": status, **attributes})
        if status:
            self._run.set_status(StatusCode.ERROR, f"exit status {status}")

    def around(self, transport: Transport) -> Transport:
        """Return `transport` with a span for each request that it sends."""
        return cast("Transport", _Traced(transport, self._span))

    @contextmanager
    def _span(self, name: str) -> Iterator[Any]:
        """Open the span of one request below the run's; it holds no data of campaigns."""
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415 - of an extra, which need not be there

        span = self._tracer.start_span(name, context=set_span_in_context(self._run), kind=SpanKind.CLIENT)
        try:
            yield span
        finally:
            span.end()

    def _observe(self, tell: Callable[[], Iterable[Figure]]) -> None:
        """Let the meter ask for every figure when it is time to send them."""
        meter = self._metrics.get_meter(_SCOPE)
        nothing = figures(Tally(), Moments(began=0.0, now=0.0))
        for figure in nothing:
            make = meter.create_observable_counter if figure.kind == "counter" else meter.create_observable_gauge
            make((PREFIX + figure.name).removesuffix("_total"), [_asker(figure.name, tell)], description=figure.help)


def _asker(name: str, tell: Callable[[], Iterable[Figure]]) -> Callable[[Any], Iterator[Any]]:
    from opentelemetry.metrics import Observation  # noqa: PLC0415 - of an extra, which need not be there

    def ask(_options: Any) -> Iterator[Any]:
        for figure in tell():
            if figure.name == name:
                yield from (Observation(value, dict(labels)) for labels, value in figure.values.items())

    return ask


class _Traced:
    """A transport each of whose requests has a span; what sends nothing is passed through."""

    def __init__(self, transport: Transport, span: Callable[[str], Any]) -> None:
        self._transport, self._span = transport, span

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._transport, name)
        if name == "aclose" or not inspect.iscoroutinefunction(inner):
            return inner

        async def traced(*args: Any, **more: Any) -> Exchange:
            with self._span(f"hubspot {name}") as span:
                exchange: Exchange = await inner(*args, **more)
                if isinstance(exchange, Reply):
                    span.set_attribute("http.response.status_code", exchange.status)
                else:
                    span.set_attribute("error.type", str(exchange.kind))
                return exchange

        self.__dict__[name] = traced  # so that it is made once
        return traced


class _Counting(logging.Handler):
    """Takes what OpenTelemetry would print, and counts it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0
        self._logger = logging.getLogger("opentelemetry")
        self._before = self._logger.propagate
        self._logger.addHandler(self)
        self._logger.propagate = False

    def emit(self, _record: logging.LogRecord) -> None:
        """Count a warning."""
        self.count += 1

    def close(self) -> None:
        """Let OpenTelemetry print again."""
        self._logger.removeHandler(self)
        self._logger.propagate = self._before
        super().close()


@contextmanager
def _extra() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise UsageError(
            "--otlp-endpoint needs packages that are not installed",
            hint="Install the extra: pip install 'campaign-importer[otel]'",
        ) from error
