"""The states of identities on disk: runs, the manifest that vouches for them, and the filter, saved now and then.

`position` says up to where in the journal they are complete. What a kill leaves is what the latest manifest names; all
other files of the folder are removed by the next opening.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import starmap
from pathlib import Path
from typing import Any, Final

import orjson

from importer.ledger.disk import Disk, make_folder
from importer.ledger.effects import Change
from importer.ledger.identities.layout import (
    CODE_AT,
    CODES,
    CONTENT_AT,
    KEY_BYTES,
    NAME_AT,
    RUN_AT,
    RUN_END,
    SOURCE_AT,
    STATE_ENTRY,
    VERSION,
    Mark,
    mark_of_state,
    name_digests,
)  # fmt: skip
from importer.ledger.identities.manifest import NAMES, Manifest, read_manifest
from importer.ledger.identities.runs import DamagedError, Run
from importer.ledger.identities.storage import Folder, Scratch, Stored
from importer.ledger.identities.tiers import Tiers

#: Entries that the saved filter may lack; the next opening reads their keys again, a million in half a second.
UNSAVED_MAX: Final = 1 << 20
UNSAVED_AT_CLOSE_MAX: Final = 1 << 16


class States:
    """All state entries, in a folder or in nameless files."""

    def __init__(self, folder: Path | None, disk: Disk, *, read_only: bool) -> None:
        """Open what `folder` holds, made if missing; see `Index`."""
        self.position: dict[str, Any] | None = None
        self.sources: list[str] = []
        self.counts = [0] * len(CODES)  #: identities by code of their state
        self._numbers: dict[str, int] = {}  # of the sources
        self._saved: Stored | None = None  # the filter
        self._saved_crc = 0
        self._covered = -1  # number of the newest run whose keys the saved filter holds
        self._manifest: Manifest | None = None
        if folder is not None and not read_only:
            make_folder(folder, disk)
        told = read_manifest(folder) if folder is not None else None
        known = told if told is not None and told.get("version") == VERSION else {}
        self._files = None if folder is None else Folder(folder, disk, known.get("number", 0))
        storage = Scratch() if self._files is None or read_only else self._files
        runs: list[Run] = []
        self.tiers = Tiers(STATE_ENTRY.size, storage, self._commit)
        try:
            named: set[str] = set()
            if known and self._files is not None:
                named = self._take(known, self._files, runs, read_only=read_only)
            if folder is not None and not read_only:
                _tidy(folder, named)
                self._manifest = Manifest(folder, disk, told["turn"] if told else 0)
        except BaseException:
            self.close_files(runs)
            raise

    def _take(self, told: dict[str, Any], files: Folder, runs: list[Run], *, read_only: bool) -> set[str]:
        """Open what a manifest names; return the names of the files."""
        for name, crc, level, updates, newest in told["runs"]:
            run = Run.open(files.open(name, read_only=read_only), STATE_ENTRY.size)
            runs.append(run)
            if run.crc != crc:
                raise DamagedError(f"{name} is another run")
            run.level, run.updates, run.newest = level, updates, newest
        self.position, self.counts = told["position"], told["counts"]
        for source in told["sources"]:
            self.source_number(source)
        self.tiers.begin(runs)
        if told["filter"] is not None:
            name, self._saved_crc, self._covered = told["filter"]
            self._saved = files.open(name, read_only=read_only)
            if not self.tiers.load_filters(self._saved, self._saved_crc):
                self._covered = -1
        self.tiers.refill([run for run in runs if run.newest > self._covered])
        return {run.file.name for run in runs} | ({self._saved.name} if self._saved is not None else set())

    def source_number(self, name: str) -> int:
        """Return the number of a source, which it keeps."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.sources)
            self.sources.append(name)
        return number

    def write(self, entries: Sequence[bytes], older: Mapping[bytes, bytes], position: dict[str, Any] | None) -> None:
        """Write a run of sorted entries, which replace `older` ones, and vouch for it up to `position`.

        Raises:
            OSError: it cannot be written; what the folder holds may be what it was, or with the run.
        """
        position = orjson.loads(orjson.dumps(position))  # as the next opening reads it
        if not entries and position == self.position:
            return
        if entries:
            run = self.tiers.append(entries, len(older))
            run.newest = 0 if self._files is None else self._files.number
        more, fewer = (Counter([entry[CODE_AT] for entry in told]) for told in (entries, older.values()))
        self.counts = [count + more[code] - fewer[code] for code, count in enumerate(self.counts)]
        self.position = position
        self._commit()

    def _commit(self, *, unsaved_max: int = UNSAVED_MAX) -> None:
        if self._manifest is None or self._files is None:
            return
        before = self._saved
        if sum(len(run) for run in self.tiers.runs if run.newest > self._covered) > unsaved_max:
            self._saved, self._saved_crc = self.tiers.save_filters(self._files)
            self._covered = max(run.newest for run in self.tiers.runs)
        saved = None if self._saved is None else [self._saved.name, self._saved_crc, self._covered]
        runs = [[run.file.name, run.crc, run.level, run.updates, run.newest] for run in self.tiers.runs]
        self._manifest.write(
            {"version": VERSION, "number": self._files.number, "position": self.position, "sources": self.sources,
             "counts": self.counts, "runs": runs, "filter": saved}
        )  # fmt: skip
        if before is not None and before is not self._saved:
            before.remove()

    def save(self) -> None:
        """Save the filter, unless it is made again quickly. Raises `OSError`."""
        if sum(len(run) for run in self.tiers.runs if run.newest > self._covered) > UNSAVED_AT_CLOSE_MAX:
            self._commit(unsaved_max=UNSAVED_AT_CLOSE_MAX)

    def close(self) -> None:
        """Close all files."""
        self.close_files(self.tiers.runs)

    def close_files(self, runs: Sequence[Run]) -> None:
        """Close these runs and all else."""
        self.tiers.drop_unfinished()
        for run in runs:
            run.file.close()
        self.tiers.begin([])
        if self._saved is not None:
            self._saved.close()
            self._saved = None
        if self._manifest is not None:
            self._manifest.close()


