import numpy as np
import pytest

from rayce.candidates import Wish, find_candidates
from rayce.decay import DAY_MS
from rayce.item import Item
from rayce.profile import Profile
from rayce.ranking import ranking_matrix
from rayce.ranking_examples import Example, Examples, chance_of
from rayce.shelf import NOTHING, Shelf
from tests.samples import T0, event, folded

LISTED = [("p5", 0.5), ("p6", 0.25)]


@pytest.fixture
def shelf() -> Shelf:
    items = [Item(f"p{n}", categories=("all", f"group {n % 3}")) for n in range(12)]
    near = np.full((12, 2), NOTHING, dtype=np.int32)
    near[1, 0] = 2
    return Shelf.from_items(items, np.arange(12, 0, -1, dtype=np.float32), near, np.full((12, 2), 0.5, np.float32))


def make(
    shelf: Shelf, profile: Profile, rehearse: bool = False, basket: tuple[str, ...] = ("p1", "p2", "p3")
) -> Example:
    purchase = event("purchase", *basket, at=T0, session="till", consent=3)
    maker = Examples(shelf, lambda _person: LISTED, Wish(), 200)
    return maker.make(profile, purchase, chance_of(purchase) if rehearse else None)


def test_an_example_is_what_would_have_been_served(shelf: Shelf) -> None:
    before = folded(event("purchase", "p7", at=T0 - 5 * DAY_MS), event("view", "p1", at=T0 - 1000))
    example = make(shelf, before)
    served = find_candidates(shelf, before, LISTED, Wish(), T0, 200)
    assert np.array_equal(example.items, served.items)
    assert np.array_equal(example.features, ranking_matrix(shelf, before, served, T0), equal_nan=True)


def test_what_was_bought_is_marked_and_nothing_else(shelf: Shelf) -> None:
    example = make(shelf, Profile(), basket=("p1", "p9", "unknown"))
    marked = {shelf.ids[n] for n, bought in zip(example.items.tolist(), example.bought.tolist(), strict=True) if bought}
    assert marked == {"p1", "p9"}
    assert example.basket == {"p1", "p9", "unknown"}


def test_the_purchase_itself_is_not_in_the_features(shelf: Shelf) -> None:
    """Negative control: with the purchase folded in, its products would be suppressed and counted."""
    before = folded(event("purchase", "p1", at=T0 - 9 * DAY_MS))
    after = folded(event("purchase", "p1", "p2", "p3", at=T0), start=before)
    assert shelf.number["p1"] in make(shelf, before).items
    assert shelf.number["p1"] not in make(shelf, after).items


def test_a_rehearsed_session_reveals_a_part_and_asks_for_the_rest(shelf: Shelf) -> None:
    example = make(shelf, Profile(), rehearse=True, basket=("p1", "p2", "p3", "p4", "p5"))
    revealed = set(example.profile.cart)
    assert example.rehearsed
    assert 1 <= len(revealed) <= 3
    assert example.basket == {"p1", "p2", "p3", "p4", "p5"} - revealed
    assert not revealed & {shelf.ids[n] for n in example.items.tolist()}


def test_a_rehearsal_leaves_something_to_ask_for_and_is_the_same_each_time(shelf: Shelf) -> None:
    examples = [make(shelf, Profile(), rehearse=True, basket=("p1", "p2")) for _ in range(2)]
    assert len(examples[0].basket) == 1
    assert examples[0].basket == examples[1].basket
    alone = make(shelf, Profile(), rehearse=True, basket=("p1",))
    assert not alone.rehearsed
    assert alone.basket == {"p1"}


@pytest.mark.parametrize(
    "real",
    [event("view", "p9", at=T0 - 9_000, session="till"), event("add_to_cart", "p9", at=T0 - DAY_MS, session="other")],
)
def test_a_real_session_is_not_overwritten(shelf: Shelf, real: object) -> None:
    example = make(shelf, folded(real), rehearse=True)  # type: ignore[arg-type]
    assert not example.rehearsed
    assert example.basket == {"p1", "p2", "p3"}
