"""Loading a library without one that it would load besides, where that is slow and never used."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hidden(name: str) -> Iterator[None]:
    """Let what is imported meanwhile find no module `name`, unless it is there already."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # how Python notes that a module must not be imported
    try:
        yield
    finally:
        del sys.modules[name]
