"""Every hostile input through a whole import and a whole check: each row is accounted for, by its line."""

import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ExitStatus, ImporterError, SourceError
from importer.report.books import Tally
from importer.runs import check
from importer.simulator.server import Simulator
from importer.sources import ReadPolicy
from importer.stopping import Stop
from tests.hostile.inputs import Hostile, cases, main, table
from tests.pipeline.conftest import World, made

CASES = cases()
BYTES_MAX = 5_000_000  #: for what has no end


@dataclass
class Told:
    """What an import said of its source."""

    status: ExitStatus
    says: str
    passes: list[int] = field(default_factory=list)
    fails: dict[int, str] = field(default_factory=dict)


def reading(case: Hostile) -> ReadPolicy:
    """Return the policy that the case is read with; what has no end is given one."""
    policy = ReadPolicy(**case.reading)
    return replace(policy, bytes_max=BYTES_MAX) if policy.allow_special else policy


def place(row: dict[str, Any]) -> int:
    """Return the line of a ledger's row, or its place in an array."""
    return int(row["line_number"] or row["ordinal"] + 1)


async def imported(world: World, simulator: Simulator, source: Path | str, policy: ReadPolicy) -> Told:
    """Import a source; return what became of its rows, from the ledger."""
    try:
        summary = await world.run(simulator, source, reading=policy)
    except ImporterError as error:
        return Told(error.exit_status, error.message)
    failures = {place(row): row["code"] for row in world.rows("failures.jsonl")}
    results = [place(row) for row in world.rows("results.jsonl")]
    assert summary.books.read == summary.books.accounted == len(results) + len(failures)
    return Told(summary.status, summary.reason or "", sorted(results), failures)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_a_hostile_input(world: World, case: Hostile) -> None:
    """Rows that pass are made, the others fail with code and line, and the run ends with its status and sentence."""
    source = case.write(world.folder)
    async with world.simulator() as simulator:
        told = await imported(world, simulator, source, reading(case))
        assert sum(made(simulator).values()) == len(case.passes)
    assert case.says in told.says
    assert told == Told(case.status, told.says, list(case.passes), dict(case.fails))

    tally = Tally()
    plan = world.make_plan("https://x", source, reading=reading(case))
    if not world.ledger.exists():
        with pytest.raises(ImporterError, match=re.escape(told.says)):
            await check(plan, tally=tally, stop=Stop())
        return
    summary = await check(plan, tally=tally, stop=Stop())
    assert tally.codes == Counter(case.fails.values())
    assert (summary.books.not_sent, summary.books.failed) == (len(case.passes), len(case.fails))


async def test_a_file_that_changes_while_it_is_read(world: World) -> None:
    """Rows of the file that was opened stand; the run says that another file is there now, and ends with status 3."""
    source = world.campaigns(20)
    asked: list[int] = []

    def token() -> str:
        if not asked:  # the file is open, and its rows are not read yet
            (world.folder / "new").write_bytes(table(b"Another,1"))
            (world.folder / "new").replace(source)
        asked.append(1)
        return "token"

    async with world.simulator() as simulator:
        summary = await world.run(simulator, source, token=token)
        assert len(made(simulator)) == summary.books.created == 20
    assert summary.status == ExitStatus.SOURCE
    assert "changed while it was read" in (summary.reason or "")


@pytest.mark.posix("files have no modes there")
async def test_a_file_that_nobody_may_read(world: World) -> None:
    """Without permission the source is refused before anything is sent."""
    source = world.campaigns(2)
    source.chmod(0)
    if os.access(source, os.R_OK):
        pytest.skip("this user may read everything")
    async with world.simulator() as simulator:
        with pytest.raises(SourceError, match="Permission denied"):
            await world.run(simulator, source)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shell", "status", "says"),
    [
        ("exec {} check - <&-", ExitStatus.SOURCE, "standard input is closed"),
        ("exec {} check - < /dev/null", ExitStatus.SOURCE, "- holds no rows"),
        ("printf 'hs_name\\nA\\n' | {} check /dev/stdin", ExitStatus.USAGE, "is a named pipe (FIFO)"),
        ("printf 'hs_name\\nA\\n\\0\\n' | {} check -", ExitStatus.SOME_FAILED, "-:3"),
    ],
)
def test_hostile_standard_input(shell: str, status: ExitStatus, says: str) -> None:
    """From the command line, what is wrong with standard input is said in a sentence, with the status that fits."""
    importer = f"{shlex.quote(sys.executable)} -m importer"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    ended = subprocess.run(
        ["/bin/sh", "-c", shell.format(importer)], capture_output=True, text=True, check=False, env=environment
    )
    assert (ended.returncode, ended.stderr.count(says)) == (status, 1), ended.stderr


def test_the_table_is_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """The Markdown table has a line for each case, of as many cells as its head."""
    main()
    head, _rule, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(CASES)
    assert {re.sub(r"\\\|", "", line).count("|") for line in lines} == {head.count("|")}
