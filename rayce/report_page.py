"""A report as one self-contained HTML page: tables and inline SVG charts, light and dark, no script, nothing fetched.

Every text is escaped, so the names of segments and products may hold anything. The same values give the same bytes.

>>> page = render(Report("Ranker", "Trained on <everything>", [Table("Metrics", ("name", "value"), [("auc", 0.9)])]))
>>> "&lt;everything&gt;" in page and "<script" not in page
True
"""

from collections.abc import Sequence
from html import escape

from msgspec import Struct

from rayce.report_charts import Bars, Lines, draw_bars, draw_lines, number

__all__ = ["REPORT_FILE", "Bars", "Cell", "Lines", "Report", "Table", "Text", "render"]

REPORT_FILE = "report.html"
"""The name under which a generation keeps its report."""
MAX_ROWS = 500

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--faint:#6b7280;--rule:#e1e4e8;
--c0:#2563c9;--c1:#c2570c;--c2:#0f8a6a;--c3:#9333a8;--c4:#8a6d00;--c5:#c0264a}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--paper:#14171b;--faint:#9aa3ad;--rule:#2d333a;
--c0:#6ea8ff;--c1:#ff9d5c;--c2:#3fd0a6;--c3:#d68cf0;--c4:#e0c050;--c5:#ff7f9a}}
body{background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif;
margin:2rem auto;max-width:72rem;padding:0 1rem}p,svg{max-width:46rem}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin:2.2rem 0 .4rem}.note,.about{color:var(--faint)}
svg{width:100%;height:auto;font:12px system-ui,sans-serif;fill:var(--ink)}
.grid{stroke:var(--rule)}.axis{stroke:var(--faint)}.ideal{stroke:var(--faint);stroke-dasharray:4 4}
polyline{fill:none;stroke-width:2}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid var(--rule);padding:.25rem .8rem .25rem 0;text-align:left}
td.n,th.n{text-align:right}details{color:var(--faint);margin-top:.3rem}.key{margin-right:1.2rem}.key::before{content:"■ "}
""" + "".join(
    f".s{n}{{color:var(--c{n})}}circle.s{n},rect.s{n}{{fill:var(--c{n})}}polyline.s{n}{{stroke:var(--c{n})}}"
    for n in range(6)
)

Cell = str | int | float | None


class Table(Struct, frozen=True):
    """Rows under columns; numbers go to the right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


class Text(Struct, frozen=True):
    """A paragraph under a heading."""

    title: str
    text: str


Part = Table | Text | Lines | Bars


class Report(Struct, frozen=True):
    """A title, a sentence on what this is, and the parts in order."""

    title: str
    about: str
    parts: Sequence[Part]


def render(report: Report) -> str:
    """The page."""
    title = escape(report.title)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>\n"
        f'<h1>{title}</h1><p class="about">{escape(report.about)}</p>\n'
        + "\n".join(f"<section><h2>{escape(part.title)}</h2>{_body(part)}</section>" for part in report.parts)
        + "\n</body></html>\n"
    )


def _body(part: Part) -> str:
    if isinstance(part, Text):
        return f"<p>{escape(part.text)}</p>"
    note = f'<p class="note">{escape(part.note)}</p>' if part.note else ""
    if isinstance(part, Table):
        return note + _table(part.columns, part.rows)
    if isinstance(part, Bars):
        return note + draw_bars(part)
    values = [(name, x, y) for name, line in part.lines.items() for x, y in line]
    table = _table(("", part.x, part.y), values)
    return note + draw_lines(part) + f"<details><summary>values</summary>{table}</details>"


def _table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    right = [
        any(_is_number(row[at]) for row in rows) and all(row[at] is None or _is_number(row[at]) for row in rows)
        for at in range(len(columns))
    ]
    head = "".join(_cell("th", name, side) for name, side in zip(columns, right, strict=True))
    body = "".join(
        f"<tr>{''.join(_cell('td', value, side) for value, side in zip(row, right, strict=True))}</tr>"
        for row in rows[:MAX_ROWS]
    )
    more = f"<p>… and {len(rows) - MAX_ROWS:,} rows more</p>" if len(rows) > MAX_ROWS else ""
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'


def _cell(tag: str, value: Cell, right: bool) -> str:
    side = ' class="n"' if right else ""
    return f"<{tag}{side}>{escape(number(value))}</{tag}>"


def _is_number(value: Cell) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
