"""Fixtures for the whole suite."""

import os
from pathlib import Path

import hypothesis  # noqa: F401 - before a session freezes the collector, after which it would warn of trio's dice
import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


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
