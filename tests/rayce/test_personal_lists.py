import numpy as np
import pytest

from rayce.decay import DAY_MS
from rayce.item import Item
from rayce.personal_lists import ListMaker, decayed_baskets, encoded_lists
from rayce.precomputed import decode_list
from rayce.profile import Profile
from rayce.shelf import NOTHING, Shelf
from tests.samples import T0, event, folded

COUNT = 40


@pytest.fixture
def shelf() -> Shelf:
    """p0 … p39, most popular first, in eight groups; p39 goes with p20; p38 is not available."""
    items = [Item(f"p{n}", categories=("all", f"group {n % 8}"), available=n != 38) for n in range(COUNT)]
    near = np.full((COUNT, 2), NOTHING, dtype=np.int32)
    scores = np.zeros((COUNT, 2), dtype=np.float32)
    near[20, 0], scores[20, 0] = 39, 0.9
    popularity = np.linspace(1_000, 900, COUNT, dtype=np.float32)
    popularity[39] = 0
    return Shelf.from_items(items, popularity, near, scores)


def ids(shelf: Shelf, profile: Profile, length: int = 100, now_ms: int = T0) -> list[str]:
    return [item for item, _score in ListMaker(shelf).make(profile, now_ms, length)]


def weekly(item: str, weeks: int, until_ms: int = T0) -> Profile:
    return folded(*(event("purchase", item, at=until_ms - (weeks - n) * 7 * DAY_MS) for n in range(weeks)))


def test_a_stranger_gets_what_is_popular(shelf: Shelf) -> None:
    assert ids(shelf, Profile(), 3) == ["p0", "p1", "p2"]


def test_a_habit_comes_first_then_its_group_and_what_goes_with_it(shelf: Shelf) -> None:
    listed = ids(shelf, weekly("p20", 10))
    assert listed[0] == "p20"
    assert listed[1] == "p4"
    assert "p39" in listed


def test_the_more_regular_habit_comes_first(shelf: Shelf) -> None:
    both = folded(
        *(event("purchase", "p30", *(["p31"] if n % 2 else []), at=T0 - (10 - n) * 7 * DAY_MS) for n in range(10))
    )
    assert ids(shelf, both, 2) == ["p30", "p31"]


def test_a_habit_given_up_falls_behind_one_that_is_kept(shelf: Shelf) -> None:
    history = [event("purchase", "p30", at=T0 - (30 - n) * 7 * DAY_MS) for n in range(12)]
    history += [event("purchase", "p31", at=T0 - (12 - n) * 7 * DAY_MS) for n in range(12)]
    assert ids(shelf, folded(*history), 2) == ["p31", "p30"]


def test_what_was_only_looked_at_brings_what_goes_with_it(shelf: Shelf) -> None:
    seen = folded(event("view", "p20", at=T0 - DAY_MS))
    assert "p39" in ids(shelf, seen)
    assert "p39" not in ids(shelf, Profile())


def test_what_is_not_available_or_unknown_is_not_listed(shelf: Shelf) -> None:
    listed = ids(shelf, folded(event("purchase", "p38", "gone", at=T0 - DAY_MS)))
    assert "p38" not in listed
    assert "gone" not in listed


def test_scores_descend_and_the_length_is_kept(shelf: Shelf) -> None:
    listed = ListMaker(shelf).make(weekly("p7", 3), T0, 11)
    assert len(listed) == 11
    assert [score for _item, score in listed] == sorted((score for _item, score in listed), reverse=True)
    assert len(ListMaker(shelf).make(weekly("p7", 3), T0, COUNT)) == COUNT - 2


def test_stored_lists_are_the_same_lists(shelf: Shelf) -> None:
    people = [("ada", weekly("p20", 4)), ("bob", Profile())]
    stored = dict(encoded_lists(shelf, people, T0))
    assert list(stored) == ["ada", "bob"]
    assert [item for item, _score in decode_list(stored["ada"])] == ids(shelf, people[0][1])


def test_baskets_decay_as_purchases_do() -> None:
    even = weekly("p1", 40)
    exactly = sum(2.0 ** (-7 * (40 - n) / 28) for n in range(40))
    assert decayed_baskets(even, T0) == pytest.approx(exactly, rel=0.1)
    assert decayed_baskets(Profile(), T0) == 0
