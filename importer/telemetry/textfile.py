"""Metrics as a file for the textfile collector of Prometheus' node exporter, whole or not at all."""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from importer.telemetry.figures import PREFIX, Figure

SUFFIX: Final = ".prom"  #: files of another name are not collected
_SUCCESS: Final = re.compile(rf"^{PREFIX}last_success_timestamp_seconds(?:\{{[^}}]*\}})? ([0-9.e+]+)$", re.MULTILINE)
_BYTES_MAX: Final = 1 << 20


def exposition(figures: Iterable[Figure], labels: Iterable[tuple[str, str]]) -> str:
    """Return figures in Prometheus' text format, each value with `labels` besides its own."""
    lines, common = [], tuple(labels)
    for figure in figures:
        name = PREFIX + figure.name
        values = [f"{name}{_labels((*common, *own))} {_number(value)}" for own, value in figure.values.items()]
        if values:
            lines += [f"# HELP {name} {_text(figure.help)}", f"# TYPE {name} {figure.kind}", *values]
    return "\n".join([*lines, ""])


def write(path: Path, text: str) -> None:
    """Put `text` at `path`, 0644, in one step, so that no half of it is ever read. Blocks; raises `OSError`."""
    half = path.with_name(f".{path.name}.{os.getpid()}.half")  # no .prom at its end: the collector leaves it alone
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(half, flags, 0o644), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o644)  # whatever the umask: another user collects it
            file.write(text)
        half.replace(path)
    except BaseException:
        with suppress(OSError):
            half.unlink(missing_ok=True)
        raise


def last_success(path: Path) -> float | None:
    """Return when a run last succeeded, as the file told before this run; None where it told nothing."""
    with suppress(OSError, ValueError), path.open(encoding="utf-8", errors="replace") as file:
        found = _SUCCESS.search(file.read(_BYTES_MAX))
        return float(found[1]) if found else None
    return None


def _labels(pairs: Iterable[tuple[str, str]]) -> str:
    inside = ",".join(f'{name}="{_text(value, quoted=True)}"' for name, value in pairs)
    return f"{{{inside}}}" if inside else ""


def _text(text: str, *, quoted: bool = False) -> str:
    plain = text.replace("\\", "\\\\").replace("\n", "\\n")
    return plain.replace('"', '\\"') if quoted else plain


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
