"""Shell completion: the scripts are generated, load in the shells that are here, and what they ask is answered."""

import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SHELLS = ("bash", "zsh", "fish")


def importer(*argv: str, **environment: str) -> str:
    """Run the command line as a process of its own and return what it printed."""
    command = [sys.executable, "-m", "importer", *argv]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_made_and_loads(shell: str, tmp_path: Path) -> None:
    """Each shell's script speaks of this program; a shell that is installed reads it without an error."""
    script = tmp_path / "completion"
    script.write_text(importer("--show-completion", shell))
    assert "_IMPORTER_COMPLETE" in script.read_text()
    found = shutil.which(shell)
    if found is not None:
        given = [found, "-c", f"autoload -U compinit && compinit -D; . {script}" if shell == "zsh" else f". {script}"]
        done = subprocess.run(given, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_bash_is_told_the_commands_and_options() -> None:
    """What the script asks for is answered: commands by their beginning, everyday options, and never the help."""
    bash = {"_IMPORTER_COMPLETE": "complete_bash", "COMP_CWORD": "1"}
    assert importer(COMP_WORDS="importer in", **bash).split() == ["init"]
    assert "doctor" in importer(COMP_WORDS="importer ", **bash).split()
    codes = importer(COMP_WORDS="importer explain name_", **{**bash, "COMP_CWORD": "2"})
    assert {"name_exists", "name_missing"} <= set(codes.split())
    options = importer(COMP_WORDS="importer run --sim", **{**bash, "COMP_CWORD": "2"})
    assert "--simulate" in options.split()


def test_zsh_and_fish_are_told_the_commands() -> None:
    """The other two shells ask in their own way, and get commands with their help."""
    assert '"init":"Look at a file' in importer(_IMPORTER_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="importer in")
    fish = {"_IMPORTER_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert importer(_TYPER_COMPLETE_ARGS="importer in", **fish).startswith("init\t")


PATIENCE_S = 60.0


@contextmanager
def interactive(*argv: str, **environment: str) -> Iterator[int]:
    """Run a shell on a terminal of its own, and give the other end of that; end the shell."""
    import pty  # noqa: PLC0415 - Windows has none

    ours, its = pty.openpty()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = subprocess.Popen(
        argv,
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        env={"PATH": path, "TERM": "dumb", **environment},
    )
    os.close(its)
    try:
        yield ours
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)


def until(terminal: int, wanted: bytes) -> bytes:
    """Read what is shown until `wanted` is; return all of it, also when it never comes."""
    seen, end = b"", time.monotonic() + PATIENCE_S
    while wanted not in seen and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 4096)
    return seen


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not here")
def test_zsh_completes_at_the_first_press_of_the_key(tmp_path: Path) -> None:
    """Installed as --install-completion does it, the script answers when zsh loads it, not only the next time."""
    (tmp_path / "_importer").write_text(importer("--show-completion", "zsh"))
    (tmp_path / ".zshrc").write_text("PS1='ready> '; fpath=(~ $fpath); autoload -Uz compinit; compinit -D\n")
    with interactive(shutil.which("zsh") or "", "-i", HOME=str(tmp_path)) as terminal:
        assert b"ready> " in until(terminal, b"ready> ")
        os.write(terminal, b"importer reco\t")
        assert b"importer reconcile" in until(terminal, b"importer reconcile")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not here")
def test_fish_completes(tmp_path: Path) -> None:
    """With the script loaded, fish itself offers the commands."""
    (tmp_path / "importer.fish").write_text(importer("--show-completion", "fish"))
    asked = [shutil.which("fish") or "", "-c", f". {tmp_path}/importer.fish; complete -C 'importer reco'"]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run(asked, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.startswith("reconcile\t")
