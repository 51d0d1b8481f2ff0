"""Publishing what a job made: written beside what is live, read back and tried, and only then made live."""

from collections.abc import Callable, Mapping

from rayce.errors import InvalidInput
from rayce.stores.interfaces import DurableGenerations

KEPT = 3
"""Generations kept of each name, to go back to: that many of those that have been live, see `stores.interfaces.staying`."""

Check = Callable[[Mapping[str, bytes]], object]
"""Raises (`InvalidArtifact`) where the files cannot be used."""


def publish(durable: DurableGenerations, name: str, files: Mapping[str, bytes], check: Check) -> int:
    """The number of the new live generation. Whatever fails or is killed before the last step leaves the former one."""
    number = write_generation(durable, name, files, check)
    go_live(durable, name, number)
    return number


def write_generation(
    durable: DurableGenerations, name: str, files: Mapping[str, bytes], check: Check, issued: int | None = None
) -> int:
    """Writes the next generation, or that of an `issued` number, and tries it as stored; it is complete, and not live yet.

    `InvalidInput` where a newer one than the issued one is complete: what was stored under it may have been collected.
    """
    if issued is not None and any(number > issued for number in durable.numbers(name)):
        raise InvalidInput(f"a newer generation of {name} than {issued} was made meanwhile", "generation", issued)
    number = durable.publish(name, files, issued)
    check(durable.load_generation(name, number))
    return number


def go_live(durable: DurableGenerations, name: str, number: int) -> None:
    """Makes it live, then throws away the old ones."""
    durable.make_live(name, number)
    durable.prune(name, KEPT)
