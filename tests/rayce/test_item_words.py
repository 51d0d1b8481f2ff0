"""Category and brand by item, as the edge reads them from a live shelf."""

import numpy as np
import pytest

from rayce.errors import InvalidArtifact
from rayce.generations import LiveGenerations, generation_name
from rayce.item import Item
from rayce.item_words import MAX_WORD, NO_WORDS, SHELF, ItemWords, LiveWords, item_words, load_shelf
from rayce.shelf import ARRAYS_FILE, ITEMS_FILE
from rayce.stores.memory import MemoryDurable
from tests.shops import make_shelf


def words_of(*items: Item) -> ItemWords:
    return item_words(make_shelf(items))


def test_they_are_the_shelfs_own_groups_and_brands() -> None:
    shelf = load_shelf(make_shelf().to_files())
    words = shelf.words
    assert not make_shelf().words, "who does not ask for them does not pay for them"
    assert words == {
        item: (shelf.groups[shelf.group[n]], shelf.brands[shelf.brand[n]]) for n, item in enumerate(shelf.ids)
    }
    assert words["p4"] == ("dairy-0", "brand0")


def test_an_item_without_words_takes_no_place_and_long_ones_are_cut() -> None:
    words = words_of(
        Item("bare"), Item("wide", categories=("food",)), Item("long", categories=("c" * 200,), brand="b" * 200)
    )
    assert words == {"wide": ("food", ""), "long": ("c" * MAX_WORD, "b" * MAX_WORD)}


def test_items_that_share_their_words_share_the_memory() -> None:
    words = words_of(*(Item(f"p{n}", categories=("food",), brand="acme") for n in range(5)))
    assert len({id(pair) for pair in words.values()}) == 1


@pytest.mark.parametrize("broken", ["no items", "no arrays", "not json", "not arrays", "a number that is no item's"])
def test_files_that_are_no_shelf_are_refused(broken: str) -> None:
    files = make_shelf().to_files()
    if broken.startswith("no "):
        del files[ITEMS_FILE if broken == "no items" else ARRAYS_FILE]
    elif broken == "not json":
        files[ITEMS_FILE] = b"{"
    elif broken == "not arrays":
        files[ARRAYS_FILE] = files[ARRAYS_FILE][:100]
    else:
        shelf = make_shelf()
        files = shelf._replace(group=np.full_like(shelf.group, 99)).to_files()
    with pytest.raises(InvalidArtifact):
        load_shelf(files)


def test_a_tenant_has_its_own_and_none_until_a_shelf_is_live() -> None:
    durable = MemoryDurable()
    live = LiveGenerations(durable, {SHELF: load_shelf}, 60)
    words = LiveWords(live)
    assert words.of("shop") is NO_WORDS
    name = generation_name("shop", SHELF)
    durable.make_live(name, durable.publish(name, make_shelf().to_files()))
    live.refresh()
    assert words.of("shop")["p0"] == ("bakery-0", "brand0")
    assert words.of("other") is NO_WORDS
