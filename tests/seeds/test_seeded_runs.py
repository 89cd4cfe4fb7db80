"""A sample of the seeded runs."""

from pathlib import Path

import pytest

from tests.seeds.seeded_runs import Score, one_seed


@pytest.mark.slow
async def test_a_few_seeds(tmp_path: Path) -> None:
    """Imports in weather of every kind end with every row in one state, and ledger and server agree."""
    total = Score()
    for seed in range(100_001, 100_004):
        folder = tmp_path / str(seed)
        folder.mkdir()
        total.add(await one_seed(folder, seed, 1_000))
    assert total.violations == []
    assert total.faults.total() > 0
    assert total.created == total.inputs
