"""A dry run of a catalogue as tables for people."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from rayce.segments.dry_run import DryRun

MOST_OVERLAPS = 20


def show(found: DryRun, console: Console) -> None:
    """Print the segments, then the pairs that overlap most."""
    as_of = datetime.fromtimestamp(found.now_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    table = Table(title=f"{found.people:,} people, {as_of}")
    table.add_column("segment", overflow="fold")
    for name in ("bit", "kind", "now", "would be", "enter", "leave"):
        table.add_column(name, justify="left" if name == "kind" else "right", no_wrap=True)
    for row in found.segments:
        numbers = (row.now, row.would_be, row.would_enter, row.would_leave)
        table.add_row(row.name, str(row.bit), row.kind, *(f"{n:,}" for n in numbers))
    console.print(table)
    for row in found.segments:
        if row.note:
            console.print(f"{row.name}: {row.note}", markup=False, highlight=False)
    if not found.overlaps:
        return
    overlaps = Table("segment", "and", "people in both", "of those in either", title="overlaps")
    for overlap in found.overlaps[:MOST_OVERLAPS]:
        overlaps.add_row(overlap.one, overlap.other, f"{overlap.users:,}", f"{overlap.jaccard:.1%}")
    console.print(overlaps)
    if len(found.overlaps) > MOST_OVERLAPS:
        console.print(f"… and {len(found.overlaps) - MOST_OVERLAPS} pairs more (--json has all)")
