"""Every client that the importer is compared with sends each row once."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from benchmarks import campaigns
from benchmarks.clients import CLIENTS
from benchmarks.processes import measured, stub

NEEDS: Final = {"sdk": "hubspot_sdk", "typed": "hubspot", "api_request": "hubspot"}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("client", CLIENTS)
def test_each_row_is_sent_once(client: str, workers: int, tmp_path: Path) -> None:
    """All rows arrive, in batches of 50 and a last one, at a path that the stub knows; the clock is read."""
    if client in NEEDS and find_spec(NEEDS[client]) is None:
        pytest.skip(f"{NEEDS[client]} is not installed: make bench installs it")
    source = tmp_path / "rows.csv"
    campaigns.write(source, 320)
    with stub() as served:
        options = [client, served.base_url, str(source), "--records", "320", "--workers", str(workers)]
        used = measured([sys.executable, "-m", "benchmarks.clients", *options])
    assert used.status == 0, used.errors
    assert served.counts["inputs"] == json.loads(used.output)["records"] == 320
    assert served.counts["creates"] == served.counts["requests"] == 7
    assert 0 < json.loads(used.output)["seconds"] < used.seconds
