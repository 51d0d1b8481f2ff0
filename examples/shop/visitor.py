"""Who is in front of the page, from the shop's own cookies: what the person allows, an id only with consent, and the cart.

Without consent there is no id: the cart lies in the browser, as ids and quantities, and says nothing of anybody. A withdrawal
that rayce has not heard yet keeps the id until it has, for nothing else: `settled` tells.
"""

import re
import secrets
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import NamedTuple

CONSENT, CART = "shop_consent", "shop_cart"
YEAR_S = 365 * 86_400
MOST_ITEMS, MOST_PIECES = 20, 99
PURPOSES = {"p": "personalization", "t": "training", "m": "marketing"}
NO = "n"
"""What somebody says who allows nothing."""

_CONSENT = re.compile(r"^(n|pt?m?)\.(n|pt?m?|)\.([0-9a-f]{32}|)$")
_LINE = re.compile(r"^([A-Za-z0-9]{1,16})\*([0-9]{1,2})$")


class Visitor(NamedTuple):
    """`said` are the letters of what is allowed, `n` for nothing, "" where nobody has answered yet; `told` is what rayce has
    heard of it. `gpc`: the browser forbids training and marketing (Global Privacy Control).
    """

    said: str = ""
    told: str = ""
    identity: str = ""
    cart: Mapping[str, int] = {}
    gpc: bool = False

    @property
    def person(self) -> str | None:
        """The id to personalise by; None without consent."""
        return self.identity if self.said.startswith("p") and self.identity else None

    @property
    def purposes(self) -> dict[str, bool]:
        """What is allowed, by purpose."""
        return {name: letter in self.said for letter, name in PURPOSES.items()}

    def answering(self, form: Mapping[str, str]) -> "Visitor":
        """After an answer to the banner; whoever says yes for the first time gets an id of 128 random bits."""
        if form.get("answer") != "yes":
            return self._replace(said=NO)
        more = [letter for letter, name in PURPOSES.items() if letter != "p" and form.get(name) and not self.gpc]
        return self._replace(said="".join(["p", *more]), identity=self.identity or new_identity())

    def having_told(self) -> "Visitor":
        """After rayce has heard what was said: whoever has withdrawn is nobody from now on."""
        return self._replace(told=self.said, identity=self.identity if self.said != NO else "")

    @property
    def settled(self) -> bool:
        """Whether rayce knows what was said, or has nobody to know it of."""
        return self.said == self.told or not self.identity

    def with_item(self, item_id: str, pieces: int) -> "Visitor":
        """With so many more (or fewer) of a product in the cart, within bounds."""
        now = min(MOST_PIECES, self.cart.get(item_id, 0) + pieces)
        cart = {**self.cart, item_id: now}
        if now <= 0 or len(cart) > MOST_ITEMS:
            cart.pop(item_id)
        return self._replace(cart=cart)

    def cookies(self) -> dict[str, str]:
        """By name, what the browser shall keep; "" for nothing."""
        consent = f"{self.said}.{self.told}.{self.identity}" if self.said else ""
        return {CONSENT: consent, CART: ".".join(f"{item}*{pieces}" for item, pieces in self.cart.items())}


def visitor_of(headers: Mapping[str, str]) -> Visitor:
    """From a request's headers; cookies that are not the shop's own writing count as none."""
    jar: SimpleCookie = SimpleCookie()
    for part in headers.get("cookie", "").split("; "):
        name, _, value = part.partition("=")
        if name in (CONSENT, CART):
            jar[name] = value
    said, told, identity = "", "", ""
    if CONSENT in jar and (found := _CONSENT.match(jar[CONSENT].value)):
        said, told, identity = found.groups() if found[3] or found[1] == NO else ("", "", "")
    lines = jar[CART].value.split(".")[:MOST_ITEMS] if CART in jar else []
    cart = {found[1]: int(found[2]) for line in lines if (found := _LINE.match(line)) and int(found[2])}
    return Visitor(said, told, identity, cart, headers.get("sec-gpc") == "1")


def new_identity() -> str:
    """128 random bits, that nobody can guess: also the number of an order."""
    return secrets.token_hex(16)


def is_identity(text: str) -> bool:
    """Whether this is one of ours."""
    return re.fullmatch("[0-9a-f]{32}", text) is not None
