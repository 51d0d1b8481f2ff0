"""Items that say the same: against the formula written down plainly, there and back as a file, refused when damaged."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.content_index import LEAST, ContentIndex
from rayce.errors import InvalidArtifact
from rayce.item import Item
from rayce.item_terms import MAX_TERMS, item_terms

WORDS = ("red", "green", "shoe", "boot", "leather", "sole", "running")
SOME = st.lists(
    st.builds(
        lambda title, categories, brand, price: Item("x", " ".join(title), tuple(categories), brand, price),
        st.lists(st.sampled_from(WORDS), max_size=5),
        st.lists(st.sampled_from(["shoes", "boots", "hats"]), max_size=3),
        st.sampled_from(["", "a", "b"]),
        st.one_of(st.none(), st.floats(0, 100, width=32)),
    ),
    min_size=1,
    max_size=12,
)


def plainly(items: list[Item], asked: Item) -> list[float]:
    """Cosine of tf-idf, term by term."""
    terms = [item_terms(item) for item in items]
    held = {term: sum(term in each for each in terms) for each in terms for term in each}
    idf = {term: math.log(len(items) / count) for term, count in held.items()}

    def vector(said: dict[str, float]) -> dict[str, float]:
        weights = {term: weight * idf[term] for term, weight in said.items() if idf.get(term)}
        length = math.sqrt(sum(weight * weight for weight in weights.values()))
        return {term: weight / length for term, weight in weights.items()}

    mine = vector(item_terms(asked))
    return [sum(weight * other.get(term, 0.0) for term, weight in mine.items()) for other in map(vector, terms)]


@given(SOME)
def test_alike_is_what_the_formula_says(items: list[Item]) -> None:
    index = ContentIndex.of(items)
    for n, item in enumerate(items):
        wanted = plainly(items, item)
        found, scores = index.near(item, len(items), without=n)
        told = dict(zip(found.tolist(), scores.tolist(), strict=True))
        for m, score in enumerate(wanted):
            if m != n and score > LEAST + 1e-4:
                assert told[m] == pytest.approx(min(score, 1.0), abs=1e-4)
        assert n not in told and all(wanted[m] > LEAST - 1e-4 for m in told)
        assert scores.tolist() == sorted(scores.tolist(), reverse=True)


@given(SOME)
def test_an_index_survives_its_file_to_the_bit(items: list[Item]) -> None:
    index = ContentIndex.of(items)
    again = ContentIndex.from_bytes(index.to_bytes(), len(items))
    assert again.to_bytes() == index.to_bytes()
    for item in items:
        assert all(map(np.array_equal, index.near(item, 5), again.near(item, 5)))


def test_words_are_told_apart_from_categories_and_a_shared_brand_says_less_than_a_shared_rare_word() -> None:
    items = [
        Item("a", "alpine boot", brand="x"),
        Item("b", "alpine tent", brand="y"),
        Item("c", "city shoe", brand="x"),
        Item("d", "city bag", brand="x"),
        Item("e", "plain", ("alpine",), brand="z"),
    ]
    found, _scores = ContentIndex.of(items).near(items[0], 5, without=0)
    assert found.tolist()[0] == 1 and 4 not in found.tolist()


def test_an_endless_text_keeps_its_heaviest_terms() -> None:
    text = " ".join(["often"] * 3 + [f"word{n}" for n in range(MAX_TERMS + 50)])
    terms = item_terms(Item("x", attributes={"description": text}))
    assert len(terms) == MAX_TERMS and "w:often" in terms


def test_what_does_not_describe_an_item_is_no_term() -> None:
    terms = item_terms(Item("x", attributes={"added_ms": 5, "fat": 3.5, "bio": True, "colour": "red"}))
    assert terms.keys() == {"a:bio=True", "a:colour=red"}


def test_an_item_that_says_nothing_known_is_alike_to_nothing() -> None:
    index = ContentIndex.of([Item("a", "red shoe"), Item("b", "blue hat")])
    assert not len(index.near(Item("new", "green"), 5)[0]) and not len(index.near(Item("new"), 5)[0])
    assert not len(ContentIndex.of([]).near(Item("new", "red"), 5)[0])


def test_damage_anywhere_is_refused_or_harmless() -> None:
    whole = ContentIndex.of(
        [Item(f"p{n}", f"word{n % 3} thing{n % 2}", ("c",), "b", n + 1.0) for n in range(9)]
    ).to_bytes()
    with pytest.raises(InvalidArtifact, match="these items"):
        ContentIndex.from_bytes(whole, 8)
    chance = random.Random(1)
    for _ in range(200):
        damaged = bytearray(whole[: chance.choice([None, chance.randrange(len(whole))])])
        if damaged:
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            ContentIndex.from_bytes(bytes(damaged), 9).near(Item("x", "word1"), 3)
        except InvalidArtifact as error:
            assert str(error)
