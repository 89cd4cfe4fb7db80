"""The command line, run in this process: all that a process of its own says and ends with, without its start.

A start loads all of the importer, which takes longer than most of what is tried here. What a test says of the process
itself (its signals, its death, who else has the lock) needs a real one; see `tests/kills/grounds.py`.
"""

import gc
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout

import pytest

from importer.cli import front
from importer.errors import ExitStatus


def run_importer(
    *argv: str, environment: Mapping[str, str] = os.environ, together: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run `importer` with `argv`, nobody at its terminal and nothing on its stdin; `together` puts stderr into stdout.

    `environment` is all that it finds there. What it does to its process (collector, arguments) is undone.
    """
    before, thresholds, switch_s = dict(os.environ), gc.get_threshold(), sys.getswitchinterval()
    out = _stream()
    err = out if together else _stream()
    with (
        pytest.MonkeyPatch.context() as process,
        open(os.devnull, encoding="utf-8") as nothing,  # noqa: PTH123 - os.devnull is no path of a file
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        for name in before.keys() - environment.keys():
            process.delenv(name)
        for name, value in environment.items():
            process.setenv(name, value)
        process.setattr(sys, "argv", ["importer", *argv])
        process.setattr(sys, "stdin", nothing)
        try:
            front.main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        finally:
            gc.enable()
            gc.unfreeze()
            gc.set_threshold(*thresholds)
            sys.setswitchinterval(switch_s)
    return subprocess.CompletedProcess(list(argv), status, _text(out), "" if together else _text(err))


def importer(*argv: str, status: ExitStatus = ExitStatus.OK) -> subprocess.CompletedProcess[str]:
    """Run `importer` with `argv`; it is to end with `status`."""
    done = run_importer(*argv)
    assert done.returncode == status, done.stderr
    return done


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True, newline="\n")


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()
