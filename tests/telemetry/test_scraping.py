"""The metrics of real runs, scraped by a real Prometheus; traces and metrics read back from an OTLP receiver."""

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import warm

pytestmark = pytest.mark.slow


def imported(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Import 500 campaigns and a bad row into a simulated HubSpot."""
    source = folder / "nightly.csv"
    source.write_text("hs_name,hs_notes\n" + "".join(f"Campaign {n},x\n" for n in range(500)) + ",no name\n")
    line = [sys.executable, "-m", "importer", "run", str(source), "--simulate", *options]
    return warm.run(line, capture_output=True, text=True, check=False, timeout=60)


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(*line: str) -> Iterator[None]:
    """Run a server until the block ends."""
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def asked(port: int, query: str) -> list[Any]:
    """Return what Prometheus answers to a query; nothing while it is not there yet."""
    try:
        address = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}"
        with urllib.request.urlopen(address, timeout=5) as answer:
            return list(json.load(answer)["data"]["result"])
    except (urllib.error.URLError, ConnectionError):
        return []


@pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("prometheus-node-exporter") is None,
    reason="prometheus and prometheus-node-exporter are not installed here",
)
def test_prometheus_scrapes_what_a_run_left(tmp_path: Path) -> None:
    """Run, node exporter's textfile collector, Prometheus, PromQL: the counts of the run come out."""
    folder = tmp_path / "textfiles"
    folder.mkdir()
    done = imported(tmp_path, "--metrics-file", str(folder / "nightly.prom"))
    assert done.returncode == 1, done.stderr
    exporter, prometheus = free_port(), free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: importer\n  static_configs:\n"
        f"  - targets: ['127.0.0.1:{exporter}']\n"
    )
    node = ("prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
            f"--collector.textfile.directory={folder}", f"--web.listen-address=127.0.0.1:{exporter}")  # fmt: skip
    server = ("prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}",
              f"--web.listen-address=127.0.0.1:{prometheus}", "--log.level=error")  # fmt: skip
    with running(*node), running(*server):
        until = time.monotonic() + 60
        query = 'campaign_import_rows_total{ledger="nightly.csv.simulated.ledger"}'
        while not (rows := asked(prometheus, query)) and time.monotonic() < until:
            threading.Event().wait(0.2)
        found = {row["metric"]["state"]: row["value"][1] for row in rows}
        status = asked(prometheus, "campaign_import_run_exit_status")
        errors = asked(prometheus, "node_textfile_scrape_error")
    assert (found["created"], found["failed"]) == ("500", "1")
    assert status[0]["value"][1] == "1"
    assert errors[0]["value"][1] == "0"


class Receiver(BaseHTTPRequestHandler):
    """An OTLP receiver that keeps what it is sent."""

    got: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        """Keep the body, unpacked."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        type(self).got.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[str]:
    """Serve an OTLP receiver on a free port; yield its endpoint."""
    Receiver.got = []
    with HTTPServer(("127.0.0.1", 0), Receiver) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def test_traces_and_metrics_are_read_back(tmp_path: Path, receiver: str) -> None:
    """One span for the run and below it one for each request, with statuses and no data; the counts as metrics."""
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (  # noqa: PLC0415 - an extra
        ExportMetricsServiceRequest,
    )
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415 - an extra
        ExportTraceServiceRequest,
    )

    done = imported(tmp_path, "--otlp-endpoint", receiver)
    assert done.returncode == 1, done.stderr
    assert "could be sent" not in done.stderr
    spans = [
        span
        for path, body in Receiver.got
        if path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    (run,) = [span for span in spans if span.name == "import"]
    requests = [span for span in spans if span.name.startswith("hubspot ")]
    assert len([span for span in requests if span.name == "hubspot create"]) == 10
    assert {span.parent_span_id for span in requests} == {run.span_id}
    assert {span.trace_id for span in spans} == {run.trace_id}
    said = {pair.key: pair.value.int_value for pair in run.attributes}
    assert (said["importer.exit_status"], said["importer.rows.created"]) == (1, 500)
    assert not [body for _, body in Receiver.got if b"Campaign 1" in body]
    metrics = {
        metric.name: metric
        for path, body in Receiver.got
        if path == "/v1/metrics"
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    rows = {
        point.attributes[0].value.string_value: point.as_double
        for point in metrics["campaign_import_rows"].sum.data_points
    }
    assert (rows["created"], rows["failed"]) == (500, 1)


def test_a_collector_that_is_away_costs_a_sentence(tmp_path: Path) -> None:
    """The run is as good as without; that not all could be sent is said, and nothing is printed by others."""
    pytest.importorskip("opentelemetry.sdk")
    done = imported(tmp_path, "--otlp-endpoint", "http://127.0.0.1:1", "--quiet")
    assert done.returncode == 1
    assert "not all traces and metrics could be sent" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Failed to export" not in done.stderr


def test_without_the_extra_its_name_is_told(tmp_path: Path) -> None:
    """Status 2 and the command that installs it, where OpenTelemetry is not there."""
    code = (
        "import sys; sys.modules['opentelemetry.sdk'] = None; sys.modules['opentelemetry.exporter'] = None\n"
        "from importer.__main__ import main; main()"
    )
    source = tmp_path / "a.csv"
    source.write_text("hs_name\nA\n")
    line = [sys.executable, "-c", code, "run", "--simulate", str(source), "--otlp-endpoint", "http://127.0.0.1:1"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 2
    assert "campaign-importer[otel]" in done.stderr