def entries_of(
    changes: Sequence[Change], marks: Mapping[str, Mark], run: int, source_number: Callable[[str], int]
) -> tuple[list[bytes], list[str]]:
    """Return the entry of each change, and the identities whose marks in run `run` they hold too."""
    if not changes:
        return [], []
    # By the column, which is much quicker.
    identities, states, contents, names, sources = zip(*changes, strict=True)
    numbers = {source: source_number(source) for source in {*sources}}
    told: list[str] = []
    met: list[tuple[int, int, int]] = []  # source, run and line of each
    for identity, mark, content, source in zip(identities, map(marks.get, identities), contents, sources, strict=True):
        if mark is not None and mark[0] == content and mark[3] == 1:
            told.append(identity)
            met.append((mark[1], run, mark[2]))
        else:
            met.append((numbers[source], 0, 0))
    codes, digests, read = map(CODES.__getitem__, states), name_digests(names), bytes.fromhex
    columns = (map(read, identities), codes, map(read, contents), digests, *zip(*met, strict=True))
    return list(starmap(STATE_ENTRY.pack, zip(*columns, strict=True))), told


def carried(entries: Sequence[bytes], older: Mapping[bytes, bytes], run: int) -> tuple[list[bytes], dict[str, Mark]]:
    """Return the entries with what older ones say of where and when they were met, if they say nothing themselves.

    And the marks of run `run` which cannot be carried over, since an entry holds other content now.
    """
    done: list[bytes] = []
    marks: dict[str, Mark] = {}
    for entry in entries:
        old = older.get(entry[:KEY_BYTES])
        if old is not None and entry[RUN_AT:RUN_END] == bytes(RUN_END - RUN_AT):
            if entry[CONTENT_AT:NAME_AT] == old[CONTENT_AT:NAME_AT]:
                entry = entry[:SOURCE_AT] + old[SOURCE_AT:]  # noqa: PLW2901 - the same entry, completed
            elif int.from_bytes(old[RUN_AT:RUN_END]) == run:
                marks[entry[:KEY_BYTES].hex()] = mark_of_state(old)
        done.append(entry)
    return done, marks


def _tidy(folder: Path, named: set[str]) -> None:
    """Remove files which no manifest names: a run that died was writing or removing them."""
    for path in folder.iterdir():
        if path.name not in named | set(NAMES):
            path.unlink()
