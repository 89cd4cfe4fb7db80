"""A pause that HubSpot named is told with its end, so that a fleet can wait for it."""

from pathlib import Path

from importer import run_import
from importer.errors import ExitStatus
from importer.report.summary import as_json
from importer.simulator import Simulator, SimulatorPolicy


async def test_a_named_wait_stands_in_the_summary(tmp_path: Path) -> None:
    """A 429 that asks for 2,000 s pauses the run, and its summary says when that is over; a good run says nothing."""
    source = tmp_path / "a.csv"
    source.write_text("hs_name\nA\n")
    async with Simulator(SimulatorPolicy.from_strings(["create/429@1", "retry_after=2000"])) as simulator:
        paused = await run_import(source, token="any", base_url=simulator.base_url)
        assert paused.status is ExitStatus.PAUSED
        told = as_json(paused)["resume_at"]
        began = (tmp_path / "a.csv").stat().st_mtime
        assert began + 1_990 < told < began + 2_300
        assert (await run_import(source, token="any", base_url=simulator.base_url)).resume_at is None
