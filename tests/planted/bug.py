"""A deliberate breakage of the importer, as a value."""

from typing import NamedTuple


class Bug(NamedTuple):
    """One breakage: in `file`, the only occurrence of `old` becomes `new`."""

    name: str
    breaks: str  #: the promise
    file: str  #: below importer/
    old: str
    new: str
    tests: str  #: what is expected to catch it: paths, or names of tests
