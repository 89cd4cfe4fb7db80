"""Patterns (`exports/*.csv`) → the files they stand for, whether or not a shell has seen them first."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from importer.errors import UsageError
from importer.near_miss import did_you_mean, nearest
from importer.sources.addresses import is_remote

_NEAR: Final = 0.6  #: names in one folder are alike anyway, so that less is asked of them
_SHOWN_MAX: Final = 5


def expanded(sources: Sequence[str]) -> list[str]:
    """Return the sources with each pattern replaced by the files that it stands for, sorted by name, each file once.

    A word is a pattern when it holds `*`, `?` or `[` and no file has that very name; `**` goes down into folders. What
    is named and also stands in a pattern is taken once. Raises `UsageError` for a pattern without a file.
    """
    found: list[str] = []
    for source in sources:
        if not is_pattern(source):
            found.append(source)
        else:
            every = glob.glob(source, recursive=True)  # noqa: PTH207 - a Path would spell the names in its own way
            files = sorted(path for path in every if Path(path).is_file())
            if not files:
                raise _none(source)
            found.extend(file for file in files if file not in found)
    return found


def is_pattern(source: str) -> bool:
    """Tell whether a word stands for the files that it matches, rather than for itself."""
    return glob.has_magic(source) and not is_remote(source) and not Path(source).exists()


def _none(pattern: str) -> UsageError:
    """Return what is wrong with a pattern that stands for nothing, with what may have been meant."""
    folder = Path(pattern).parent
    fixed = next((one for one in (folder, *folder.parents) if not glob.has_magic(str(one))), Path())
    missing = next((one for one in reversed((fixed, *fixed.parents)) if not one.exists()), None)
    if missing is not None:
        others = [path.name for path in _in(missing.parent) if path.is_dir()]
        near = did_you_mean(missing.name, others)
        return UsageError(f"{pattern} stands for no file: there is no folder {missing}{near}", hint="Check the path.")
    names = sorted(path.name for path in _in(fixed) if path.is_file() and not path.name.startswith("."))
    near_name = nearest(Path(pattern).name, names, cutoff=_NEAR)
    if near_name is not None:
        return UsageError(
            f'{pattern} stands for no file (did you mean "{fixed / near_name}"?)', hint="Check the pattern."
        )
    if not names:
        return UsageError(f"{pattern} stands for no file: there are none in {fixed}", hint="Check the path.")
    shown = ", ".join(names[:_SHOWN_MAX]) + (", …" if len(names) > _SHOWN_MAX else "")
    return UsageError(f"{pattern} stands for no file; {fixed} holds {shown}", hint="Check the pattern.")


def _in(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.iterdir()
    except OSError:
        return
