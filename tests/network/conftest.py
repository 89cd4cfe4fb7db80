"""A world for whole runs over a hostile network."""

from pathlib import Path

import pytest

from tests.pipeline.conftest import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return an empty world."""
    return World(tmp_path)
