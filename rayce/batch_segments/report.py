"""What a run of `jobs.build_segments` found, as a page for people."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rayce.batch_segments.changes import Overlap, Size
from rayce.batch_segments.lookalike import Likeness
from rayce.report_page import Bars, Report, Table, Text, render
from rayce.report_page import Part as Part

MOST_OVERLAPS, MOST_WEIGHTS = 100, 15


def page(
    tenant: str,
    now_ms: int,
    people: int,
    sizes: Sequence[Size],
    overlaps: Sequence[Overlap],
    likenesses: Mapping[str, Likeness],
    refused: Sequence[str],
    warnings: Sequence[str] = (),
) -> str:
    """One self-contained page. The same findings give the same bytes."""
    as_of = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    parts: list[Part] = []
    if refused:
        parts.append(Text("Refused", "; ".join(refused)))
    if warnings:
        parts.append(Table("Warnings", ("warning",), [(warning,) for warning in warnings]))
    rows = [(s.name, s.before, s.after, s.enter, s.leave, round(100 * s.change, 1)) for s in sizes]
    parts.append(Table("Sizes", ("segment", "before", "after", "enter", "leave", "changed %"), rows))
    parts.append(Bars("People after", [(size.name, float(size.after)) for size in sizes]))
    shared = [(o.one, o.other, o.before, o.after, round(100 * o.jaccard, 1)) for o in overlaps[:MOST_OVERLAPS]]
    more = f"The {MOST_OVERLAPS} largest of {len(overlaps)}." if len(overlaps) > MOST_OVERLAPS else ""
    columns = ("segment", "and", "in both before", "after", "of those in either %")
    parts.append(Table("Overlaps", columns, shared, more))
    for name, found in likenesses.items():
        note = (
            f"AUC {found.auc:.3f} on people who had no part in it; learnt from {found.seeds:,} seeds against"
            f" {found.sample:,} others"
        )
        parts.append(Bars(f"What makes {name}", list(found.importance.items())[:MOST_WEIGHTS], note=note))
    return render(Report(f"Segments of {tenant}", f"{people:,} people who allow personalization, {as_of}", parts))
