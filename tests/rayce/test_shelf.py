"""The shelf and the top lists: there and back as files, and refused when damaged."""

import random

import numpy as np
import pytest

from rayce.errors import InvalidArtifact
from rayce.item import Item
from rayce.shelf import ARRAYS_FILE, ITEMS_FILE, Popular, Shelf
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


@pytest.mark.parametrize("file", [ITEMS_FILE, ARRAYS_FILE])
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
    for files in ({}, {"popular.json": b"{"}, {"popular.json": b'{"everybody": 1}'}, {"popular.json": b"\xff"}):
        with pytest.raises(InvalidArtifact):
            Popular.from_files(files)
