"""What jobs have left behind and nobody needs: old generations, those of writers that were killed, lists of dropped ones.

Nothing that is live, kept to go back to, or may still be written is touched: generations of a writer that was killed go once a
newer one of the same name is complete, and lists once every tenant's are newer.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from rayce.job_runs import Run
from rayce.stores.interfaces import Durable, staying

LISTS = "lists"
"""The kind of generation whose lists lie by person."""


class Garbage(NamedTuple):
    """What was deleted (or would be): (name, number) of generations, and how many lists."""

    old: list[tuple[str, int]]
    unfinished: list[tuple[str, int]]
    lists: int


def collect(
    durable: Durable, runs: Mapping[tuple[str, str], list[Run]], keep: int, dry_run: bool, say: Callable[[str], None]
) -> Garbage:
    """Of all tenants; killed at any point, what is left is collected the next time. Names come from what is or was live."""
    old: list[tuple[str, int]] = []
    unfinished: list[tuple[str, int]] = []
    kept: dict[str, list[int]] = {}
    live = durable.live()
    for name in sorted({*live, *_made(runs)}):
        numbers = durable.numbers(name)
        newest = numbers[-1] if numbers else 0
        stays = staying(numbers, durable.were_live(name), live.get(name), keep)
        kept[name] = [number for number in numbers if number in stays]
        old += [(name, number) for number in numbers if number not in stays]
        unfinished += [(name, number) for number in durable.unfinished(name) if number < newest]
    for name, number in [*old, *unfinished]:
        say(f"{'would delete' if dry_run else 'deleting'} generation {number} of {name}")
        if not dry_run:
            durable.delete_generation(name, number)
    return Garbage(old, unfinished, _drop_lists(durable, kept, dry_run))


def _made(runs: Mapping[tuple[str, str], list[Run]]) -> Iterable[str]:
    return (name for some in runs.values() for run in some for name in run.generation)


def _drop_lists(durable: Durable, kept: Mapping[str, list[int]], dry_run: bool) -> int:
    """A list does not say whose it is, so it has to be older than what any tenant has: the others end by themselves."""
    numbers = [numbers for name, numbers in kept.items() if name.partition("/")[2] == LISTS and numbers]
    if not numbers:
        return 0
    stays = {number for some in numbers for number in some}
    return durable.drop_lists(min(some[-1] for some in numbers), stays, dry_run)
