"""A file with one per cent of bad rows of ten kinds: each fails alone, with its own code; all others are made."""

from importer.model import State
from importer.report.books import Tally
from tests.pipeline.conftest import World, made

COLUMNS = ("hs_name", "hs_start_date", "hs_end_date", "hs_campaign_status", "hs_currency_code", "hs_notes")
EVERY = 100

#: Code → a bad line of the file.
BAD: dict[str, bytes] = {
    "name_missing": b",2026-01-01,2026-01-02,planned,EUR,no name",
    "invalid_date": b"Bad date,31/02/2026,2026-03-01,planned,EUR,x",
    "dates_reversed": b"Reversed,2026-02-01,2026-01-01,planned,EUR,x",
    "invalid_choice": b"Bad status,2026-01-01,2026-01-02,plannd,EUR,x",
    "invalid_currency": b"Bad currency,2026-01-01,2026-01-02,planned,Euro,x",
    "value_too_long": b"Too long,2026-01-01,2026-01-02,planned,EUR," + b"x" * 70_000,
    "invalid_character": b"Bell,2026-01-01,2026-01-02,planned,EUR,ring \x07",
    "control_character": b"Nul,2026-01-01,2026-01-02,planned,EUR,a\x00b",
    "undecodable": b"Latin,2026-01-01,2026-01-02,planned,EUR,caf\xe9",
    "row_ragged": b"Ragged,2026-01-01,2026-01-02,planned,EUR,a,b",
    "row_malformed": b'"Quote"d,2026-01-01,2026-01-02,planned,EUR,x',
}


async def test_one_per_cent_of_bad_rows(world: World) -> None:
    """Each bad row stands in the failures with its code, line and raw row; the books add up; the rest is made."""
    bad_lines: dict[int, str] = {}
    lines = [",".join(COLUMNS).encode()]
    kinds = list(BAD.items())
    for number in range(len(kinds) * EVERY):
        if number % EVERY == EVERY // 2:
            code, line = kinds[number // EVERY]
            bad_lines[len(lines) + 1] = code
            lines.append(line)
        else:
            lines.append(f"Campaign {number},2026-01-01,2026-01-31,planned,EUR,note".encode())
    source = world.folder / "mixed.csv"
    source.write_bytes(b"\n".join(lines) + b"\n")

    async with world.simulator() as simulator:
        summary = await world.run(simulator, source)

        assert len(made(simulator)) == len(kinds) * (EVERY - 1)
    failures = world.rows("failures.jsonl")
    assert {row["line_number"]: row["code"] for row in failures} == bad_lines
    assert all(row["message"] and row["fix"] and row["row"] for row in failures)
    assert (summary.books.read, summary.books.failed) == (len(kinds) * EVERY, len(kinds))
    assert summary.counts["codes"] == dict.fromkeys(BAD, 1)
    assert summary.status == 1


async def test_all_errors_of_a_row_at_once(world: World) -> None:
    """A row with three things wrong tells all three, each with its column."""
    source = world.source([dict(zip(COLUMNS, ("", "soon", "2026-01-01", "dead", "EUR", "x"), strict=True))])

    async with world.simulator() as simulator:
        await world.run(simulator, source)

    (row,) = world.rows("failures.jsonl")
    assert {(problem["code"], problem["column"]) for problem in row["problems"]} == {
        ("name_missing", "hs_name"),
        ("invalid_date", "hs_start_date"),
        ("invalid_choice", "hs_campaign_status"),
    }


async def test_rejected_rows_do_not_pile_up(world: World) -> None:
    """However many rows are rejected, only some thousand are in memory: reading waits until they are written."""
    count = 8_000
    source = world.source([{"hs_name": f"Campaign {n}", "hs_start_date": "soon"} for n in range(count)])
    tally, waiting, failures = Tally(), list[int](), world.ledger / "failures.jsonl"

    def look() -> None:
        rejected = tally.ended[State.FAILED]
        if rejected and rejected % 1_000 == 0:
            waiting.append(rejected - failures.read_bytes().count(b"\n"))

    tally.watch = look
    async with world.simulator() as simulator:
        summary = await world.run(simulator, source, tally=tally)

    assert (summary.books.failed, len(world.rows("failures.jsonl"))) == (count, count)
    assert len(waiting) >= count / 1_000
    assert max(waiting) <= 3_000
