"""The benchmark: the importer against a bare loop and against HubSpot's own clients, and what else was promised.

    python -m benchmarks [--quick | --full] [--largest ROWS] [--python PATH]... [--write] [--json FILE]

It prints the tables; `--write` puts them, the charts and the profile into docs/. The exit status says whether
everything ran, not whether the goals were met: machines differ.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from benchmarks import campaigns, document, profiling
from benchmarks.comparing import EFFORTS, measure
from benchmarks.figures import GOALS
from benchmarks.machine import additions_s, machine, stolen

DOCS: Final = Path(__file__).resolve().parents[1] / "docs" / "explanation"


def say(text: str) -> None:
    """Show how far it is."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)  # noqa: T201 - progress


def _profile(folder: Path, rows: int) -> profiling.Profile | str:
    source = folder / "profiled.csv"
    campaigns.write(source, rows)
    try:
        return profiling.profile(source, folder)
    except RuntimeError as error:
        return str(error)


def _meanwhile(taken: tuple[int, int] | None, additions_before_s: float) -> dict[str, str]:
    """Return how steady the machine was since `taken` and `additions_before_s` were read."""
    facts = {"ten million additions": f"{additions_before_s:.2f} s before, {additions_s():.2f} s after"}
    now = stolen()
    if taken is not None and now is not None:
        facts["taken by the hypervisor"] = f"{(now[0] - taken[0]) / max(1, now[1] - taken[1]):.1%}"
    return facts | {"measured": time.strftime("%Y-%m-%d")}


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The importer against others.")
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument("--quick", dest="effort", action="store_const", const="quick", help="one or two minutes")
    effort.add_argument("--full", dest="effort", action="store_const", const="full", help="with ten million rows")
    effort.add_argument("--smoke", dest="effort", action="store_const", const="smoke", help="seconds: does it run?")
    parser.add_argument("--largest", type=int, metavar="ROWS", help="one more import, to see whether memory is flat")
    parser.add_argument(
        "--python", action="append", default=[], metavar="PATH", help="another interpreter, with the importer in it"
    )
    parser.add_argument("--write", action="store_true", help="write docs/explanation/performance.md and its charts")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where performance.md is")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    args = _arguments(argv)
    name = args.effort or "usual"
    effort = EFFORTS[name]
    if args.largest:
        effort = replace(effort, largest=args.largest)
    facts, before = machine(), (stolen(), additions_s())
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        seen = measure(effort, Path(folder), [sys.executable, *args.python], say)
        found = _profile(Path(folder), effort.inside_rows)
    facts |= _meanwhile(*before)
    described = document.machine(facts, name, args.largest)
    texts = (described, document.goals(seen), document.runs(seen), document.profile(found, seen))
    parts = dict(zip(document.PARTS, texts, strict=True))
    print("\n\n".join(parts.values()))  # noqa: T201 - its output
    if args.write:
        document.write(args.docs, parts, document.charts(seen))
    if args.json:
        figures = {goal.name: goal.value(seen) for goal in GOALS}
        whole = {"effort": name, "machine": facts, "figures": figures, "measured": asdict(seen)}
        profiled = asdict(found) if isinstance(found, profiling.Profile) else found
        args.json.write_text(json.dumps({**whole, "profile": profiled}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
