"""The world of whole runs, for these tests too."""

from tests.pipeline.conftest import world

__all__ = ["world"]
