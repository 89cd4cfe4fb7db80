"""Real export files with a byte damaged: what the damage does not touch is read as before, and every row is counted."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from importer.errors import ExitStatus, ImporterError
from importer.report.books import Tally
from importer.runs import check
from importer.sources import ReadPolicy
from importer.stopping import Stop
from tests.hostile.accounting import Items, check_table
from tests.hostile.row_targets import MAPPINGS
from tests.hostile.targets import read
from tests.pipeline.conftest import World

SEEDS = 6
EXPORTS: Final = {"mailchimp": "mailchimp-campaigns.csv", "salesforce": "salesforce-campaigns.csv"}


def _at(data: bytes, at: int, instead: bytes, gone: int = 1) -> bytes:
    return data[:at] + instead + data[at + gone :]


#: Kind of damage → what it makes of the bytes, at a place.
DAMAGES: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "lowest bit flipped": lambda data, at: _at(data, at, bytes([data[at] ^ 1])),
    "highest bit flipped": lambda data, at: _at(data, at, bytes([data[at] ^ 128])),
    "byte lost": lambda data, at: _at(data, at, b""),
    "byte doubled": lambda data, at: _at(data, at, data[at : at + 1] * 2),
    "NUL": lambda data, at: _at(data, at, b"\0"),
    "quote": lambda data, at: _at(data, at, b'"', 0),
    "comma": lambda data, at: _at(data, at, b",", 0),
    "line end": lambda data, at: _at(data, at, b"\n", 0),
    "carriage return": lambda data, at: _at(data, at, b"\r", 0),
    "block of zeros": lambda data, at: _at(data, at, bytes(64), 64),
    "cut off": lambda data, at: data[:at],
    "page twice": lambda data, at: _at(data, at, data[max(0, at - 512) : at], 0),
}


def _rows(items: Items) -> Sequence[Any]:
    """Return what was read, without what an inserted byte moves."""
    return [getattr(item, "cells", None) for item in items]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("name", EXPORTS)
async def test_a_damaged_export(world: World, shared: Path, name: str, damage: Callable[[bytes, int], bytes]) -> None:
    """Rows before the damage stand, each line is in a row or a rejection, and the check's books balance."""
    whole = (shared / "data" / EXPORTS[name]).read_bytes()
    sound, _error = read(whole, ReadPolicy(format="csv", delimiter=","))
    head = whole.index(b"\n") + 1
    for seed in range(SEEDS):
        at = Random(f"{seed} {name}").randrange(head, len(whole))
        data = damage(whole, at)
        items, error = read(data, ReadPolicy(format="csv", delimiter=","))
        if name == "mailchimp":  # the other begins with a byte order mark, which the account does not know
            check_table(data, items, ended=error is None)
        before = whole.count(b"\n", head, at)
        assert _rows(items)[:before] == _rows(sound)[:before], f"byte {at}"

        (world.folder / "export.csv").write_bytes(data)
        plan = world.make_plan("https://x", world.folder / "export.csv", mapping=MAPPINGS[name])
        tally = Tally()
        summary = await check(plan, tally=tally, stop=Stop())
        books = summary.books
        assert books.read == len(items) == books.not_sent + books.failed + books.skipped
        assert sum(tally.codes.values()) == books.failed
        assert all(one.row.line_number for found in tally.samples.values() for one in found)
        assert summary.status == (
            ExitStatus.SOURCE if error else ExitStatus.SOME_FAILED if books.failed else ExitStatus.OK
        )


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("damage", [b"\0", b"\xff", b'"', b"\n", b","], ids=repr)
async def test_a_damaged_header(world: World, shared: Path, name: str, damage: bytes) -> None:
    """A byte put anywhere into the header is refused with a sentence, or renames a column that is not needed."""
    whole = (shared / "data" / EXPORTS[name]).read_bytes()
    count = whole.count(b"\n") - 1
    for at in range(0, whole.index(b"\n"), 7):
        (world.folder / "export.csv").write_bytes(_at(whole, at, damage, 0))
        plan = world.make_plan("https://x", world.folder / "export.csv", mapping=MAPPINGS[name])
        try:
            summary = await check(plan, tally=Tally(), stop=Stop())
        except ImporterError as error:
            assert error.exit_status in (ExitStatus.USAGE, ExitStatus.SOURCE)  # noqa: PT017 - or it is none
        else:
            assert summary.books.read >= count - 1 or (summary.status, bool(summary.reason)) == (
                ExitStatus.SOURCE,
                True,
            )
