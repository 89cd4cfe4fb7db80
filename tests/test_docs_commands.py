"""Every command that a document quotes is run, and what the document shows is what it says.

Commands that need an account get a simulated one, over a real connection. What cannot be run has its reason in the
document, and is parsed by the command line's own parser.
"""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from anyio.from_thread import start_blocking_portal
from typer.exceptions import TyperException

from importer.cli.app import app
from importer.simulator.policy import SimulatorPolicy
from importer.simulator.server import Simulator
from tests.documents.blocks import DOCUMENTS, ROOT, blocks, inline
from tests.documents.given import give
from tests.documents.shell import Shell, differs


def named(path: Path) -> str:
    """Return a document's name."""
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def hubspot() -> Iterator[str]:
    """Serve a simulated account from another thread; return its address."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(Simulator(SimulatorPolicy())) as served:
        yield served.base_url


RUN = [path for path in DOCUMENTS if any(block.not_run is None for block in blocks(path))]


@pytest.mark.parametrize("path", RUN, ids=named)
def test_commands_do_what_the_document_says(
    path: Path, hubspot: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typed in order in an empty folder: each ends in a permitted status and says what is shown below it."""
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path, hubspot)
    for block in blocks(path):
        for name in block.given:
            give(name, tmp_path)
        for step in block.steps if block.not_run is None else ():
            said, status = shell.type(step.command)
            place = f"{named(path)}:{step.line}: {step.command}\nexit status {status}, and it said:\n{said}"
            assert status in block.exits, place
            assert not step.shown or not differs(step.shown, said), place


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_commands_parse(path: Path) -> None:
    """The command line's own parser takes every command that is not run, and those in running text."""
    unrun = [step.command for block in blocks(path) if block.not_run is not None for step in block.steps]
    for line in unrun + inline(path):
        for part in re.split(r"\s(?:\||\|\||&&|;|>|&)(?:\s|$)", line):
            words = shlex.split(part, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*|watch|nice|time|sudo|exec", words[0]):
                words = words[1:]
            if words[:1] == ["importer"] and not words[1].isupper():  # COMMAND stands for any
                parse(words[1:])


@cache
def command_line() -> tuple[Any, typer.Context]:
    """Return the whole command line, made once."""
    root = typer.main.get_command(app())
    return root, typer.Context(root, info_name="importer")


def parse(argv: list[str]) -> None:
    """Parse argv as the command line does; raise what it raises for a command or option that there is not."""
    root, context = command_line()
    if argv[0].startswith("-"):
        assert argv[0] in {"--version", "--help", "--install-completion", "--help-all"}
        return
    command = root.get_command(context, argv[0])
    assert command is not None, f"there is no command {argv[0]}"
    if not {"--help", "--help-all"} & set(argv):
        try:
            command.make_context(argv[0], [word for word in argv[1:] if word != "…"], parent=context)
        except TyperException as error:
            if type(error).__name__ not in {
                "MissingParameter",
                "BadOptionUsage",
            }:  # running text leaves out what is plain
                raise


def test_what_is_not_run_has_a_reason() -> None:
    """A block is left out only with a reason, and few are."""
    reasons = [block.not_run for path in DOCUMENTS for block in blocks(path) if block.not_run is not None]
    assert all(len(reason.split()) > 1 for reason in reasons)


def test_what_differs_is_noticed() -> None:
    """Another word, a line too many or too few differs; times and what `…` stands for do not."""
    said = "2 read = 2 created (0.3 s, 4 requests)\nledger: a.ledger\n"
    assert not differs(("2 read = 2 created (1.2 s, 4 requests)", "ledger: a.ledger"), said)
    assert not differs(("2 read = … (…)", "…"), said)
    assert differs(("2 read = 1 created (0.3 s, 4 requests)", "ledger: a.ledger"), said)
    assert differs(("2 read = 2 created (0.3 s, 4 requests)",), said)
    assert differs(("…", "ledger: a.ledger", "report: a.html"), said)
