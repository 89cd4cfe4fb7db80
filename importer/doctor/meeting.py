"""Two processes meet in a folder: each keeps one small file there that the other reads, and nothing else is needed.

A process writes `NAME.peer` anew at each look, with a count that goes up. One whose count stands still is dead or was
left behind, and is not spoken to. The two smallest names of those who are free meet, so three do not wait in a ring.
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from importer import platforms

FOLDER: Final = ".importer-doctor"  #: in the folder that is tried
LOOK_S: Final = 0.1  #: between two looks at the other's file
LOST_S: Final = 30.0  #: without a sign of life, after which the other counts as gone; longer than NFS keeps attributes
_OLD_S: Final = 3600.0  #: after which a file counts as left behind
_PEER: Final = ".peer"
_TRIES: Final = 20  #: to write where others leave and remove the folder


class NobodyCameError(Exception):
    """The time to wait is over."""


class PartnerLostError(Exception):
    """The other says nothing any more, or speaks with somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Time of this process; a test has its own."""

    elapsed: Callable[[], float] = time.monotonic  #: seconds that go on evenly
    wall: Callable[[], float] = time.time  #: epoch seconds
    sleep: Callable[[float], None] = time.sleep


@dataclass(slots=True)
class _Seen:
    """What is known of another process."""

    told: Mapping[str, Any]
    at: float  #: when its count went up last
    alive: bool = False  #: its count went up before our eyes


@dataclass(slots=True)
class Meeting:
    """One process at a meeting."""

    shared: Path  #: the folder that is tried; it is there
    host: str  #: name of this host, for people
    machine: str | None  #: what all processes of this machine share and no other has; None: not known
    wait_s: float  #: so long somebody may take to come
    lost_s: float = LOST_S  #: so long the other may show no sign of life
    clock: Clock = field(default_factory=Clock)
    me: str = ""  #: name of this process at this meeting
    other: str | None = None  #: name of the process met
    torn: int = 0  #: times that a file of another was there by half
    _facts: dict[str, Any] = field(default_factory=dict)
    _count: int = 0
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _until: float = 0.0

    def __post_init__(self) -> None:
        """Begin to wait."""
        self._until = self.clock.elapsed() + self.wait_s

    @property
    def folder(self) -> Path:
        """Where the files of the meeting are."""
        return self.shared / FOLDER

    @property
    def told(self) -> Mapping[str, Any]:
        """What the other has told, as last seen."""
        return self._seen[self.other].told if self.other in self._seen else {}

    def meet(self, waiting: Callable[[], None]) -> None:
        """Wait until another process is there and wants to meet this one. Blocks; calls `waiting` while nobody is.

        Raises:
            NobodyCameError: the time is over.
            OSError: the folder cannot be used.
        """
        self.leave()
        self.me, self.other, self._facts, self._seen = secrets.token_hex(8), None, {}, {}
        first = True
        while True:
            self._look()
            free = [name for name, seen in self._seen.items()
                    if seen.alive and seen.told["other"] in {None, self.me}]  # fmt: skip
            if self.other not in free:
                self.other = min(free, default=None)
            if self.other is not None and self.told["other"] == self.me:
                self._look()  # so that it stands there before anything is done
                return
            if first and self.other is None:
                waiting()
                first = False
            if self.clock.elapsed() > self._until:
                raise NobodyCameError
            self.clock.sleep(LOOK_S)

    def tell(self, **facts: Any) -> None:
        """Let the other know something. Blocks; raises `OSError`."""
        self._facts.update(facts)
        self._write()

    def hear(self, name: str) -> Any:
        """Return the fact of that name, once the other has told it. Blocks.

        Raises:
            PartnerLostError: it will not.
            OSError: the folder cannot be used.
        """
        since = self.clock.elapsed()
        while True:
            self._look()
            seen = self._seen.get(self.other or "")
            if seen is not None and name in seen.told["facts"]:
                return seen.told["facts"][name]
            known = seen is not None and seen.told["other"] == self.me
            if not known or self.clock.elapsed() - max(since, seen.at if seen else since) > self.lost_s:
                raise PartnerLostError
            self.clock.sleep(LOOK_S)

    def until(self, true: Callable[[], bool], within_s: float) -> float | None:
        """Return the seconds after which `true` held first; None: not in that time. Blocks, and shows life."""
        since = self.clock.elapsed()
        while not true():
            if self.clock.elapsed() - since > within_s:
                return None
            self._look()
            self.clock.sleep(LOOK_S)
        return self.clock.elapsed() - since

    def leave(self) -> None:
        """Remove what this process wrote, and what others left behind long ago. Blocks; raises nothing."""
        if self.me:
            for path in self._listed(f"*{self.me}*"):
                with suppress(OSError):
                    path.unlink()
        with suppress(OSError):
            self.folder.rmdir()  # the last one out

    def _look(self) -> None:
        """Show life, and read what the others say."""
        self._write()
        now = self.clock.elapsed()
        there = {}
        for path in self._listed(f"*{_PEER}"):
            name = path.name.removesuffix(_PEER)
            told = self._read(path)
            if name == self.me or told is None:
                continue
            before = self._seen.get(name)
            if before is None:
                there[name] = _Seen(told, now)
            elif told["count"] != before.told["count"]:
                there[name] = _Seen(told, now, alive=True)
            else:
                there[name] = _Seen(told, before.at, before.alive and now - before.at <= self.lost_s)
        self._seen = there

    def _listed(self, pattern: str) -> list[Path]:
        try:
            return list(self.folder.glob(pattern))
        except OSError:
            return []

    def _read(self, path: Path) -> Mapping[str, Any] | None:
        try:
            data = path.read_bytes()
            told: Mapping[str, Any] = json.loads(data)
        except OSError:
            return None  # gone meanwhile
        except ValueError:
            self.torn += 1
            return None
        whole = isinstance(told, dict) and {"count", "other", "facts", "host", "machine"} <= told.keys()
        return told if whole else None

    def _write(self) -> None:
        self._count += 1
        path, half = self.folder / f"{self.me}{_PEER}", self.folder / f"{self.me}.new"
        told = {"count": self._count, "other": self.other, "host": self.host, "machine": self.machine,
                "facts": self._facts}  # fmt: skip
        for left in reversed(range(_TRIES)):
            try:
                self.folder.mkdir(exist_ok=True)
                half.write_text(json.dumps(told))
                break
            except (FileNotFoundError, FileExistsError):  # who was the last one out has just removed the folder
                if not left:
                    raise
        platforms.replace(half, path)
        if self._count % 100 == 1:
            self._clear(path.stat().st_mtime)

    def _clear(self, now: float) -> None:
        """Remove what has lain there for long by the clock of the storage."""
        for path in self._listed("*"):
            with suppress(OSError):
                if now - path.stat().st_mtime > _OLD_S:
                    path.unlink()
