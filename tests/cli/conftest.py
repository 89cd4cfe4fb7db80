"""A folder to work in and an account to write to, for commands that are run as processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from importer.simulator.policy import SimulatorPolicy
from importer.simulator.server import Simulator


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with the `TOKEN` of the test's module where it has one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    if hasattr(request.module, "TOKEN"):
        monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", request.module.TOKEN)
    return tmp_path


@pytest.fixture
def account(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """Serve a simulated account from another thread.

    Switches come from `SWITCHES` of the test's module, and by `parametrize(..., indirect=True)`.
    """
    switches = [*getattr(request.module, "SWITCHES", ()), *getattr(request, "param", ())]
    simulator = Simulator(SimulatorPolicy.from_strings(switches))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(simulator) as served:
        yield served
