"""Fixtures for the whole suite."""

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


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
