"""A comparison of rules as tables for people: old and new, side by side."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from rayce.rules.comparison import Comparison, Example


def show(found: Comparison, console: Console) -> None:
    """Print what changes in all, what each rule does, and the lists that change most."""
    share = found.changed / found.requests if found.requests else 0.0
    console.print(
        f"{found.requests:,} requests: {found.changed:,} lists change ({share:.0%}); of {found.places:,} places"
        f" {found.entered:,} get an item that was not in the list, {found.left:,} items leave, {found.moved:,} move;"
        f" {found.shorter:,} lists get shorter",
        highlight=False,
    )
    if found.rules:
        table = Table("rule", title="the new rules")
        table.add_column("in force, requests", justify="right")
        table.add_column("candidates touched", justify="right")
        for rule in found.rules:
            table.add_row(rule.name, f"{rule.requests:,}", f"{rule.items:,}")
        console.print(table)
    for example in found.examples:
        console.print(_table(example))


def _table(example: Example) -> Table:
    at = datetime.fromtimestamp(example.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    context = " ".join(f"{name}={word}" for name, word in example.context.items())
    table = Table(title=f"{example.slot} {at} {context}".strip())
    table.add_column("old", justify="right")
    table.add_column("new", justify="right")
    table.add_column("", no_wrap=True)
    table.add_column("item", overflow="fold")
    table.add_column("rules", overflow="fold")
    for place in example.places:
        told = (str(place.old or ""), str(place.new or ""), _way(place.old, place.new), place.item_id)
        table.add_row(*told, ", ".join(place.rules))
    return table


def _way(old: int | None, new: int | None) -> str:
    if old is None:
        return "in"
    if new is None:
        return "out"
    return "" if old == new else f"+{old - new}" if old > new else str(old - new)
