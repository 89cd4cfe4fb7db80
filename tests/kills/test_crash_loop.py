"""A sample of the crash loop, and a judge that is shown to see what it is there for."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.kills.checker import judge
from tests.kills.crash_loop import Score, at_point, at_random, passed_points
from tests.kills.grounds import inputs

ROWS = inputs("m", 4, twins=False)


def campaign(number: int, row: dict[str, str]) -> dict[str, Any]:
    """Return what the server's truth says of a campaign."""
    return {"id": f"c{number}", "properties": row}


def result(number: int, ordinal: int) -> dict[str, Any]:
    """Return a row of results.jsonl."""
    return {"id": f"c{number}", "identity": f"i{ordinal}", "ordinal": ordinal}


def judged(folder: Path, results: list[Any], failures: list[Any], truth: list[Any]) -> tuple[list[str], int]:
    """Write a ledger and let it be judged."""
    for name, rows in (("results.jsonl", results), ("failures.jsonl", failures)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = judge(folder, ROWS, truth)
    return found.violations, found.unresolved


TRUTH = [campaign(n, row) for n, row in enumerate(ROWS)]
RESULTS = [result(n, n) for n in range(4)]
UNTOLD = {"identity": "i3", "ordinal": 3, "state": "unresolved"}


def test_the_judge_is_content_with_what_is_right(tmp_path: Path) -> None:
    """A whole ledger, and one whose last row cannot be told, whether it was made or not, are no violations."""
    assert judged(tmp_path, RESULTS, [], TRUTH) == ([], 0)
    assert judged(tmp_path, RESULTS[:3], [UNTOLD, UNTOLD], TRUTH) == ([], 1)
    assert judged(tmp_path, RESULTS[:3], [UNTOLD], TRUTH[:3]) == ([], 1)


@pytest.mark.parametrize(
    ("results", "failures", "truth", "said"),
    [
        (RESULTS, [], [*TRUTH, campaign(9, ROWS[0])], "twice"),
        (RESULTS[:3], [], TRUTH[:3], "lost"),
        (RESULTS[:3], [], TRUTH, "made and not recorded"),
        (RESULTS, [], TRUTH[:3], "an id that the server does not know"),
        ([result(1, 0), result(0, 1), *RESULTS[2:]], [], TRUTH, "mispaired"),
        ([*RESULTS[:3], result(2, 3)], [], TRUTH, "the id c2 stands in the results twice"),
        ([*RESULTS, RESULTS[0]], [], TRUTH, "the identity i0 stands in the results twice"),
        (RESULTS[:3], [UNTOLD | {"ordinal": 2}], TRUTH, "row 2 has 2 states"),
    ],
)  # fmt: skip
def test_the_judge_sees(tmp_path: Path, results: list[Any], failures: list[Any], truth: list[Any], said: str) -> None:
    """Each planted violation is named."""
    assert any(sentence.startswith(said) for sentence in judged(tmp_path, results, failures, truth)[0])


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_sample_of_kills(tmp_path: Path) -> None:
    """Kills at random moments in bad weather, and at a named point: all is well."""
    score = Score()
    for number, kills in ((1, 4),):
        score.add(at_random(tmp_path, kills=kills, seed=3, number=number))
    points = passed_points(tmp_path)
    assert len(points) > 60
    assert {"create/before/1", "write:journal.jsonl/half/2", "sync:journal.jsonl/after/3"} <= set(points)
    for number, point in enumerate(random.Random(11).sample(points, 1)):
        score.add(at_point(tmp_path, point, number))
    assert score.violations == []
    assert score.strikes.total() - score.strikes["ended before the strike"] >= 2
