"""Fixtures for the whole suite."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.depth import DEEP

SHARED = Path(__file__).resolve().parents[2] / "shared"
# No test says how long something takes, and neither does hypothesis: others may have the machine.
settings.register_profile("suite", deadline=None, max_examples=40)
settings.register_profile("deep", deadline=None, max_examples=1_000)
settings.load_profile("deep" if DEEP else "suite")


def pytest_collection() -> None:
    """Leave the collector out while tests are found: what is loaded stays, and each look at it would be in vain."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Let it look again."""
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip on Windows what holds on Linux and macOS only, with the reason that the test names."""
    if os.name == "nt":
        for item in items:
            for mark in item.iter_markers("posix"):
                item.add_marker(pytest.mark.skip(reason=f"not on Windows: {mark.args[0]}"))


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, as the tool does; modules that want virtual time override this with trio."""
    return "asyncio"


@pytest.fixture
def shared() -> Path:
    """Return the folder with the real export files and HubSpot's OpenAPI files, or skip without it."""
    if not SHARED.is_dir():
        pytest.skip("../shared (real export files, HubSpot's OpenAPI files) is not beside this checkout")
    return SHARED


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own settings out of the tests."""
    for name in [name for name in os.environ if name.startswith(("IMPORTER_", "HUBSPOT_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def own_collector() -> Iterator[None]:
    """Give collector and threads back as they were: a command sets them up for a process that ends with it.

    Frozen garbage is never freed, and hypothesis cannot see who holds the dice it is given, of which it warns.
    """
    thresholds, switch_s = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.enable()
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    sys.setswitchinterval(switch_s)
