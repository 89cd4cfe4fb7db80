"""A sample of the seeded runs."""

from pathlib import Path

import pytest

from tests.seeds.seeded_runs import one_seed


@pytest.mark.slow
@pytest.mark.parametrize("seed", [100_001, 100_002, 100_003])
async def test_a_seed(tmp_path: Path, seed: int) -> None:
    """An import in weather of every kind ends with every row in one state, and ledger and server agree."""
    score = await one_seed(tmp_path, seed, 1_000)
    assert score.violations == []
    assert score.faults.total() > 0
    assert score.created == score.inputs
