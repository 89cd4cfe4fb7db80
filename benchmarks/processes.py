"""Processes that are measured: a client on one core, the stub on another, and what the kernel says of the client."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

#: One token for all; no setting of the person who measures may slip in.
ENVIRONMENT: Final = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("IMPORTER_", "HUBSPOT_", "PYTHON"))},
    "HUBSPOT_ACCESS_TOKEN": "a-token",
}
_KIB: Final = 1 if sys.platform == "darwin" else 1024  # ru_maxrss counts bytes there, KiB elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What one process used, from its start to its end."""

    seconds: float
    cpu_s: float  #: user and system, all threads
    peak_bytes: int  #: resident, as the kernel counted it
    status: int  #: its exit status
    output: str
    errors: str  #: what it wrote to standard error
    began: float  #: monotonic seconds


@dataclass(slots=True)
class Served:
    """A stub at work; `counts` is filled when it has ended."""

    base_url: str
    counts: dict[str, Any] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.base_url.rpartition(":")[2])


def cores() -> tuple[int | None, int | None]:
    """Return a core for the client and another for the stub; None where they cannot be chosen."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    free = sorted(os.sched_getaffinity(0))
    return (free[0], free[-1]) if len(free) > 1 else (None, None)


def measured(line: Sequence[str], *, environment: Mapping[str, str] = ENVIRONMENT, core: int | None = None) -> Used:
    """Run `line` to its end, on `core` alone where one is given.

    The kernel hands the peak of whoever starts a process on to it, so the caller
    has to be the smaller one: nothing heavy is imported here.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        with _on(core):
            process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=said, text=True, env=environment)  # noqa: S603 - lines made here
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.stdout.close()
        said.seek(0)
        errors = said.read()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Used(
        seconds=seconds,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * _KIB,
        status=process.returncode,
        output=output,
        errors=errors,
        began=began,
    )


@contextmanager
def stub(latency_ms: float = 0.0, port: int = 0) -> Iterator[Served]:
    """Serve a stub of its own, on a free port or on `port`; yield it, and fill in what it counted when it has ended."""
    _, core = cores()
    line = [sys.executable, "-m", "benchmarks.stub", "--latency", str(latency_ms), "--port", str(port)]
    if core is not None:
        line += ["--core", str(core)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdin is not None
        assert process.stdout is not None
        served = Served(process.stdout.readline().strip())
        try:
            yield served
        finally:
            process.stdin.close()
            served.counts = json.loads(process.stdout.read())


@contextmanager
def _on(core: int | None) -> Iterator[None]:
    """Run what is started here on `core`: a child inherits it, and its threads from it."""
    if core is None:
        yield
        return
    usual = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, usual)
