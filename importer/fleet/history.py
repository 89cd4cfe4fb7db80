"""history.jsonl: one line for each change of an import's standing, for the overview. No truth: that is the ledgers'."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from importer import platforms
from importer.fleet import places
from importer.fleet.model import Fleet
from importer.fleet.standing import Standing, State


class History:
    """The file, open for the one driver that writes it."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        """Open it for round `number`, behind whatever half a line a kill has left. Blocks; raises `OSError`."""
        path = places.within(fleet, places.HISTORY)
        flags = platforms.opening(os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self._file = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
        self._number = number
        size = self._file.seek(0, os.SEEK_END)
        if size:
            self._file.seek(size - 1)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def write(self, at: float, changed: Mapping[str, Standing]) -> None:
        """Append the new standings. Blocks; raises `OSError`."""
        told = ({"at": at, "round": self._number, "import": name, **asdict(one)} for name, one in changed.items())
        self._file.write(b"".join(json.dumps(line).encode() + b"\n" for line in told))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_history(fleet: Fleet, number: int) -> dict[str, tuple[float, Standing]]:
    """Return each import's latest standing in round `number`, and since when. Blocks; what is broken is left out."""
    latest: dict[str, tuple[float, Standing]] = {}
    for line in _lines(Path(places.within(fleet, places.HISTORY))):
        if line.get("round") == number:
            at, name = line.pop("at"), line.pop("import")
            del line["round"]
            with contextlib.suppress(TypeError, ValueError):
                latest[name] = (at, Standing(**{**line, "state": State(line["state"])}))
    return latest


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        for line in file:
            with contextlib.suppress(ValueError):
                told = json.loads(line)
                if isinstance(told, dict) and {"at", "import", "round", "state"} <= told.keys():
                    yield told
