"""The way back: a generation that is kept is made live again, after it was read as a whole."""

from collections.abc import Collection, Mapping

from rayce.documents import DOCUMENT_FILE
from rayce.errors import InvalidInput
from rayce.job_runs import Run
from rayce.stores.interfaces import DurableGenerations

PEOPLES = ("purge", "segment-catalogue")
"""Kinds that people make live and that no job has made: these have ways back of their own, or none."""


def roll_back(
    durable: DurableGenerations, name: str, to: int | None, were_live: Collection[int] = ()
) -> tuple[int, int]:
    """Makes a kept generation of `name` live and returns (its number, the one that was live before).

    Without `to` it is the newest before the live one of those that have been live, if any of them is kept: one that was made
    and not made live is none to go back to. The store knows which these are, and `were_live` are more. `InvalidInput` where
    there is none, its files are damaged, or it is not complete (lists: not all are stored): then nothing changes.
    """
    live = durable.live(name).get(name)
    if live is None:
        raise InvalidInput(f"nothing of {name} is live", "--kind", name)
    if name.partition("/")[2] in PEOPLES:
        raise InvalidInput(f"no job has made {name}: there is no way back from here", "--kind", name)
    kept = durable.numbers(name)
    number = _before(name, live, kept, {*were_live, *durable.were_live(name)}) if to is None else to
    if number not in kept:
        raise InvalidInput(f"generation {number} of {name} is not kept; there are {kept}", "--to", number)
    if DOCUMENT_FILE in durable.load_generation(name, number):
        raise InvalidInput(f"{name} is a document: it goes back with the command of its kind", "--kind", name)
    if number != live:
        durable.make_live(name, number)
    return number, live


def were_live(runs: Mapping[tuple[str, str], list[Run]], name: str) -> set[int]:
    """The generations of `name` that the runs that are known have made live."""
    return {
        run.generation[name] for some in runs.values() for run in some if run.exit_code == 0 and name in run.generation
    }


def _before(name: str, live: int, kept: Collection[int], were_live: Collection[int]) -> int:
    former = [number for number in kept if number < live]
    if not former:
        raise InvalidInput(f"no generation of {name} before {live} is kept", "--kind", name)
    return max([number for number in former if number in were_live] or former)
