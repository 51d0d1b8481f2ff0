"""Charts of a report as inline SVG: lines and bars, readable in light and dark, with the values at hand as text.

Colours are the page's (`rayce.report_page`): nothing is fetched, nothing runs. Values that are no numbers are left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import ceil, floor, isfinite, log10

from msgspec import Struct

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 12, 44
BAR_HEIGHT, NAME_WIDTH, VALUE_WIDTH = 22, 220, 70
MAX_BARS, MAX_LINES, MAX_POINTS = 60, 6, 1_000
TICKS = 5
_TINY, _HUGE = 1e-100, 1e100
"""Outside of these a difference of two values may be none, or endless."""

Point = tuple[float, float]


class Lines(Struct, frozen=True):
    """Curves over a common x. `diagonal`: the line y = x as well, where prediction and truth agree."""

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[Point]]
    diagonal: bool = False
    note: str = ""


class Bars(Struct, frozen=True):
    """One bar a name, in the order given; `unit` stands behind the values. Values below zero go to the left."""

    title: str
    bars: Sequence[tuple[str, float]]
    unit: str = ""
    note: str = ""


def draw_lines(chart: Lines) -> str:
    """The curves, a legend where there is more than one, and axes with round numbers."""
    drawn = {name: _finite(points)[:MAX_POINTS] for name, points in list(chart.lines.items())[:MAX_LINES]}
    points = [point for line in drawn.values() for point in line]
    if not points:
        return "<p>no values</p>"
    spans = [_span([point[axis] for point in points]) for axis in (0, 1)]
    if chart.diagonal:
        low, high = min(spans[0][0], spans[1][0]), max(spans[0][1], spans[1][1])
        spans = [_span([low, high])] * 2
    across = _Scale(*spans[0], LEFT, WIDTH - RIGHT)
    up = _Scale(*spans[1], HEIGHT - BOTTOM, TOP)
    parts = [_axes(across, up, chart.x, chart.y)]
    if chart.diagonal:
        low, high = spans[0]
        ends = f'x1="{across(low)}" y1="{up(low)}" x2="{across(high)}" y2="{up(high)}"'
        parts.append(f'<line class="ideal" {ends}/>')
    for n, (name, line) in enumerate(drawn.items()):
        path = " ".join(f"{across(x)},{up(y)}" for x, y in line)
        parts.append(f'<polyline class="s{n}" points="{path}"><title>{escape(name)}</title></polyline>')
        parts += [
            f'<circle class="s{n}" cx="{across(x)}" cy="{up(y)}" r="3">'
            f"<title>{escape(name)}: {number(x)}, {number(y)}</title></circle>"
            for x, y in (line if len(line) <= 40 else ())
        ]
    legend = "".join(f'<span class="key s{n}">{escape(name)}</span>' for n, name in enumerate(drawn))
    return _svg(chart.title, HEIGHT, parts) + (f'<p class="legend">{legend}</p>' if len(drawn) > 1 else "")


def draw_bars(chart: Bars) -> str:
    """The bars, longest value at the full width, with the values behind them."""
    bars = [(name, value) for name, value in chart.bars if _drawable(value)][:MAX_BARS]
    if not bars:
        return "<p>no values</p>"
    low, high = min(0.0, *(value for _name, value in bars)), max(0.0, *(value for _name, value in bars))
    across = _Scale(low, high if high > low else low + 1.0, NAME_WIDTH, WIDTH - VALUE_WIDTH)
    parts = []
    for n, (name, value) in enumerate(bars):
        y = n * BAR_HEIGHT + 4
        x, width = min(across(0.0), across(value)), abs(across(value) - across(0.0))
        told = f"{escape(name)}: {number(value)}{escape(chart.unit)}"
        parts += [
            f'<text x="{NAME_WIDTH - 8}" y="{y + 13}" text-anchor="end">{escape(_cut(name))}</text>',
            f'<rect class="s0" x="{x:.1f}" y="{y}" width="{max(width, 0.5):.1f}" height="{BAR_HEIGHT - 6}" rx="2">'
            f"<title>{told}</title></rect>",
            f'<text x="{WIDTH - 4}" y="{y + 13}" text-anchor="end">{number(value)}{escape(chart.unit)}</text>',
        ]
    more = len(chart.bars) - len(bars)
    return _svg(chart.title, len(bars) * BAR_HEIGHT + 8, parts) + (f"<p>… and {more} more</p>" if more else "")


def number(value: object) -> str:
    """A value as people read it.

    >>> [number(value) for value in (1234567, 0.123456, 2.0, float("nan"), True, "as it is", None)]
    ['1,234,567', '0.1235', '2', '–', 'yes', 'as it is', '–']
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if not isfinite(value):
            return "–"
        return f"{value:,.0f}" if value == round(value) or abs(value) >= 10_000 else f"{value:.4g}"
    return "–" if value is None else str(value)


class _Scale:
    """Values onto pixels, linear."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high, self._start, self._per = low, high, start, (end - start) / (high - low)

    def __call__(self, value: float) -> float:
        return round(self._start + (value - self.low) * self._per, 1)

    def ticks(self) -> Iterable[float]:
        """Round numbers between the ends."""
        step = _step(self.high - self.low)
        return [n * step for n in range(ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9) + 1)]


def _axes(across: _Scale, up: _Scale, x_name: str, y_name: str) -> str:
    bottom = HEIGHT - BOTTOM
    parts = []
    for y in up.ticks():
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{up(y)}" x2="{WIDTH - RIGHT}" y2="{up(y)}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{up(y) + 4}" text-anchor="end">{number(float(f"{y:.6g}"))}</text>')
    for x in across.ticks():
        parts.append(f'<line class="axis" x1="{across(x)}" y1="{bottom}" x2="{across(x)}" y2="{bottom + 4}"/>')
        parts.append(f'<text x="{across(x)}" y="{bottom + 17}" text-anchor="middle">{number(float(f"{x:.6g}"))}</text>')
    middle, height = (LEFT + WIDTH - RIGHT) / 2, (TOP + bottom) / 2
    parts.append(f'<line class="axis" x1="{LEFT}" y1="{bottom}" x2="{WIDTH - RIGHT}" y2="{bottom}"/>')
    parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_name)}</text>')
    turned = f'transform="rotate(-90 12 {height})" text-anchor="middle"'
    parts.append(f'<text x="12" y="{height}" {turned}>{escape(y_name)}</text>')
    return "".join(parts)


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    label = escape(title, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _drawable(value: float) -> bool:
    return isfinite(value) and (value == 0 or _TINY < abs(value) < _HUGE)


def _finite(points: Iterable[Point]) -> list[Point]:
    return [(float(x), float(y)) for x, y in points if _drawable(x) and _drawable(y)]


def _span(values: Sequence[float]) -> Point:
    """From the least to the greatest, never empty."""
    low, high = min(values), max(values)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    return low, high


def _step(width: float) -> float:
    """1, 2 or 5 times a power of ten, so that about `TICKS` fit in.

    >>> _step(1.0), _step(37.0)
    (0.2, 10.0)
    """
    rough = width / TICKS
    power: float = 10.0 ** floor(log10(rough))
    return next((power * n for n in (1, 2, 5) if rough <= power * n * (1 + 1e-9)), power * 10)


def _cut(name: str) -> str:
    return name if len(name) <= 32 else f"{name[:31]}…"
