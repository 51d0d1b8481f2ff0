"""The cart; by hand."""

from rayce.decay import DAY_MS
from rayce.event import Line
from rayce.features import all_features
from rayce.features.cart import Cart
from rayce.profile import MAX_CART_ITEMS
from tests.samples import T0, event, folded

PROFILE = folded(
    event("add_to_cart", lines=(Line("p1", 2, 3.0), Line("p2"))),
    event("add_to_cart", lines=(Line("p1", 1), Line("p3", 1, 5.0)), at=T0 + 1),
    event("remove_from_cart", lines=(Line("p1", 1),), at=T0 + 2),
    event("purchase", lines=(Line("p3", 1, 5.0),), at=T0 + 3),
)
EXPECTED = {"cart_items": 2 + 1, "cart_value": 2 * 3.0 + 0.0}


def test_values_are_those_computed_by_hand() -> None:
    """An addition without a price keeps the known one; what never had one counts as worth nothing."""
    values = all_features(PROFILE, T0)
    assert {name: values[name] for name in Cart().numbers} == EXPECTED


def test_the_products_carted_last_are_kept() -> None:
    cart = folded(*(event("add_to_cart", f"p{n}", at=T0 + n) for n in range(MAX_CART_ITEMS + 3))).cart
    assert list(cart) == [f"p{n}" for n in range(3, MAX_CART_ITEMS + 3)]


def test_removing_or_buying_what_is_not_there_changes_nothing() -> None:
    profile = folded(event("purchase", "p1"), event("remove_from_cart", "p1", at=T0 + 1))
    assert profile.cart == {}


def test_a_late_purchase_or_removal_leaves_what_was_put_in_after_it() -> None:
    for kind in ("purchase", "remove_from_cart"):
        late = event(kind, "p1", at=T0 - DAY_MS)
        assert folded(event("add_to_cart", "p1"), late).cart == {"p1": (1, 2.5)}


def test_a_late_addition_does_not_bring_back_what_was_bought() -> None:
    assert folded(event("purchase", "p1"), event("add_to_cart", "p1", at=T0 - 1)).cart == {}


def test_in_time_they_do() -> None:
    assert folded(event("add_to_cart", "p1"), event("purchase", "p1", at=T0 + 1)).cart == {}
    assert folded(event("purchase", "p1"), event("add_to_cart", "p1", at=T0 + 1)).cart == {"p1": (1, 2.5)}


def test_moments_are_kept_for_what_is_in_the_cart_only() -> None:
    profile = folded(event("add_to_cart", "p1", "p2"), event("purchase", "p1", at=T0 + 1))
    assert profile.cart_ms == {"p2": T0}
