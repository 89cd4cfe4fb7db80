"""A bar chart as SVG, readable on light and dark ground, of values that lie orders of magnitude apart."""

import math
from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape

_WIDTH: Final = 760
_LABELS: Final = 230  #: width of the names
_VALUES: Final = 110  #: width left for the values behind the bars
_ROW: Final = 30
_TOP: Final = 44
_STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}.bar{fill:#8c96a3}.ours{fill:#0969da}"
    ".grid{stroke:#8c96a3;stroke-opacity:.35}.small{font-size:11px}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#6e7681}.ours{fill:#4493f8}}"
)


def bars(title: str, values: Mapping[str, float], ours: str) -> str:
    """Return a chart of `values`, name → positive number, on a logarithmic scale, with `ours` in another colour."""
    low = 10 ** math.floor(math.log10(min(values.values())))
    high = 10 ** math.ceil(math.log10(max(values.values()) * 1.0001))
    space = _WIDTH - _LABELS - _VALUES
    bottom = _TOP + _ROW * len(values)

    def place(value: float) -> float:
        return _LABELS + space * math.log10(value / low) / math.log10(high / low)

    drawn = []
    mark = low
    while mark <= high:
        at = place(mark)
        drawn.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{bottom}"/>')
        drawn.append(f'<text class="small" x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{mark:,.0f}</text>')
        mark *= 10
    for number, (name, value) in enumerate(values.items()):
        top = _TOP + _ROW * number
        kind = "bar ours" if name == ours else "bar"
        width = max(2.0, place(value) - _LABELS)
        drawn.append(f'<text x="{_LABELS - 8}" y="{top + 20}" text-anchor="end">{escape(name)}</text>')
        drawn.append(f'<rect class="{kind}" x="{_LABELS}" y="{top + 5}" width="{width:.1f}" height="20" rx="2"/>')
        drawn.append(f'<text x="{_LABELS + width + 6:.1f}" y="{top + 20}">{value:,.0f}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + 26}" role="img">'
    lines = [head, f"<title>{escape(title)}</title>", f"<style>{_STYLE}</style>",
             f'<text class="title" x="0" y="20">{escape(title)}</text>', *drawn, "</svg>"]  # fmt: skip
    return "\n".join(lines) + "\n"
