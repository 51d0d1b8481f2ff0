"""The planted shop's interactions as files of columns: read from the events once, by a program of its own, for all stages."""

from pathlib import Path

import numpy as np

from benchmarks.planted_lake import batches
from rayce.column_history import interactions_of
from rayce.consent import PERSONALIZATION, TRAINING
from rayce.interactions import Interactions
from rayce.item import Item

_COLUMNS = ("person", "session", "item", "at_ms", "bought", "weight")
_FOLDER, _PERSONS = "columns", "shop_person"


def read_columns(folder: Path, items: list[Item]) -> int:
    """Reads all events of the folder, and leaves the columns beside them; returns how many rows there are."""
    number = {item.item_id: n for n, item in enumerate(items)}
    found = interactions_of(batches(folder / "events"), number, PERSONALIZATION | TRAINING)
    place = folder / _FOLDER
    place.mkdir()
    for name in _COLUMNS:
        np.save(place / f"{name}.npy", getattr(found.interactions, name))
    persons = [int(person.rpartition(":")[2], 16) for person in found.persons]
    np.save(place / f"{_PERSONS}.npy", np.array(persons, np.int32))
    return len(found.interactions.item)


def load_columns(folder: Path) -> Interactions:
    """The interactions, as they were read. The planted shop has no segments and no countries."""
    found = {name: np.load(folder / _FOLDER / f"{name}.npy") for name in _COLUMNS}
    nothing = np.zeros(len(found["item"]), np.int32)
    return Interactions(kind=nothing, member_bits=[frozenset()], country=nothing, countries=[""], **found)


def shop_persons(folder: Path) -> np.ndarray:
    """By person number of the interactions, the person of the shop."""
    return np.asarray(np.load(folder / _FOLDER / f"{_PERSONS}.npy"))
