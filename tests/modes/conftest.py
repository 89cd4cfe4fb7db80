"""The world of whole runs, for nights of one feed."""

from tests.pipeline.conftest import World, world

__all__ = ["World", "world"]
