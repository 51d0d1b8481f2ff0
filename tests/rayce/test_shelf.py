"""The shelf and the top lists: there and back as files, and refused when damaged."""

import io
import random

import numpy as np
import pytest

from rayce.errors import InvalidArtifact
from rayce.item import Item
from rayce.session_neighbours import Sessions
from rayce.session_rows import SessionRows
from rayce.shelf import ARRAYS_FILE, ITEMS_FILE, TRENDING_FILE, Popular, Shelf
from tests.shops import ITEMS, POPULAR, make_shelf


def test_a_shelf_survives_its_files() -> None:
    shelf, again = make_shelf(), Shelf.from_files(make_shelf().to_files())
    for name, value in shelf._asdict().items():
        same = (
            np.array_equal(value, getattr(again, name))
            if isinstance(value, np.ndarray)
            else value == getattr(again, name)
        )
        assert same, name


def test_what_is_not_available_is_not_popular() -> None:
    items = [*ITEMS[:-1], Item("gone", available=False)]
    shelf = make_shelf(items)
    assert "gone" not in [shelf.ids[n] for n in shelf.popular]
    assert len(shelf.popular) == len(items) - 1


def test_the_group_is_the_second_widest_category() -> None:
    shelf = make_shelf([ITEMS[4], Item("bare"), Item("wide", categories=("bakery",))])
    assert [shelf.groups[n] for n in shelf.group] == ["dairy-0", "", "bakery"]


def test_numbers_of_what_is_on_the_shelf_in_the_order_asked_for() -> None:
    assert make_shelf().numbers(["p3", "nothing", "p1", "p3"]) == [3, 1, 3]


def test_a_generation_of_before_there_were_trends_and_ages_loads_without_them() -> None:
    files = make_shelf().to_files()
    del files[TRENDING_FILE]
    with np.load(io.BytesIO(files[ARRAYS_FILE])) as stored:
        buffer = io.BytesIO()
        np.savez(buffer, **{name: stored[name] for name in stored if name != "added_ms"})
    old = Shelf.from_files(files | {ARRAYS_FILE: buffer.getvalue()})
    assert not old.added_ms.any() and not len(old.newest) and old.trending == {} and old.sessions is None


def test_the_newest_are_the_available_ones_of_which_the_age_is_known() -> None:
    items = [Item("old"), Item("gone", available=False), Item("new"), Item("unknown")]
    added = np.array([5, 9, 7, 0], dtype=np.int64)
    none = np.zeros((4, 0))
    shelf = Shelf.from_items(items, np.zeros(4, np.float32), none.astype(np.int32), none.astype(np.float32), added)
    assert [shelf.ids[n] for n in shelf.newest] == ["new", "old"]
    assert [shelf.ids[n] for n in Shelf.from_files(shelf.to_files()).newest] == ["new", "old"]


def test_sessions_and_trends_survive_their_files_and_sessions_are_loaded_for_who_asks() -> None:
    sessions = Sessions(SessionRows(np.array([0, 2]), np.array([3, 4], np.int32), np.array([0, 1], np.int16)), 12)
    files = make_shelf()._replace(sessions=sessions, trending={"": np.array([2, 1], np.int32)}).to_files()
    assert Shelf.from_files(files).sessions is None
    again = Shelf.with_sessions(files)
    assert again.sessions is not None and 4 in again.sessions.near([3], 2).items.tolist()
    assert again.trending[""].tolist() == [2, 1]
    assert Shelf.with_sessions(make_shelf().to_files()).sessions is None


def test_trends_and_sessions_of_items_that_are_not_there_are_refused() -> None:
    with pytest.raises(InvalidArtifact, match="trending"):
        Shelf.from_files(make_shelf()._replace(trending={"": np.array([12], np.int32)}).to_files())
    sessions = Sessions(SessionRows(np.array([0, 2]), np.array([3, 14], np.int32), np.array([0, 1], np.int16)), 15)
    with pytest.raises(InvalidArtifact, match="sessions"):
        Shelf.with_sessions(make_shelf()._replace(sessions=sessions).to_files())


def test_an_empty_shelf_is_a_shelf() -> None:
    assert Shelf.from_files(make_shelf([]).to_files()).ids == []


@pytest.mark.parametrize("missing", [ITEMS_FILE, ARRAYS_FILE])
def test_a_missing_file_is_named(missing: str) -> None:
    files = make_shelf().to_files()
    del files[missing]
    with pytest.raises(InvalidArtifact, match=missing):
        Shelf.from_files(files)


def test_files_that_speak_of_different_items_are_refused() -> None:
    files = make_shelf().to_files() | {ITEMS_FILE: make_shelf(ITEMS[:5]).to_files()[ITEMS_FILE]}
    with pytest.raises(InvalidArtifact, match="same items"):
        Shelf.from_files(files)


@pytest.mark.parametrize("file", [ITEMS_FILE, ARRAYS_FILE, TRENDING_FILE])
def test_damage_anywhere_is_refused_or_harmless(file: str) -> None:
    whole = make_shelf().to_files()
    chance = random.Random(1)
    for _ in range(150):
        damaged = bytearray(whole[file][: chance.choice([None, chance.randrange(len(whole[file]))])])
        for _ in range(chance.randrange(1, 4)):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            Shelf.from_files(whole | {file: bytes(damaged)})
        except InvalidArtifact as error:
            assert str(error)


def test_top_lists_survive_their_file_and_are_refused_when_damaged() -> None:
    assert Popular.from_files(POPULAR.to_files()) == POPULAR
    assert Popular.from_files({"popular.json": b'{"everybody":[["p0",1.0]]}'}).trending == {}, "of an earlier version"
    for files in ({}, {"popular.json": b"{"}, {"popular.json": b'{"everybody": 1}'}, {"popular.json": b"\xff"}):
        with pytest.raises(InvalidArtifact):
            Popular.from_files(files)
