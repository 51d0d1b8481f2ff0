"""What `rayce import` tells: counts, the first refused rows, and in a dry run what would come of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from msgspec import Struct

    from rayce.importing.item_import import ItemReport
    from rayce.importing.report import FileReport, RowRefusal

REFUSED_ROWS = 3
"""Exit code where all went through but some rows."""


def say_progress(report: "FileReport", dry_run: bool) -> None:
    """How far a file has come, to standard error."""
    counts = report.counts
    typer.echo(f"{report.file}: {counts.rows:,} rows, {counts.events:,} events{_dry(dry_run)}", err=True)


def show_events(report: "FileReport", dry_run: bool) -> None:
    """What became of a file of events."""
    name, counts = report.file, report.counts
    if report.was_complete:
        typer.echo(f"{name}: was imported to its end before; nothing to do (--again reads it once more)")
        return
    _show_errors(report.errors, counts.refused)
    if dry_run:
        _show_samples(report.samples)
    if report.resumed_at:
        typer.echo(f"{name}: went on after row {report.resumed_at:,}")
    if report.backwards:
        typer.echo(f"{name}: {report.backwards:,} events are older than one of the same user before them: sort by time")
    if report.split:
        typer.echo(f"{name}: {report.split:,} baskets come again further down: sort by them")
    if report.unnamed:
        rows, column, value = report.unnamed
        typer.echo(
            f"{name}: in {rows:,} rows `{column}` has a value that `consent` of the mapping does not name", nl=False
        )
        typer.echo(f" ({value!r}, for one): it counts as no")
    typer.echo(
        f"{name}: {counts.rows:,} rows, {counts.events:,} events, {counts.known:,} known already,"
        f" {counts.without_consent:,} without consent, {counts.refused:,} rows refused{_dry(dry_run)}"
    )
    _show_broken(report.broken)


def show_items(report: "ItemReport", dry_run: bool) -> None:
    """What became of a file of items."""
    _show_errors(report.errors, report.refused)
    if dry_run:
        _show_samples(report.samples)
    done = f"{report.file}: {report.rows:,} rows, {report.items:,} items, {report.refused:,} rows refused"
    typer.echo(f"{done}{_dry(dry_run)}")
    _show_broken(report.broken)


def end(is_broken: bool, some_refused: bool) -> None:
    """Ends the command with its exit code, where that is not 0."""
    if is_broken or some_refused:
        raise typer.Exit(1 if is_broken else REFUSED_ROWS)


def _show_errors(errors: "Sequence[RowRefusal]", count: int) -> None:
    for each in errors:
        named = f", column {each.column}" if each.column else ""
        value = "" if each.value is None else f" ({each.value!r})"
        typer.echo(f"{each.file}: row {each.row}{named}: {each.reason}{value}", err=True)
    if count > len(errors):
        typer.echo(f"… and {count - len(errors):,} more (--errors FILE has all that this run has met)", err=True)


def _show_samples(samples: "Sequence[Struct]") -> None:
    from msgspec import json, structs

    for sample in samples:
        typer.echo(json.encode(structs.asdict(sample)).decode())


def _show_broken(reason: str) -> None:
    if reason:
        typer.echo(f"broken off: {reason}", err=True)


def _dry(dry_run: bool) -> str:
    return " (dry run: nothing was written)" if dry_run else ""
