"""The benchmark runs, and docs/explanation/performance.md has the shape that it writes."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest

from benchmarks import comparing, document
from benchmarks.figures import CLIENTS, GOALS
from tests.depth import DEEP

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "explanation" / "performance.md"
SVG: Final = "{http://www.w3.org/2000/svg}"
ROWS: Final = 320
in_depth = pytest.mark.skipif(not DEEP, reason="every measurement takes twenty processes: make deep, make bench-smoke")


def part(page: str, name: str) -> list[list[str]]:
    """Return the cells of the tables between the markers of `name`, without the lines that only rule."""
    found = re.search(rf"<!-- {name}: begin -->(.*?)<!-- {name}: end -->", page, re.DOTALL)
    assert found is not None
    lines = [line for line in found[1].splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Run the shortest benchmark once; return the documents it wrote and what it measured."""
    folder = tmp_path_factory.mktemp("benchmark")
    (folder / "performance.md").write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "tmp").mkdir()
    figures = folder / "figures.json"
    line = [sys.executable, "-m", "benchmarks", "--smoke", "--write", "--docs", str(folder), "--json", str(figures)]
    environment = {**os.environ, "TMPDIR": str(folder / "tmp")}
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(figures.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_an_import_is_measured_and_written(tmp_path: Path) -> None:
    """A small import and the same again are measured, and their figures stand in the page that is written of them."""
    bench = comparing._Bench(replace(comparing.EFFORTS["smoke"], rows=ROWS), tmp_path, list[str]().append)
    source = bench._source("csv", ROWS)
    ledger, port = bench._run_import(source, "csv", ROWS, sys.executable)
    bench._again(source, ledger, port)
    (run,) = bench.seen.runs
    assert (run.case[:3], run.records) == (("importer", "csv", 0), ROWS)
    assert run.seconds > 0 < run.cpu_s
    assert run.peak_bytes > 0
    assert (bench.seen.rerun_records, bench.seen.rerun_creates) == (ROWS, 0)
    assert len(bench.seen.rerun_s) == len(bench.seen.reread_s) == 1
    (tmp_path / "performance.md").write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    texts = ("- here", document.goals(bench.seen), document.runs(bench.seen), document.profile("none", bench.seen))
    document.write(tmp_path, dict(zip(document.PARTS, texts, strict=True)), {})
    page = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert [cells[5] for cells in part(page, "runs")] == ["records", str(ROWS)]
    assert [cells[0] for cells in part(page, "goals")[1:]] == [goal.name for goal in GOALS]


@in_depth
@pytest.mark.slow
def test_the_benchmark_runs(smoke: tuple[Path, dict[str, Any]]) -> None:
    """A few thousand rows go through every measurement, and each comes out with what it is to say."""
    folder, found = smoke
    seen = found["measured"]
    assert {tuple(run["case"][:3]) for run in seen["runs"]} == {
        ("importer", "csv", 0), ("importer", "jsonl", 0), ("importer", "jsonl.gz", 0), ("importer", "csv", 100),
        ("bare", "csv", 0), ("bare", "csv", 100), ("pipelined", "csv", 0),
    }  # fmt: skip
    assert all(run["records"] == 2_000 and run["seconds"] > 0 and run["cpu_s"] > 0 for run in seen["runs"])
    assert seen["rerun_creates"] == 0
    assert len(seen["lags_s"]) == len(seen["synced"]) == len(seen["unsynced"]) == 1
    assert list(found["figures"]) == [goal.name for goal in GOALS]
    assert list((folder / "tmp").iterdir()) == []  # what it worked in is gone


@in_depth
@pytest.mark.slow
def test_the_page_is_written(smoke: tuple[Path, dict[str, Any]]) -> None:
    """The page that comes out has every part, the same tables as the page in docs, and charts that are SVG."""
    folder, found = smoke
    page = (folder / "performance.md").read_text(encoding="utf-8")
    assert "command: `smoke`" in page
    assert len(part(page, "runs")) == 1 + len(found["measured"]["runs"])
    for name in document.CHARTS:
        chart = ET.parse(folder / "performance" / name)  # noqa: S314 - our own
        assert chart.getroot().tag == f"{SVG}svg"
        assert len(chart.findall(f"{SVG}rect")) >= 2


def test_the_document_has_the_shape_that_the_code_writes() -> None:
    """The tables in docs have the heads, the goals and the clients that the benchmark knows, and nothing else."""
    page = PAGE.read_text(encoding="utf-8")
    head, *goals = part(page, "goals")
    assert tuple(head) == document.GOAL_HEAD
    assert [(name, aim.split(" ", 1)[1]) for name, aim, _, _ in goals] == [
        (goal.name, goal.write(goal.goal)) for goal in GOALS
    ]
    head, *runs = part(page, "runs")
    assert tuple(head) == document.RUN_HEAD
    assert {cells[0] for cells in runs} == set(CLIENTS.values())
    assert tuple(part(page, "profile")[0]) == document.PROFILE_HEAD
    assert {path.name for path in (ROOT / "docs/explanation/performance").glob("*.svg")} == set(document.CHARTS)
