"""The report page of an evaluation."""

from collections.abc import Iterable, Mapping

from rayce.evaluation.comparison import Comparison
from rayce.evaluation.measures import MEASURES
from rayce.report_page import Bars, Cell, Part, Report, Table, Text
from rayce.verdict import Verdict


def evaluation_report(about: str, found: Comparison, verdicts: Mapping[str, Verdict]) -> Report:
    """The page; `verdicts` by whom the newest was compared with."""
    everybody = [row for row in found.rows if row.slice == "everybody"]
    names = _words(next(iter(found.breadth.values()), {}))
    measures = _words(MEASURES)
    rows: list[tuple[Cell, ...]] = [
        (row.contender, row.cases, *row.means.values(), *found.breadth[row.contender].values()) for row in everybody
    ]
    parts: list[Part] = [
        *(Text(f"Against {name}", verdict.why) for name, verdict in verdicts.items()),
        Bars("NDCG at ten", [(row.contender, row.means["ndcg_at_10"]) for row in everybody]),
        Table("Everybody", ("contender", "cases", *measures, *names), rows),
    ]
    for part in dict.fromkeys(row.slice for row in found.rows if row.slice != "everybody"):
        own: list[tuple[Cell, ...]] = [
            (row.contender, row.cases, *row.means.values()) for row in found.rows if row.slice == part
        ]
        parts.append(Table(_heading(part), ("contender", "cases", *measures), own))
    return Report("Evaluation", about, parts)


def _words(names: Iterable[str]) -> list[str]:
    """Names that a narrow column can break."""
    return [name.replace("_", " ") for name in names]


def _heading(part: str) -> str:
    """Of a slice; a segment keeps its name."""
    _kind, of_segment, segment = part.partition(":")
    return f"Segment {segment}" if of_segment else part.replace("_", " ").capitalize()
