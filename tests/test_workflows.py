"""The workflow of the forge: what it may do, what it runs, and that it runs the wheel and not the checkout."""

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.leave_checkout import leave

ROOT: Final = Path(__file__).resolve().parents[1]
WORKFLOWS: Final = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CI: Final = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read(path: Path) -> None:
    """It names its permissions at the top, they are to read, no job takes more, and no checkout keeps its token."""
    text = path.read_text(encoding="utf-8")
    assert re.search(r"^permissions:\n  contents: read\n", text, re.MULTILINE)
    assert text.count("permissions:") == 1
    assert text.count("persist-credentials: false") == text.count("actions/checkout@")
    assert "secrets." not in text
    assert "pull_request_target" not in text


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    """Each action is named by a full commit, with its tag beside it for people."""
    used = re.findall(r"uses: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    assert not [one for one in used if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)]


def test_all_systems_and_all_pythons() -> None:
    """Linux, macOS and Windows, and each Python that the package says it is for."""
    assert "system: [ubuntu-latest, macos-latest, windows-latest]" in CI
    said = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    pythons = [found[1] for one in said if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", one))]
    assert "python: [" + ", ".join(f'"{one}"' for one in pythons) + "]" in CI


def test_every_target_that_is_named_exists() -> None:
    """`make` is called with targets of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {word for line in re.findall(r"run: make (.+)$", CI, re.MULTILINE) for word in line.split()}
    assert named
    assert named <= targets


def test_the_suite_leaves_the_package_behind(tmp_path: Path) -> None:
    """What is copied for the wheel's tests holds tests, documents and settings, and no source of the package."""
    (tmp_path / "from" / "importer").mkdir(parents=True)
    (tmp_path / "from" / "importer" / "model.py").touch()
    (tmp_path / "from" / "tests" / "importer").mkdir(parents=True)
    (tmp_path / "from" / "tests" / "importer" / "test_one.py").touch()
    (tmp_path / "from" / ".git").mkdir()
    leave(tmp_path / "from", tmp_path / "away")
    left = sorted(path.relative_to(tmp_path / "away").as_posix() for path in (tmp_path / "away").rglob("*.py"))
    assert left == ["tests/importer/test_one.py"]
    assert not (tmp_path / "away" / ".git").exists()
