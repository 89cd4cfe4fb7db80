"""The prose agrees with the code: modules, dependencies, links, commands and their options exist."""

import json
import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

import importer
from importer.cli.app import COMMANDS
from importer.hubspot import wire
from tests.documents.blocks import DOCUMENTS

ROOT: Final = Path(__file__).resolve().parents[1]
HOUSE: Final = Path(importer.__file__).resolve().parent


def test_every_module_is_on_the_plan_of_the_house() -> None:
    """docs/explanation/architecture.md names every module, and none that is gone."""
    told = set(
        re.findall(r"`((?:\w+/)*\w+\.py)`", (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8"))
    )
    told = {name for name in told if not name.startswith("tests/")}
    there = {path.relative_to(HOUSE).as_posix() for path in HOUSE.rglob("*.py")}
    assert not there - told, "docs/explanation/architecture.md does not name these"
    assert not told - there, "docs/explanation/architecture.md names these, which do not exist"


def test_every_dependency_has_its_reason() -> None:
    """docs/explanation/dependencies.md names just what the requirements name."""
    wanted = set()
    for name in ("run", "dev", "extras", "build", "security", "bench", "browser", "docs"):
        lines = (ROOT / f"requirements/{name}.in").read_text(encoding="utf-8").splitlines()
        wanted |= {found[0] for line in lines if (found := re.match(r"[A-Za-z][\w.-]*", line))}
    wanted |= json.loads((ROOT / "tests/workflows/package.json").read_text(encoding="utf-8"))["dependencies"].keys()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    wanted |= {found[0] for lines in extras.values() for line in lines if (found := re.match(r"[\w.-]+", line))}
    text = (ROOT / "docs/explanation/dependencies.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([\w.-]+)` \|", text, re.MULTILINE)) == wanted


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs/explanation/decisions").glob("[0-9]*.md")), ids=lambda path: path.stem
)
def test_a_decision_says_when_why_and_what_was_refused(path: Path) -> None:
    """Each decision is numbered and dated, gives its reason and names what was refused."""
    text = path.read_text(encoding="utf-8")
    assert re.match(rf"# {path.name[:4]} .+\n\nDecided 2\d{{3}}-\d\d-\d\d\.\n", text)
    assert "\n## Why\n" in text
    assert "\n## Refused\n" in text


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.casefold()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link of a document leads to a file, and to a heading where it names one."""
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if re.match(r"https?:|mailto:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(file), f"{link} names no heading"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_make_targets_exist(path: Path) -> None:
    """Every `make …` that a document quotes is a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    quoted = set(re.findall(r"(?:`|^\$ |^)make ([a-z-]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert quoted <= targets


def test_the_readme_names_every_command() -> None:
    """The table of the README has a line for each command."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `importer (\w+)", text, re.MULTILINE) == [command.name for command in COMMANDS]


def test_versions_of_the_api_are_told() -> None:
    """The README names each version of the API that can be chosen."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"`{version}`" in text for version in wire.PATHS)


def test_the_changelog_has_this_version() -> None:
    """The version that is built has its section in the changelog."""
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert version is not None
    assert f"\n## [{version[1]}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
