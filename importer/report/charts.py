"""Figures as geometry: what an SVG element needs, in units of its view box. Pure.

The shapes carry no text: words stand beside them in the page, where they keep their size on a narrow screen.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from importer.report.books import Books
from importer.report.timeline import Sample
from importer.report.words import duration

WIDTH: Final = 1000  #: of every view box
HEIGHT: Final = 200  #: of a chart's
WINDOW_S: Final = 10.0  #: HubSpot counts requests in any so many seconds
SAMPLES_MIN: Final = 3  #: fewer make no picture
_SLIVER: Final = 6.0  #: the least width of a state that has rows
_GAP: Final = 3.0

STATES: Final = ("created", "updated", "skipped", "failed", "unresolved", "in_doubt", "not_sent")


class Segment(NamedTuple):
    """One state of the books."""

    state: str  #: name of its field
    label: str
    rows: int
    share: str  #: of all rows, for people
    x: float
    width: float


class Line(NamedTuple):
    """One line of a chart."""

    label: str
    kind: str  #: class of the element
    path: str
    value: str  #: the last or the whole of it, for people


class Chart(NamedTuple):
    """One chart over the time of the run."""

    name: str
    title: str
    told: str  #: what it shows, in a sentence for those who do not see it
    unit: str
    top: str  #: label at the upper end of the scale
    end: str  #: label at the end of the time
    lines: tuple[Line, ...]


def balance(books: Books) -> tuple[Segment, ...]:
    """Return the states that have rows, side by side; together they are as wide as what was read."""
    present = [(state, getattr(books, state)) for state in STATES if getattr(books, state)]
    total = max(books.read, books.accounted, 1)
    free = WIDTH - _GAP * max(len(present) - 1, 0)
    wide = [max(rows / total * free, _SLIVER) for _, rows in present]
    over = sum(wide) - free * books.accounted / total
    widest = wide.index(max(wide)) if wide else 0
    segments, x = [], 0.0
    for at, (state, rows) in enumerate(present):
        width = max(wide[at] - (over if at == widest else 0.0), _SLIVER)
        label = state.replace("_", " ")
        segments.append(Segment(state, label, rows, share(rows, total), round(x, 2), round(width, 2)))
        x += width + _GAP
    return tuple(segments)


def share(rows: int, total: int) -> str:
    """Return a part of the whole for people; a small one is never nothing, a large one never all."""
    part = rows / total * 100
    if 0 < part < 0.1:
        return "< 0.1 %"
    if 99.9 < part < 100:
        return "> 99.9 %"
    return f"{part:.1f} %".replace(".0 %", " %")


def charts(samples: Sequence[Sample]) -> tuple[Chart, ...]:
    """Return what happened over time; nothing where there are too few samples to draw."""
    if len(samples) < SAMPLES_MIN:
        return ()
    return tuple(chart for chart in (_speed(samples), _rate(samples), _latency(samples)) if chart is not None)


def _speed(samples: Sequence[Sample]) -> Chart:
    values = [sample.created / (sample.to_s - sample.from_s) for sample in samples]
    end = samples[-1].to_s
    mean = sum(sample.created for sample in samples) / max(end - samples[0].from_s, 1e-9)
    top = nice(max(values))
    line = Line(
        "campaigns made", "one area", _path(samples, values, top, closed=True), f"{mean:,.0f} a second on average"
    )
    told = f"On average {mean:,.0f} campaigns a second were made, at most {max(values):,.0f}."
    return Chart("speed", "Campaigns made, a second", told, "a second", _label(top), duration(end), (line,))


def _rate(samples: Sequence[Sample]) -> Chart:
    used = list(_window(samples))
    known = [sample.permitted_per_s for sample in samples]
    permitted = [each * WINDOW_S for each in _filled(known)]
    top = nice(max([*used, *permitted]))
    lines = [Line("requests used", "one area", _path(samples, used, top, closed=True), f"at most {max(used):,.0f}")]
    told = f"At most {max(used):,.0f} requests lay within {WINDOW_S:.0f} s."
    if permitted:
        lines.append(Line("permitted", "limit", _steps(samples, permitted, top), f"{permitted[-1]:,.0f}"))
        told += f" {permitted[-1]:,.0f} were permitted at the end."
    title = "Requests in 10 seconds, used and permitted"
    return Chart("rate", title, told, "in 10 s", _label(top), duration(samples[-1].to_s), tuple(lines))


def _latency(samples: Sequence[Sample]) -> Chart | None:
    answered = [sample for sample in samples if sample.answers]
    if not answered:
        return None
    mean = [sample.answer_s / sample.answers * 1000 for sample in answered]
    slowest = [sample.slowest_s * 1000 for sample in answered]
    overall = sum(sample.answer_s for sample in answered) / sum(sample.answers for sample in answered) * 1000
    top = nice(max(slowest))
    end = samples[-1].to_s
    lines = (
        Line("slowest", "two", _path(answered, slowest, top, end), f"at most {max(slowest):,.0f} ms"),
        Line("average", "one", _path(answered, mean, top, end), f"{overall:,.0f} ms"),
    )
    told = f"An answer took {overall:,.0f} ms on average, the slowest {max(slowest):,.0f} ms."
    return Chart("latency", "How long HubSpot took to answer", told, "ms", _label(top), duration(end), lines)


def _window(samples: Sequence[Sample]) -> Iterable[float]:
    """Yield, for each sample, the requests that began in the 10 s before its end; longer samples are scaled down."""
    for at, sample in enumerate(samples):
        since, count = sample.to_s - WINDOW_S, 0.0
        for other in reversed(samples[: at + 1]):
            if other.to_s <= since:
                break
            inside = other.to_s - max(other.from_s, since)
            count += other.requests * inside / (other.to_s - other.from_s)
        yield count


def _filled(values: Sequence[float | None]) -> list[float]:
    """Return values with what is unknown at first taken from the first that is known; nothing where none is."""
    known = next((value for value in values if value is not None), None)
    filled: list[float] = []
    for value in values if known is not None else ():
        filled.append(value if value is not None else filled[-1] if filled else known or 0.0)
    return filled


def _path(
    samples: Sequence[Sample], values: Sequence[float], top: float, end_s: float | None = None, *, closed: bool = False
) -> str:
    """Return a line through the middle of each sample, over the whole width; `closed` down to the ground."""
    x, y = _scales(end_s or samples[-1].to_s, top)
    points = [(x((sample.from_s + sample.to_s) / 2), y(value)) for sample, value in zip(samples, values, strict=True)]
    points = [(x(samples[0].from_s), points[0][1]), *points, (x(samples[-1].to_s), points[-1][1])]
    drawn = "M" + "L".join(f"{across:.1f} {down:.1f}" for across, down in points)
    return f"{drawn}L{points[-1][0]:.1f} {HEIGHT}L{points[0][0]:.1f} {HEIGHT}Z" if closed else drawn


def _steps(samples: Sequence[Sample], values: Sequence[float], top: float) -> str:
    """Return a line that keeps each value for the whole of its sample."""
    x, y = _scales(samples[-1].to_s, top)
    drawn = [f"M{x(samples[0].from_s):.1f} {y(values[0]):.1f}"]
    for sample, value in zip(samples, values, strict=True):
        drawn.append(f"V{y(value):.1f}H{x(sample.to_s):.1f}")
    return "".join(drawn)


def _scales(end_s: float, top: float) -> tuple[Callable[[float], float], Callable[[float], float]]:
    return (
        lambda seconds: seconds / max(end_s, 1e-9) * WIDTH,
        lambda value: HEIGHT - value / top * (HEIGHT - 4),
    )


def nice(value: float) -> float:
    """Return a round number that is not below `value`, and not far above; of what is next to nothing, one hundredth."""
    if value <= 0.01:
        return 0.01 if value > 0 else 1.0
    scale = 1.0
    while scale * 10 <= value:
        scale *= 10
    while scale > value:
        scale /= 10
    return next(scale * step for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15) if scale * step >= value)


def _label(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"
