"""The cart: what is in it and what it is worth. Always on: what is in the cart is not recommended."""

from collections.abc import Mapping

from rayce.event import Event
from rayce.features.family import Number, Plain, Word
from rayce.profile import MAX_CART_ITEMS, Profile


class Cart(Plain):
    """Quantities and prices by product, at most 50; what is bought leaves it."""

    name = "cart"
    types = frozenset({"add_to_cart", "remove_from_cart", "purchase"})
    words: Mapping[str, Word] = {}

    def __init__(self) -> None:
        self.numbers: Mapping[str, Number] = {
            "cart_items": lambda p, _: float(sum(quantity for quantity, _price in p.cart.values())),
            "cart_value": lambda p, _: sum(quantity * price for quantity, price in p.cart.values()),
        }

    def write(self, profile: Profile, event: Event) -> None:
        """See `Family.write`."""
        adds = event.type == "add_to_cart"
        if not (profile.cart or adds):
            return
        cart = dict(profile.cart)
        for line in event.items:
            quantity, price = cart.pop(line.item_id, (0, 0.0))
            if adds:
                cart[line.item_id] = (quantity + line.quantity, line.price if line.price is not None else price)
            elif event.type == "remove_from_cart" and quantity > line.quantity:
                cart[line.item_id] = (quantity - line.quantity, price)
        while len(cart) > MAX_CART_ITEMS:
            del cart[next(iter(cart))]
        profile.cart = cart
