"""The machine and the packages that figures were measured on, in words."""

import os
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from benchmarks.processes import cores

_PACKAGES: Final = ("aiohttp", "anyio", "orjson", "pydantic", "hubspot-sdk", "hubspot-api-client")


def machine() -> dict[str, str]:
    """Return what a reader has to know to compare figures."""
    client, stub = cores()
    pinned = f"client on core {client}, stub on core {stub}" if client is not None else "not pinned to cores"
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores; {pinned}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load at the beginning": f"{os.getloadavg()[0]:.1f} (what else ran, in processes)",
        "packages": ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
    }


def stolen() -> tuple[int, int] | None:
    """Return the ticks that the hypervisor took from this machine since it started, and all ticks; None off Linux."""
    try:
        ticks = [int(one) for one in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    except OSError:
        return None
    return ticks[7], sum(ticks)


def additions_s() -> float:
    """Return the seconds that ten million additions take, a yardstick for a machine whose speed changes."""
    began, total = time.perf_counter(), 0
    for number in range(10_000_000):
        total += number
    return time.perf_counter() - began


def python_version(python: str) -> str:
    """Return the version of the interpreter `python`, such as 3.11.7."""
    line = [python, "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - named by the user


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
