"""`importer config show --origin`: each setting, its value, and where it comes from."""

import subprocess
from pathlib import Path

import pytest

from importer.errors import ExitStatus
from tests.in_process import run_importer

FILE = '# nightly\n[run]\nrate = 50\n\n[mapping]\n[mapping.properties]\nhs_name = "Name"\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a configuration file that holds a mapping."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "importer.toml").write_text(FILE)
    return tmp_path


def config(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return run_importer("config", *argv)


def origins(text: str) -> dict[str, str]:
    """Return setting → origin."""
    lines = [line.removeprefix("# ") for line in text.splitlines() if "  # " in line]
    return {line.split(" =")[0]: line.rpartition("  # ")[2] for line in lines}


def test_each_setting_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """File with line, variable, default; the token is set or unset and never shown."""
    monkeypatch.setenv("IMPORTER_WORKERS", "3")
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "secret-token")
    done = config("show", "--origin")
    assert done.returncode == ExitStatus.OK
    told = origins(done.stdout)
    assert told["rate"] == "importer.toml:3: [run] rate"
    assert told["mapping"] == "importer.toml:5: [mapping]"
    assert told["workers"] == "IMPORTER_WORKERS"
    assert told["timeout"] == "default"
    assert "token in the environment is set" in done.stdout
    assert "secret-token" not in done.stdout


def test_without_origin_defaults_are_silent() -> None:
    """Only what somebody set is followed by where."""
    assert set(origins(config().stdout)) == {"rate", "mapping"}
    assert config().stdout == config("show").stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[run]\nraet = 5\n", 'did you mean "rate"?'),
        ("[maping]\n", 'did you mean "mapping"?'),
        ('[run]\nmapping = "salesforce"\n[mapping]\n', "stands there twice"),
    ],
)
def test_slips_are_met_with_what_was_meant(folder: Path, text: str, told: str) -> None:
    """Unknown keys and tables get their near miss; two mappings in one file are refused."""
    (folder / "importer.toml").write_text(text)
    done = config("show")
    assert done.returncode == ExitStatus.USAGE
    assert told in done.stderr


def test_another_word_is_refused() -> None:
    """`config shwo` names the one there is."""
    done = config("shwo")
    assert done.returncode == ExitStatus.USAGE
    assert 'did you mean "show"?' in done.stderr
