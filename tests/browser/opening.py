"""How long a report of many failures takes to open: `python -m tests.browser.opening`."""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.browser import chromium
from tests.browser.sample import page

FAILURES = 10_000
ROUNDS = 7


def main() -> None:
    """Open a report in pages of their own, and say how long it took until its table could be used."""
    lacking = chromium.missing()
    if lacking is not None:
        sys.exit(f"not measured: {lacking}")
    with tempfile.TemporaryDirectory() as folder, chromium.browser() as started:
        path = Path(folder) / "report.html"
        path.write_text(page(FAILURES), encoding="utf-8")
        taken = []
        for _ in range(ROUNDS):
            tab = started.new_context().new_page()
            began = time.perf_counter()
            tab.goto(path.as_uri())
            tab.wait_for_selector("#controls:not([hidden])")
            taken.append(time.perf_counter() - began)
            tab.close()
        size_mb = path.stat().st_size / 1e6
    print(f"{FAILURES:,} failures, {size_mb:.1f} MB: {statistics.median(taken):.2f} s, at most {max(taken):.2f} s")  # noqa: T201 - its output


if __name__ == "__main__":
    main()
