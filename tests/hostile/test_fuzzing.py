"""The fuzzing in small: each target by hypothesis, the loop by itself, and faults that both must find."""

import re
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.model import Rejection, Row
from importer.sources import ReadPolicy
from tests.depth import examples
from tests.hostile import corpus
from tests.hostile.accounting import Items, check_array, check_items, check_json_lines, check_table
from tests.hostile.fuzz import failing, main
from tests.hostile.ledger_targets import check_beginning
from tests.hostile.mutation import TOKENS, mutated
from tests.hostile.targets import TARGETS, Target, read

edit = st.tuples(st.integers(0, 2_000), st.integers(0, 40), st.one_of(st.sampled_from(TOKENS), st.binary(max_size=6)))


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
def test_nothing_that_is_read_breaks_a_reader(target: Target) -> None:
    """Sound inputs with up to six edits end in what the part called documents, and every byte is accounted for."""

    @settings(deadline=None, max_examples=examples(25, deep=200), database=None)
    @given(st.sampled_from(target.seeds), st.lists(edit, max_size=6))
    def holds(seed: bytes, edits: list[tuple[int, int, bytes]]) -> None:
        data = seed
        for place, length, piece in edits:
            at = place % (len(data) + 1)
            data = data[:at] + piece + data[at + length :]
        target.check(data)

    holds()


@pytest.mark.slow
def test_the_loop_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Some thousand executions of all targets end well, in two processes, and are counted by target."""
    assert main(["--executions", "4000", "--jobs", "2", "--seed", "3"]) == 0
    out = capsys.readouterr().out
    counts = [int(found.replace(",", "")) for found in re.findall(r"^.{24} +([\d,]+) ", out, re.MULTILINE)]
    assert len(counts) == len(TARGETS)
    assert sum(counts) == 4_000
    assert "no failure" in out


def test_the_loop_finds_a_planted_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """A target that fails at one short piece is found, with an input cut down to that piece, and status 1."""

    def fragile(data: bytes) -> None:
        if b'""' in data:
            raise KeyError("planted")

    assert main(["--executions", "2000"], [Target("planted", 1, corpus.JSON_LINES[:1], fragile)]) == 1
    out = capsys.readouterr().out
    assert "KeyError: 'planted'" in out
    assert "--input 2222\n" in out


def test_the_same_seed_makes_the_same_inputs() -> None:
    """A run can be made again: inputs follow from the seed alone."""
    once, again, other = ([mutated(corpus.CSV, Random(seed)) for _ in range(50)] for seed in (1, 1, 2))
    assert once == again != other


def _without(items: Items) -> Items:
    return items[:1] + items[2:]


def _twice(items: Items) -> Items:
    return items[:2] + items[1:]


def _another_line(items: Items) -> Items:
    return [_moved(items[0]), *items[1:]]


def _moved(item: Row | Rejection) -> Row:
    assert isinstance(item, Row)
    return item._replace(line_number=(item.line_number or 0) + 1, byte_offset=(item.byte_offset or 0) + 1)


@pytest.mark.parametrize("lie", [_without, _twice, _another_line])
@pytest.mark.parametrize(
    ("form", "data", "check"),
    [
        ("csv", corpus.CSV[0], lambda data, items: check_table(data, items, ended=True)),
        ("jsonl", corpus.JSON_LINES[0], lambda d, i: check_json_lines(d, i, ended=True, row_bytes_max=1 << 20)),
        ("json", corpus.ARRAYS[0], lambda data, items: check_array(data, items, ended=True)),
    ],
)
def test_the_accounts_notice_a_lie(
    form: str, data: bytes, check: Callable[[bytes, Items], None], lie: Callable[[Items], Items]
) -> None:
    """A row that is lost, told twice or put elsewhere is noticed in every format; the truth is not accused."""
    items, _error = read(data, ReadPolicy(format=form))  # type: ignore[arg-type]  # one of the formats
    check(data, items)
    assert failing(lambda told: check(told, lie(items)), data) is not None


def test_the_accounts_notice_a_gap() -> None:
    """An ordinal that is missing is noticed."""
    items, _error = read(corpus.CSV[0], ReadPolicy())
    with pytest.raises(AssertionError, match="ordinal"):
        check_items(_without(items), rows_max=1_000, chunks=[len(items) - 1])


def test_the_journal_s_account_notices_a_lie() -> None:
    """Whole lines that are thrown away, and an entry that was never written, are noticed."""
    data = b"".join(corpus.JOURNAL)
    first = len(corpus.JOURNAL[0])
    with pytest.raises(AssertionError, match="thrown away"):
        check_beginning([], data, data, 0)
    with pytest.raises(AssertionError, match="never written"):
        check_beginning([{"n": 0}], data[first:], data, first)
