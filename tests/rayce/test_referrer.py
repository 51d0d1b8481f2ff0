"""Kinds of referrers, by addresses as browsers and apps send them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.referrer import referrer_kind

OWN = ("www.shop.de",)
KINDS = {
    "https://www.google.co.uk/": "search",
    "https://duckduckgo.com/?q=milk": "search",
    "android-app://com.google.android.googlequicksearchbox/": "search",
    "https://l.facebook.com/l.php?u=x": "social",
    "https://t.co/abc": "social",
    "https://mail.google.com/mail/u/0": "mail",
    "android-app://com.google.android.gm": "mail",
    "https://googleads.g.doubleclick.net/pagead": "ad",
    "https://tpc.googlesyndication.com/": "ad",
    "https://www.shop.de/p/1?user=ada": "internal",
    "https://shop.de/": "internal",
    "https://de.www.shop.de/": "internal",
    "https://shop.de.evil.example/": "other",
    "https://notshop.de/": "other",
    "https://de/": "other",
    "https://t.example/": "other",
    "about:blank": "other",
    "": "direct",
}


@pytest.mark.parametrize("referrer", KINDS)
def test_the_kind_is_told(referrer: str) -> None:
    assert referrer_kind(referrer, OWN) == KINDS[referrer]


def test_what_is_not_said_is_not_known() -> None:
    assert referrer_kind(None, OWN) == ""


@given(st.text(max_size=300), st.lists(st.text(max_size=40), max_size=3))
def test_whatever_is_said_it_is_one_of_the_kinds(referrer: str, own: list[str]) -> None:
    assert referrer_kind(referrer, own) in ("search", "social", "mail", "ad", "internal", "other", "direct")
