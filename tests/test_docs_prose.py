"""The prose agrees with the code: modules, dependencies, links, commands and their options exist."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from importer.cli.app import COMMANDS
from importer.cli.flags import flags_of
from importer.hubspot import wire

ROOT: Final = Path(__file__).resolve().parents[1]
DOCUMENTS: Final = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_module_is_on_the_plan_of_the_house() -> None:
    """docs/architecture.md names every module, and none that is gone."""
    told = set(re.findall(r"`((?:\w+/)*\w+\.py)`", (ROOT / "docs/architecture.md").read_text(encoding="utf-8")))
    told = {name for name in told if not name.startswith("tests/")}
    there = {path.relative_to(ROOT / "importer").as_posix() for path in (ROOT / "importer").rglob("*.py")}
    assert not there - told, "docs/architecture.md does not name these"
    assert not told - there, "docs/architecture.md names these, which do not exist"


def test_every_dependency_has_its_reason() -> None:
    """docs/dependencies.md names just what the requirements name."""
    wanted = set()
    for name in ("run", "dev", "extras", "build", "security", "bench", "browser"):
        lines = (ROOT / f"requirements/{name}.in").read_text(encoding="utf-8").splitlines()
        wanted |= {found[0] for line in lines if (found := re.match(r"[A-Za-z][\w.-]*", line))}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    wanted |= {found[0] for lines in extras.values() for line in lines if (found := re.match(r"[\w.-]+", line))}
    text = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([\w.-]+)` \|", text, re.MULTILINE)) == wanted


@pytest.mark.parametrize("path", sorted((ROOT / "docs/decisions").glob("*.md")), ids=lambda path: path.stem)
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


def command_lines(path: Path) -> Iterator[list[str]]:
    """Yield the words of every `importer …` in the code of a document; a pipe or comment ends it."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:console|sh)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`(importer [^`]+)`", text)
    for line in [*(line for block in blocks for line in block.replace("\\\n", " ").splitlines()), *inline]:
        found = re.match(r"(?:\$ )?(?:.*\| )?(?:[A-Z_]+=\S+ )*importer (.+)", line)
        if found:
            yield shlex.split(re.split(r" [|>&#]", found[1])[0], comments=True)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_parse(path: Path) -> None:
    """Every command that a document quotes exists, and so does each option that it uses."""
    commands = {
        command.name: {flag.option for flag in (*command.more, *flags_of(command.name))} for command in COMMANDS
    }
    for words in command_lines(path):
        if words[0].startswith("-"):
            assert words[0] in {"--version", "--help", "--help-all", "--install-completion"}
            continue
        assert words[0] in commands, f"there is no command {words[0]}"
        used = {re.sub("^--no-", "--", word.partition("=")[0]) for word in words if word.startswith("--")}
        assert used <= commands[words[0]] | {"--help", "--help-all"}, f"{words[0]} has no {used - commands[words[0]]}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_make_targets_exist(path: Path) -> None:
    """Every `make …` that a document quotes is a target."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    quoted = set(re.findall(r"(?:`|^\$ |^)make ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
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
