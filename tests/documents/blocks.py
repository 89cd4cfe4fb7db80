"""What a document quotes: its fenced `console` and `sh` blocks, as commands and the output shown below each.

Comments before a block say how it is tried; a reader of the page does not see them:

- `<!-- given: a.csv b.csv -->` files that are there (`given.py` makes them), for this block and all below it;
- `<!-- exit: 1 -->` statuses besides 0 in which its commands may end;
- `<!-- not run: why -->` it is not run, only parsed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENTS: Final = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE: Final = re.compile(
    r"(?P<said>(?:^<!--[^\n]*-->\n+)*)^```(?:console|sh)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_SAID: Final = re.compile(r"<!-- (given|exit|not run): (.+?) -->")
_INLINE: Final = re.compile(r"`(importer [^`]+)`")


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a block."""

    line: int  #: where it stands in its document, from 1
    command: str  #: as a shell takes it
    shown: tuple[str, ...]  #: the lines of output below it; none when nothing is shown


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    given: tuple[str, ...]
    exits: frozenset[int]
    not_run: str | None  #: why it is not run
    steps: tuple[Step, ...]


def blocks(path: Path) -> Iterator[Block]:
    """Yield the blocks of a document in their order."""
    text = path.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        said = dict(_SAID.findall(found["said"]))
        first = text.count("\n", 0, found.start("text")) + 1
        yield Block(
            tuple(said.get("given", "").split()),
            frozenset({0, *map(int, said.get("exit", "").split())}),
            said.get("not run"),
            tuple(_steps(found["text"].splitlines(), first)),
        )


def _steps(lines: list[str], first: int) -> Iterator[Step]:
    """Yield the commands of a block: what follows `$ `, or every line where there is no such line."""
    prompts = any(line.startswith("$ ") for line in lines)
    at = 0
    while at < len(lines):
        line, command = first + at, lines[at].removeprefix("$ ")
        at += 1
        while command.endswith("\\"):
            command = f"{command[:-1]}{lines[at].strip()}"
            at += 1
        shown = []
        while prompts and at < len(lines) and not lines[at].startswith("$ "):
            shown.append(lines[at])
            at += 1
        if command:
            yield Step(line, command.split("  #")[0].strip(), tuple(shown))


def inline(path: Path) -> list[str]:
    """Return every `importer …` in the running text of a document."""
    return _INLINE.findall(_FENCE.sub("", path.read_text(encoding="utf-8")))
