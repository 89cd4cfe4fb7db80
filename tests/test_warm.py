"""A process that is forked is like one that is started: its words, files, folder, environment and end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import warm

SAYS = "import os, sys; sys.exit(f'{sys.argv} {os.getcwd()} {sorted(os.environ)} {sys.stdin.read()}')"
WAITS = "import sys, time; print('here', flush=True); time.sleep(600)"


@pytest.mark.slow
def test_it_is_what_a_process_of_its_own_is(tmp_path: Path) -> None:
    """Arguments, folder, environment, standard input and error, status: the same both ways."""
    line, given = [sys.executable, "-c", SAYS, "one", "two"], {"PATH": os.environ["PATH"], "LC_CTYPE": "C.UTF-8"}
    (tmp_path / "told").write_text("in")
    told = []
    for run in (warm.run, subprocess.run):
        with (tmp_path / "told").open() as source:
            done = run(line, cwd=tmp_path, env=given, stdin=source, capture_output=True, text=True, check=False)
        told.append((done.returncode, done.stdout, done.stderr))
    assert told[0] == told[1]
    assert "'two'] " in told[0][2]


@pytest.mark.slow
def test_it_gets_signals_and_is_waited_for() -> None:
    """Its number is that of a process, which dies by the signal it is sent, and is not asked for twice."""
    with warm.Warm([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.01)
        os.kill(process.pid, signal.SIGKILL)
        assert [process.wait(), process.poll()] == [-signal.SIGKILL] * 2


@pytest.mark.slow
def test_what_is_no_line_of_python_is_started() -> None:
    """Another program is begun as usual; a check of a status is made."""
    with pytest.raises(subprocess.CalledProcessError):
        warm.run([sys.executable, "-m", "importer", "explain", "no_such_code"], check=True, capture_output=True)
    assert warm.run(["sh", "-c", "exit 3"]).returncode == 3
