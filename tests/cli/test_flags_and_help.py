"""The command line as a table: names, help that fits a screen, examples, and what help does not import."""

import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from importer.cli.app import COMMANDS, app
from importer.cli.explaining import STATUSES
from importer.cli.flags import FLAGS, IN_FILE, flags_of
from importer.cli.front import FIRST_HELP
from importer.errors import ExitStatus
from tests.in_process import run_importer

#: What scripts rely on: the options of `run`.
CONTRACT = """
    --ledger --base-url --mapping --key --key-space --rate --workers --timeout --settle --grace --limit --duplicates
    --same-name --retry-failed --list-skipped --accept-new-identities --api-version --simulate --dry-run --yes --json
    --encoding --delimiter --format --max-row-bytes --max-bytes --allow-special --allow-property
    --correlation-property --max-wait --max-outage --settle-max --token-file --token-command --config --quiet
    --progress --log-level --log-stderr
"""


def importer(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run the command line and return what it said."""
    return run_importer(*argv)


def test_run_takes_every_option_of_the_contract() -> None:
    """No option that scripts rely on is missing, and the token is none of them."""
    options = {flag.option for flag in flags_of("run")}
    assert set(CONTRACT.split()) <= options
    assert "--token" not in options


def test_names_are_mechanical() -> None:
    """Flag, variable and key of one setting differ only in their spelling."""
    for flag in IN_FILE.values():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", flag.name)
        assert flag.option == "--" + flag.name.replace("_", "-")
        assert flag.variable == "IMPORTER_" + flag.name.upper()
    assert len({flag.name for flag in FLAGS}) == len(FLAGS)


def test_the_first_help_fits_a_screen_of_24_lines() -> None:
    """`importer --help`, and `importer` alone, show at most 24 lines of at most 80 characters and end well."""
    for argv in (["--help"], []):
        done = importer(*argv)
        assert done.returncode == 0
        lines = done.stdout.splitlines()
        assert len(lines) <= 24
        assert max(len(line) for line in lines) <= 80


def test_the_first_help_is_what_the_commands_would_say() -> None:
    """The help that is kept for speed is the one that is made of the commands, and `importer -h` says it too."""
    made = CliRunner().invoke(app(), ["--help"], prog_name="importer", terminal_width=80, env={"COLUMNS": "80"})
    assert made.output == FIRST_HELP
    assert importer("-h").stdout == FIRST_HELP


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_has_three_real_examples(command: object) -> None:
    """Three examples stand in each command's help, and the options they use exist."""
    assert isinstance(command, type(COMMANDS[0]))
    assert len(command.examples) == 3
    known = {flag.option for flag in (*command.more, *flags_of(command.name))}
    for line, does in command.examples:
        assert does
        assert set(re.findall(r"(?<!\S)--[a-z-]+", line)) <= known


def test_help_shows_the_everyday_options_and_help_all_the_rest() -> None:
    """The rare options are one step away, under headings; both kinds of help end well."""
    short, long = importer("run", "--help"), importer("run", "--help-all")
    assert short.returncode == long.returncode == 0
    assert "--max-outage" not in short.stdout
    for flag in flags_of("run"):
        assert flag.option in long.stdout
        assert flag.everyday == (f"  {flag.option}" in short.stdout)
    assert "IMPORTER_MAX_WAIT" in long.stdout


@pytest.mark.parametrize(
    ("argv", "absent"),
    [
        (["--help"], {"typer", "pydantic", "aiohttp", "anyio", "asyncio", "structlog", "orjson", "rich", "inspect"}),
        (["run", "--help"], {"pydantic_settings", "aiohttp", "anyio", "asyncio", "structlog", "orjson", "rich"}),
    ],
)
def test_help_imports_nothing_heavy(argv: list[str], absent: set[str]) -> None:
    """What takes long to import stays out of the way of help."""
    command = [sys.executable, "-X", "importtime", "-m", "importer", *argv]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "importer" in imported
    assert imported.isdisjoint(absent)


def test_a_mistyped_option_or_command_gets_its_near_miss() -> None:
    """One line with the near miss, one with the way to the help, status 2, no traceback."""
    option, command = importer("run", "--raet", "3", "x.csv"), importer("rnu", "x.csv")
    assert option.returncode == command.returncode == ExitStatus.USAGE
    assert option.stderr.splitlines() == [
        'error: run has no option --raet (did you mean "--rate"?)',
        "hint: importer run --help",
    ]
    assert "Did you mean 'run'" in command.stderr
    assert importer("run").returncode == ExitStatus.USAGE


def test_every_status_is_explained() -> None:
    """No exit status lacks its words, and `explain` knows statuses, codes and near misses."""
    assert set(STATUSES) == set(ExitStatus)
    assert importer("explain", "name_exists").stdout.startswith("name_exists: a campaign of this name")
    wrong = importer("explain", "name_exist")
    assert wrong.returncode == ExitStatus.USAGE
    assert 'did you mean "name_exists"?' in wrong.stderr
    assert len(importer("explain").stdout.splitlines()) > 30


def test_the_version_is_said() -> None:
    """--version prints name and version on stdout."""
    assert re.fullmatch(r"importer \S+\n", importer("--version").stdout)
