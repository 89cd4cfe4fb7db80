"""The log: JSON lines for run.log (and stderr, when asked), free of secrets and of campaign data.

An entry passes three gates: values of properties are cut down to names and counts, tracebacks show no local variables,
and the finished line is searched for tokens. A thread does the writing, so that the event loop never waits for a
disk, and a disk that fails costs the log and not the run. Nothing here configures structlog globally.
"""

import os
import re
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping
from pathlib import Path
from queue import SimpleQueue
from types import UnionType
from typing import Any, Final, Literal, TextIO

from importer import platforms
from importer.hiding import hidden
from importer.model import Problem, Record, Rejection, Result, Row

with hidden("rich"):  # loaded for structlog's console alone, which is not used here, it costs a tenth of a second
    import structlog
    from structlog.tracebacks import ExceptionDictTransformer

Secrets = Collection[str] | Callable[[], Iterable[str]]
Level = Literal["debug", "info", "warning", "error"]
_LEVELS: Final[Mapping[Level, int]] = {"debug": 10, "info": 20, "warning": 30, "error": 40}

MASK: Final = "[secret]"
_SECRETS: Final = (
    re.compile(r"(?i)\b(bearer)(\s+|%20)[a-z0-9._~+/=-]+"),
    re.compile(r"(?i)\bpat-[a-z]{2}\d-[0-9a-z-]{8,}"),
    re.compile(r"(?i)(authorization[\"']?\s*[:=]\s*[\"']?)[^\"'\s,}]+"),
)
_SECRET_CHARACTERS_MIN: Final = 6  #: a shorter literal would blot out ordinary words

#: Keys whose values are campaign data: only their size is logged.
_DATA: Final = frozenset(
    {"properties", "cells", "values", "row", "rows", "body", "content", "name", "names", "hs_name"}
)
_EARLY_LINES_MAX: Final = 1_000  #: kept while the ledger's folder does not exist yet


class Redactor:
    """Takes tokens out of text."""

    def __init__(self, secrets: Secrets = ()) -> None:
        """Take literal secrets, or what tells those of now, beside those which are known by their looks."""
        self._secrets = secrets

    def __call__(self, text: str) -> str:
        """Return `text` with every token replaced."""
        for literal in self._secrets() if callable(self._secrets) else self._secrets:
            if len(literal) >= _SECRET_CHARACTERS_MIN:
                text = text.replace(literal, MASK)
        bearer, pat, header = _SECRETS
        text = bearer.sub(rf"\1 {MASK}", text)
        return header.sub(rf"\1{MASK}", pat.sub(MASK, text))


class LogFile:
    """A file that a thread of its own appends to; opened, 0600, as soon as its folder exists."""

    def __init__(self, path: Path, *, bytes_max: int = 10_000_000, keep: int = 5) -> None:
        """Name the file; nothing is made yet. Beyond `bytes_max` it becomes `.1`, that `.2`, … and `keep` are kept."""
        self.path = path
        self._bytes_max, self._keep = bytes_max, keep
        self.error: OSError | None = None
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="run.log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Hand over a line; returns at once."""
        self._queue.put(line)

    def close(self) -> None:
        """Write what is left and close the file. Blocks; calling it again does nothing."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    @property
    def exists(self) -> bool:
        """Whether there is a log to point at."""
        return self.error is None and self.path.exists()

    def _work(self) -> None:
        file: TextIO | None = None
        early: list[str] = []
        while (line := self._queue.get()) is not None:
            early.append(line)
            try:
                if file is None and self.path.parent.is_dir():
                    file = self._open()
                if file is not None:
                    file = self._turned_over(file)
                    file.writelines(early)
                    file.flush()
                    early.clear()
            except OSError as error:
                self.error = error
                early.clear()
            del early[:-_EARLY_LINES_MAX]
        if file is not None:
            try:
                file.close()
            except OSError as error:  # what a full disk did not take is still in its buffer
                self.error = error

    def _turned_over(self, file: TextIO) -> TextIO:
        """Return the file to write to: the same, or a new one where that is full."""
        if file.tell() < self._bytes_max:
            return file
        file.close()
        for number in range(self._keep, 0, -1):
            older = self._set_aside(number - 1)
            if older.exists():
                older.replace(self._set_aside(number))
        self.path.unlink(missing_ok=True)  # with nothing kept
        return self._open()

    def _set_aside(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path

    def _open(self) -> TextIO:
        flags = platforms.opening(os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        return os.fdopen(os.open(self.path, flags, 0o600), "a", encoding="utf-8")


class _Sink:
    """What structlog writes finished lines to: everywhere at once, without tokens."""

    def __init__(self, redact: Redactor, outlets: tuple[Callable[[str], object], ...]) -> None:
        self._redact, self._outlets = redact, outlets

    def msg(self, line: str) -> None:
        """Write one entry."""
        clean = self._redact(line) + "\n"
        for outlet in self._outlets:
            outlet(clean)

    log = debug = info = warn = warning = error = err = exception = critical = fatal = msg


def make_log(
    *outlets: Callable[[str], object], level: Level = "info", secrets: Secrets = ()
) -> structlog.typing.FilteringBoundLogger:
    """Return a logger that hands finished JSON lines to each of `outlets` (`LogFile.write`, `sys.stderr.write`)."""
    made: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        _Sink(Redactor(secrets), outlets),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        processors=[
            without_data,  # before the traceback is added, whose frames have names too
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        cache_logger_on_first_use=True,
    )
    return made


def without_data(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cut campaign data out of an entry: a structlog processor."""
    kept = {key: entry[key] for key in ("exc_info",) if key in entry}
    return {key: _size(value) if key in _DATA else _plain(value) for key, value in entry.items()} | kept


def _plain(value: Any) -> Any:
    """Return `value` as JSON can hold it, without campaign data."""
    if value is None or isinstance(value, bool | int | float):
        return value
    for kind, reduced in _REDUCED:
        if isinstance(value, kind):
            return reduced(value)
    return str(value)


#: Values of our own and containers, the special before the general: a Row is a tuple too.
_REDUCED: Final[tuple[tuple[type | UnionType, Callable[[Any], Any]], ...]] = (
    (Record, lambda it: {"identity": it.identity, **_plain(it.row)}),
    (Rejection, lambda it: {"problems": [_plain(one) for one in it.problems], **_plain(it.row)}),
    (Row, lambda it: {"source": it.source, "ordinal": it.ordinal, "line": it.line_number}),
    (Problem, lambda it: {"code": it.code, "column": it.column}),
    (Result, lambda it: {"id": it.id}),
    (Mapping, lambda it: {str(key): _size(one) if key in _DATA else _plain(one) for key, one in it.items()}),
    (list | tuple | set | frozenset, lambda it: [_plain(one) for one in it]),
    (BaseException, lambda it: type(it).__name__),
)


def _size(value: Any) -> str:
    try:
        return f"[{len(value)} left out]"
    except TypeError:
        return "[left out]"
