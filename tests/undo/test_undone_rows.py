"""The list of what an undo did, written by several workers at once."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from importer.archiving import Ended, Fate
from importer.cli.screen import Screen
from importer.cli.undoing import UNDONE, _Shown
from importer.ledger.made import Made

WORKERS = 8
ROUNDS = 10


@pytest.fixture(autouse=True)
def hasty_switches() -> Iterator[None]:
    """Let threads take turns as often as can be."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def ended(number: int) -> Ended:
    """Return a campaign that was archived."""
    made = Made(
        of=0, at=0, run=1, id=str(number), created_at=None, identity=f"{number:032x}", name=f"C {number}",
        content="0" * 16, source="a.csv", ordinal=number, line_number=number + 2, written={}, normalised={},
        archived=False,
    )  # fmt: skip
    return Ended(campaign=made, fate=Fate.ARCHIVED)


def test_workers_that_tell_at_once_write_one_list(tmp_path: Path) -> None:
    """Each tells from a thread of its own, the first rows too: none is lost, and none writes to a closed file."""
    for turn in range(ROUNDS):
        folder = tmp_path / str(turn)
        folder.mkdir()
        shown, together, failed = _Shown(Screen(quiet=True), folder), threading.Barrier(WORKERS), list[Exception]()

        def work(
            at: int, shown: _Shown = shown, together: threading.Barrier = together, failed: list[Exception] = failed
        ) -> None:
            together.wait()
            try:
                shown.tell([ended(at)], False)
                shown.tell([ended(WORKERS + at)], False)
            except ValueError as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=(at,)) for at in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        shown.close()
        assert not failed
        rows = [orjson.loads(line) for line in (folder / UNDONE).read_bytes().splitlines()]
        assert sorted(one["ordinal"] for one in rows) == list(range(2 * WORKERS))
