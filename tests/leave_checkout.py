"""Copy all of the checkout but the package to a new folder, so that the suite there meets the installed package.

    python tests/leave_checkout.py FOLDER && cd FOLDER && python -m pytest --ignore tests/planted

`tests/planted` breaks copies of the package's source on purpose, and needs the checkout.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
#: What is not needed there: the package itself, what tools leave, what belongs to the forge's own machinery.
_LEFT: Final = shutil.ignore_patterns(
    "importer", ".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", ".coverage*", "dist", "demo"
)


def leave(root: Path, folder: Path) -> None:
    """Copy `root` to `folder`, which must not exist; raise `FileExistsError` if it does."""
    shutil.copytree(root, folder, ignore=_only_at(root))


def _only_at(root: Path) -> Callable[[str, list[str]], set[str]]:
    """Return what leaves out the names of `_LEFT`: `importer` only at the top, since tests have folders of any name."""

    def ignored(at: str, names: list[str]) -> set[str]:
        left = set(_LEFT(at, names))
        return left if Path(at) == root else left - {"importer", "demo", "dist"}

    return ignored


if __name__ == "__main__":
    leave(ROOT, Path(sys.argv[1]))
