from dataclasses import dataclass

import numpy as np
import pytest

from rayce.errors import InvalidArtifact, InvalidSettings
from rayce.item import Item
from rayce.lists.again import again_days
from rayce.lists.blend import Blend
from rayce.lists.expected import Known
from rayce.lists.generation import (
    BLEND_FILE,
    PEOPLE_FILE,
    SEQUENCE_FILE,
    SEQUENCE_ITEMS_FILE,
    ListsGeneration,
    ListsManifest,
)
from rayce.lists.histories import histories_of
from rayce.lists.tables import TABLES_FILE
from rayce.sequence.learnt import Learnt
from rayce.sequence.recurrent import begin
from rayce.shelf import Shelf
from tests.rayce.lists.shops import PEOPLE, happened, tables

NAMES = [f"somebody {n}" for n in range(PEOPLE)]


@dataclass
class Case:
    """One generation, and the digests in the order of the people."""

    generation: ListsGeneration
    digests: np.ndarray


@pytest.fixture
def case() -> Case:
    digests = histories_of(happened(), PEOPLE).digests(NAMES)
    return Case(ListsGeneration(ListsManifest(PEOPLE, 3, 4), Blend(), tables(), digests), digests)


def test_a_generation_is_read_as_it_was_written(case: Case) -> None:
    found = ListsGeneration.from_files(case.generation.to_files())
    assert found.manifest == case.generation.manifest
    assert found.blend == case.generation.blend
    assert found.people.tolist() == sorted(case.digests.tolist())
    for name, column in case.generation.tables._asdict().items():
        assert np.array_equal(getattr(found.tables, name), column), name
    assert found.to_files() == case.generation.to_files()


def test_what_the_order_of_purchases_taught_is_a_part_of_it_where_there_is_any(case: Case) -> None:
    assert ListsGeneration.from_files(case.generation.to_files()).sequence is None
    learnt = Learnt(begin(3, np.random.default_rng(0)), np.array([0.5, 1.0]), 9)
    taught = case.generation._replace(sequence=Known(learnt, ["p1", "ü", "p3"]))
    found = ListsGeneration.from_files(taught.to_files())
    assert found.sequence is not None
    assert found.sequence.ids == ["p1", "ü", "p3"]
    assert found.sequence.learnt.to_bytes() == learnt.to_bytes()
    for damaged in ({SEQUENCE_FILE: b"PK"}, {SEQUENCE_ITEMS_FILE: b'["p1"]'}, {SEQUENCE_ITEMS_FILE: b"{"}):
        with pytest.raises(InvalidArtifact):
            ListsGeneration.from_files({**taught.to_files(), **damaged})
    for gone in (SEQUENCE_FILE, SEQUENCE_ITEMS_FILE):
        with pytest.raises(InvalidArtifact):
            ListsGeneration.from_files({name: body for name, body in taught.to_files().items() if name != gone})


@pytest.mark.parametrize("name", [TABLES_FILE, PEOPLE_FILE, "manifest.json"])
def test_a_damaged_or_missing_file_is_refused(case: Case, name: str) -> None:
    files = case.generation.to_files()
    with pytest.raises(InvalidArtifact):
        ListsGeneration.from_files({**files, name: files[name][:-3]})
    with pytest.raises(InvalidArtifact):
        ListsGeneration.from_files({key: body for key, body in files.items() if key != name})


def test_weights_that_are_no_trees_are_refused(case: Case) -> None:
    with pytest.raises(InvalidArtifact):
        ListsGeneration.from_files({**case.generation.to_files(), BLEND_FILE: b"tree\nnonsense"})


def test_a_digest_changes_with_the_person_and_with_anything_they_do(case: Case) -> None:
    log = happened()
    assert len(set(case.digests.tolist())) == PEOPLE
    more = log._replace(
        **{name: np.append(getattr(log, name), getattr(log, name)[-1:]) for name in log._fields[:5]},
        kind=np.append(log.kind, 0).astype(np.int32),
        weight=np.append(log.weight, np.float32(1)),
        country=np.append(log.country, 0).astype(np.int32),
    )
    changed = histories_of(more, PEOPLE).digests(NAMES) != case.digests
    assert np.flatnonzero(changed).tolist() == [int(log.person[-1])]


def test_people_keep_their_digest_whoever_stands_beside_them() -> None:
    histories = histories_of(happened(), PEOPLE)
    some = np.array([7, 3, 11])
    own = histories.of(some).digests([NAMES[n] for n in some])
    assert own.tolist() == histories.digests(NAMES)[some].tolist()


def shelf_of(*categories: tuple[str, ...]) -> Shelf:
    items = [Item(f"p{n}", categories=each) for n, each in enumerate(categories)]
    none = np.zeros((len(items), 0))
    return Shelf.from_items(items, np.ones(len(items), np.float32), none.astype(np.int32), none.astype(np.float32))


def test_the_narrowest_category_says_how_soon_something_comes_again() -> None:
    shelf = shelf_of(("home", "fridges"), ("home",), ("food",), ("home", "fridges"), ())
    found = again_days(shelf, 1.5, {"home": 30, "fridges": -1})
    assert found.tolist() == [np.inf, 30, 1.5, np.inf, 1.5]
    assert again_days(shelf, -1, {}).tolist() == [np.inf] * 5


def test_days_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InvalidSettings, match="home"):
        again_days(shelf_of(("home",)), 0, {"home": -2})
