"""The cart: what is in it and what it is worth. Always on: what is in the cart is not recommended."""

from collections.abc import Mapping

from rayce.event import Event
from rayce.features.family import Number, Plain, Word
from rayce.profile import MAX_CART_ITEMS, Profile


class Cart(Plain):
    """Quantities and prices by product, at most 50; what is bought leaves it, however many pieces there were.

    A late removal or purchase does not touch what was put in after it, nor does a late addition bring back what was bought.
    """

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
        adds, now = event.type == "add_to_cart", event.timestamp_ms
        if not (profile.cart or adds):
            return
        cart, moments = dict(profile.cart), dict(profile.cart_ms)
        for line in event.items:
            item = line.item_id
            latest_ms = moments.get(item, 0)
            had = profile.bought.get(item)
            if now < latest_ms if not adds else had is not None and now < had.last_ms:
                continue  # late: what came after it stands
            quantity, price = cart.pop(item, (0, 0.0))
            moments.pop(item, None)
            if adds:
                cart[item] = (quantity + line.quantity, line.price if line.price is not None else price)
            elif event.type == "remove_from_cart" and quantity > line.quantity:
                cart[item] = (quantity - line.quantity, price)
            else:
                continue
            moments[item] = max(now, latest_ms)
        while len(cart) > MAX_CART_ITEMS:
            oldest = next(iter(cart))
            del cart[oldest]
            moments.pop(oldest, None)
        profile.cart, profile.cart_ms = cart, moments
