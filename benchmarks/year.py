"""How long a ledger takes to open after a year of nights: `python -m benchmarks.year` (a minute or two)."""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

import anyio

from importer.ledger.opening import Owner, open_ledger
from importer.library import run_import
from importer.simulator.policy import SimulatorPolicy
from importer.simulator.server import Simulator
from importer.version import VERSION

_TOKEN: Final = "simulated-token"  # noqa: S105 - the simulator takes any
_NIGHTS: Final = 365
_FIRST: Final = 5_000  #: campaigns of the first night
_NEW: Final = 100  #: new ones of each later night; rows that are skipped leave nothing in a journal


async def _live(folder: Path) -> Owner:
    """Import night after night into one ledger; return whose it is."""
    made, source = 0, folder / "feed.csv"
    async with Simulator(SimulatorPolicy.from_strings(["rate=100000"])) as simulator:
        for night in range(_NIGHTS + 1):
            new = _NEW if night else _FIRST
            rows = "".join(f"Campaign {n},Note of campaign {n},2026-01-01\n" for n in range(made, made + new))
            source.write_text("hs_name,hs_notes,hs_start_date\n" + rows)
            summary = await run_import(
                source, token=_TOKEN, base_url=simulator.base_url, ledger=folder / "ledger", timeout=5.0
            )
            made += new
            if summary.books.created != new:
                raise RuntimeError(summary.books.line())
        return Owner(base_url=simulator.base_url, account=summary.account, simulated=False, tool=VERSION)


def _opened(ledger: Path, owner: Owner) -> float:
    """Return the seconds that opening takes."""
    began = time.perf_counter()
    opened = open_ledger(ledger, owner)
    seconds = time.perf_counter() - began
    opened.close()
    return seconds


def main() -> None:
    """Live a year and say how long its ledger takes to open."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        owner = anyio.run(_live, folder)
        ledger = folder / "ledger"
        size = (ledger / "journal.jsonl").stat().st_size
        print(f"{_NIGHTS + 1} runs, {_FIRST + _NIGHTS * _NEW:,} campaigns, a journal of {size / 1e6:.1f} MB")  # noqa: T201 - its output
        print(f"opened in {_opened(ledger, owner):.2f} s")  # noqa: T201 - its output
        shutil.rmtree(ledger / "index")
        print(f"and with its index deleted in {_opened(ledger, owner):.2f} s")  # noqa: T201 - its output


if __name__ == "__main__":
    main()
