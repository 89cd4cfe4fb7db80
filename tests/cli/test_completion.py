"""Shell completion: the scripts are generated, load in the shells that are here, and what they ask is answered."""

import os
import shutil
import subprocess
import sys
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
    options = importer(COMP_WORDS="importer run --sim", **{**bash, "COMP_CWORD": "2"})
    assert "--simulate" in options.split()


def test_zsh_and_fish_are_told_the_commands() -> None:
    """The other two shells ask in their own way, and get commands with their help."""
    assert '"init":"Look at a file' in importer(_IMPORTER_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="importer in")
    fish = {"_IMPORTER_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert importer(_TYPER_COMPLETE_ARGS="importer in", **fish).startswith("init\t")
