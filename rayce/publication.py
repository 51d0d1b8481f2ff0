"""Publishing what a job made: written beside what is live, read back and tried, and only then made live."""

from collections.abc import Callable, Mapping

from rayce.stores.interfaces import DurableGenerations

KEPT = 3
"""Generations kept of each name, to go back to."""

Check = Callable[[Mapping[str, bytes]], object]
"""Raises (`InvalidArtifact`) where the files cannot be used."""


def publish(durable: DurableGenerations, name: str, files: Mapping[str, bytes], check: Check) -> int:
    """The number of the new live generation. Whatever fails or is killed before the last step leaves the former one."""
    number = write_generation(durable, name, files, check)
    go_live(durable, name, number)
    return number


def write_generation(durable: DurableGenerations, name: str, files: Mapping[str, bytes], check: Check) -> int:
    """Writes the next generation and tries it as stored; it is not live yet."""
    number = durable.publish(name, files)
    check(durable.load_generation(name, number))
    return number


def go_live(durable: DurableGenerations, name: str, number: int) -> None:
    """Makes it live, then throws away the old ones."""
    durable.make_live(name, number)
    durable.prune(name, KEPT)
