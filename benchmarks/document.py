"""docs/explanation/performance.md: the parts between its markers, made from what was measured."""

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.chart import bars
from benchmarks.figures import CLIENTS, GOALS, IMPORTER, MIB, MILLION, Case, Measured, Run, mean_rate
from benchmarks.profiling import Profile

GOAL_HEAD: Final = ("figure", "goal", "measured", "met")
RUN_HEAD: Final = ("client", "source", "latency", "workers", "Python", "records", "runs", "records/s", "from … to",
                   "CPU s per million", "peak MiB", "stub busy")  # fmt: skip
PROFILE_HEAD: Final = ("where", "share", "µs a record")
PARTS: Final = ("machine", "goals", "runs", "profile")
CHARTS: Final = {"rates.svg": 0.0, "rates-100ms.svg": 100.0}  #: file → latency of the stub in ms
_ROWS_OF_PROFILE: Final = 14


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def goals(seen: Measured) -> str:
    """Return the table of goals."""
    rows = []
    for goal in GOALS:
        value = goal.value(seen)
        sign = "≥" if goal.more else "≤"
        rows.append((goal.name, f"{sign} {goal.write(goal.goal)}", goal.write(value), goal.met(value)))
    return table(GOAL_HEAD, rows)


def runs(seen: Measured) -> str:
    """Return the table of runs, one line a case."""
    cases: dict[tuple[Case, int], list[Run]] = {}
    for run in [*seen.runs, *seen.largest]:
        cases.setdefault((run.case, run.records), []).append(run)
    ordered = sorted(cases.items(), key=lambda item: (item[0][0].latency_ms, [*CLIENTS].index(item[0][0].client)))
    return table(RUN_HEAD, [_case(case, records, made) for (case, records), made in ordered])


def _case(case: Case, records: int, made: Sequence[Run]) -> tuple[str, ...]:
    rates = [run.rate for run in made]
    cpu = statistics.mean(run.cpu_s / run.records * MILLION for run in made)
    busy = statistics.mean(run.stub_cpu_s / run.seconds for run in made)
    return (
        CLIENTS[case.client], case.form, f"{case.latency_ms:.0f} ms", str(case.workers), case.python, f"{records:,}",
        str(len(made)), f"{statistics.mean(rates):,.0f}", f"{min(rates):,.0f} … {max(rates):,.0f}", f"{cpu:.1f}",
        f"{max(run.peak_bytes for run in made) / MIB:.0f}", f"{min(busy, 1):.0%}",
    )  # fmt: skip


def profile(found: Profile | str, seen: Measured) -> str:
    """Return the tables of modules and functions, or why there is no profile."""
    if isinstance(found, str):
        return f"Not made: {found}"
    ours = seen.of(IMPORTER)
    micros = statistics.mean(run.cpu_s / run.records * MILLION for run in ours)

    def rows(shares: Sequence[tuple[str, float]]) -> list[tuple[str, ...]]:
        top = list(shares[:_ROWS_OF_PROFILE])
        top.append(("everything else", 1 - sum(share for _, share in top)))
        return [(name, f"{share:.1%}", f"{share * micros:.1f}") for name, share in top]

    by_module = table(PROFILE_HEAD, [*rows(found.modules), ("all", "100.0%", f"{micros:.1f}")])
    return f"{found.samples:,} samples. By module:\n\n{by_module}\n\nBy function:\n\n" + table(
        PROFILE_HEAD, rows(found.functions)
    )


def machine(facts: Mapping[str, str], effort: str, largest: int | None) -> str:
    """Return what it was measured on, as a list."""
    command = {"usual": "make bench", "quick": "make bench-quick", "full": "make bench-full"}.get(effort, effort)
    command += f" LARGEST={largest}" if largest else ""
    return "\n".join([f"- command: `{command}`", *(f"- {name}: {text}" for name, text in facts.items())])


def charts(seen: Measured) -> dict[str, str]:
    """Return file name → chart of the mean records a second of every client."""
    drawn = {}
    for name, latency_ms in CHARTS.items():
        rates = {
            CLIENTS[client].replace("`", ""): mean_rate(seen.of(client, latency_ms=latency_ms)) for client in CLIENTS
        }
        values = {client: rate for client, rate in rates.items() if rate}
        title = f"Records a second, {latency_ms:.0f} ms of latency (logarithmic)"
        drawn[name] = bars(title, values, CLIENTS[IMPORTER])
    return drawn


def filled(text: str, parts: Mapping[str, str]) -> str:
    """Return `text` with each part between its markers; raise `ValueError` for a part without markers."""
    for name, part in parts.items():
        marked = re.compile(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.DOTALL)
        found = marked.search(text)
        if found is None:
            raise ValueError(f"there is no place for {name}")
        text = f"{text[: found.start()]}{found[1]}\n{part}\n\n{found[2]}{text[found.end() :]}"
    return text


def write(docs: Path, parts: Mapping[str, str], drawn: Mapping[str, str]) -> None:
    """Fill `parts` into performance.md of `docs`, and write the charts beside it."""
    page = docs / "performance.md"
    page.write_text(filled(page.read_text(encoding="utf-8"), parts), encoding="utf-8")
    (docs / "performance").mkdir(exist_ok=True)
    for name, svg in drawn.items():
        (docs / "performance" / name).write_text(svg, encoding="utf-8")
