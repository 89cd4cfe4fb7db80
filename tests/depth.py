"""How much of a law is tried: a share of it with every change, all of it in `make deep`.

A law that is tried with thousands of drawn or enumerated cases is broken by many of them when it is broken at all. With
every change a share of them, spread evenly, is enough; now and then all of them are.
"""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

T = TypeVar("T")

DEEP: Final = bool(os.environ.get("TESTS_DEEP"))  #: everything is tried


def share(cases: Iterable[T], *, one_of: int) -> Iterator[T]:
    """Yield the first and each `one_of`-th of the cases after it; all of them in depth."""
    return islice(cases, 0, None, 1 if DEEP else one_of)


def seconds(usual: float, *, deep: float) -> float:
    """Return how long a simulation is to last, in its own time."""
    return deep if DEEP else usual


def examples(usual: int, *, deep: int) -> int:
    """Return how many examples hypothesis is to draw."""
    return deep if DEEP else usual
