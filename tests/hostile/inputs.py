"""Hostile inputs, by name: how each is made, and what must become of every row of it.

    python -m tests.hostile.inputs      prints them as a Markdown table

The cases stand in `tables` (CSV and TSV), `objects` (JSON), `files` (encodings, compression) and `places` (what stands
at the path); the tests run each of them through a whole import and a whole check.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from importer.errors import ExitStatus

Make = Callable[[Path], Path]

HEAD = b"hs_name,hs_notes\n"
OK, SOME_FAILED, USAGE, SOURCE = ExitStatus.OK, ExitStatus.SOME_FAILED, ExitStatus.USAGE, ExitStatus.SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """One hostile input. Rows are named by their line, in a JSON array by their place, counted from 1."""

    name: str
    data: bytes | Make  #: what stands in the file, or what makes it in a folder and returns its path
    passes: Sequence[int] = ()  #: rows that are imported all the same
    fails: Mapping[int, str] = field(default_factory=dict)  #: row → first code
    status: ExitStatus  #: exit status of an import
    says: str = ""  #: the sentence at the end holds this
    file: str = "campaigns.csv"
    reading: Mapping[str, Any] = field(default_factory=dict)  #: what the reader is told

    def write(self, folder: Path) -> Path:
        """Make the input in `folder`; return what the importer is given as its source."""
        if not isinstance(self.data, bytes):
            return self.data(folder)
        path = folder / self.file
        path.write_bytes(self.data)
        return path


def table(*lines: bytes) -> bytes:
    """Return a CSV of names and notes with these lines."""
    return HEAD + b"".join(line + b"\n" for line in lines)


def cases() -> list[Hostile]:
    """Return every case; no two have one name."""
    from tests.hostile import files, objects, places, tables  # noqa: PLC0415 - they are made of this module's words

    found = [*tables.CASES, *objects.CASES, *files.CASES, *places.CASES]
    assert len({case.name for case in found}) == len(found)
    return found


def _places(places: Sequence[int]) -> str:
    return ", ".join(map(str, places[:3])) + (f", … {places[-1]}" if len(places) > 3 else "")


def main() -> None:
    """Print the table."""
    lines = ["| # | input | rows that pass | rows that fail | exit | says |", "|---|---|---|---|---|---|"]
    for number, case in enumerate(cases(), 1):
        codes: dict[str, list[int]] = {}
        for place, code in case.fails.items():
            codes.setdefault(code, []).append(place)
        failed = "; ".join(f"`{code}`: {_places(places)}" for code, places in codes.items())
        says = case.says.replace("|", "\\|")
        lines.append(f"| {number} | {case.name} | {_places(case.passes)} | {failed} | {case.status.value} | {says} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
