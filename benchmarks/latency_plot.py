"""A plot of latencies as an SVG: bars on a logarithmic scale, one group for each cell. Written by hand: nothing to install."""

from collections.abc import Mapping
from math import ceil, floor, log10
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, BAR = 900, 360, 70, 70, 50, 22
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd")


def write_plot(path: Path, title: str, unit: str, cells: Mapping[str, Mapping[str, float]]) -> None:
    """`cells`: label of the group → label of the bar → value above zero."""
    names = list(dict.fromkeys(name for bars in cells.values() for name in bars))
    values = [value for bars in cells.values() for value in bars.values()]
    low, high = floor(log10(min(values))), ceil(log10(max(values)) + 0.01)
    width = max(WIDTH, LEFT + len(cells) * (len(names) * BAR + 40) + 40)
    floor_y, room = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP

    def y(value: float) -> float:
        return floor_y - (log10(value) - low) / (high - low) * room

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="14">{escape(title)}</text>',
    ]
    for power in range(low, high + 1):
        at = y(10.0**power)
        parts.append(f'<line x1="{LEFT}" x2="{width - 20}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g} {escape(unit)}</text>')
    for number, name in enumerate(names):
        x = LEFT + 130 * number
        parts.append(f'<rect x="{x}" y="30" width="10" height="10" fill="{COLOURS[number % len(COLOURS)]}"/>')
        parts.append(f'<text x="{x + 14}" y="39">{escape(name)}</text>')
    for place, (label, bars) in enumerate(cells.items()):
        left = LEFT + 20 + place * (len(names) * BAR + 40)
        parts.append(f'<text x="{left}" y="{floor_y + 18}">{escape(label)}</text>')
        for number, name in enumerate(names):
            if name in bars:
                top = y(bars[name])
                colour = COLOURS[number % len(COLOURS)]
                x = left + number * BAR
                box = f'x="{x}" y="{top:.1f}" width="{BAR - 4}" height="{floor_y - top:.1f}"'
                parts.append(f'<rect {box} fill="{colour}"><title>{bars[name]:g} {escape(unit)}</title></rect>')
                parts.append(f'<text x="{x}" y="{top - 3:.1f}" font-size="8">{bars[name]:.3g}</text>')
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")
