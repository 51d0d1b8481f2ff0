"""The context of a request, from its headers: where it comes from as a few named words, and nothing that names anybody.

| feature | words | from |
|---|---|---|
| `device` | phone, tablet, desktop, bot | user agent, client hints |
| `browser` | chrome, safari, firefox, edge, opera, samsung, other | the same |
| `country` | two letters (ISO 3166) | the address, in memory; or a trusted header |
| `language` | primary subtag: de | `accept-language`, the one with the greatest weight |
| `day_part` | night, morning, afternoon, evening | the shopper's zone; else that of the country's capital, or the shop's |
| `referrer` | search, social, mail, ad, internal, other, direct | the page before |
| `gpc` | 1 | Global Privacy Control |

What cannot be told is left out. Headers come from strangers: whatever they hold, nothing raises.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from rayce.circumstances import Words
from rayce.consent import MARKETING, TRAINING
from rayce.country import CountryOf, iso_country, nowhere
from rayce.day_part import DayParts
from rayce.device import Devices
from rayce.referrer import referrer_kind

FEATURES = ("browser", "country", "day_part", "device", "gpc", "language", "referrer")
"""Names of the features, sorted."""
REMEMBERED = 4_096
"""Different user agents, and different wishes for languages, that are kept ready."""
MAX_LANGUAGES = 256

_LANGUAGE = re.compile(r"([a-zA-Z]{2,3})(?:-[\w-]*)?(?:\s*;\s*q=([01](?:\.\d{0,3})?))?")


class Hints(NamedTuple):
    """What a request says of where it comes from; "" where it says nothing."""

    agent: str = ""
    brands: str = ""
    mobile: str = ""
    platform: str = ""
    languages: str = ""
    referrer: str | None = None
    """The page before; "" for none, None where it is not said."""
    gpc: bool = False
    address: str = ""
    country: str = ""
    """As a trusted content network says it."""
    zone: str = ""
    """The shopper's zone in the tz database."""


class Detector:
    """Tells the context words of requests. Remembers what user agents and language headers mean, never who sent them."""

    def __init__(self, country_of: CountryOf = nowhere, own_hosts: Iterable[str] = (), shop_zone: str = "") -> None:
        self._country_of = country_of
        self._own_hosts = tuple(own_hosts)
        self._devices = Devices(REMEMBERED)
        self._day_parts = DayParts(shop_zone)
        self._language = lru_cache(REMEMBERED)(language)

    def words(self, hints: Hints, now_ms: int) -> Words:
        """The words that can be told, sorted by name."""
        device = self._devices.of(hints.agent, hints.brands, hints.mobile, hints.platform)
        country = iso_country(hints.country) or (self._country_of(hints.address) if hints.address else "")
        return tuple(
            word
            for word in (
                ("browser", device.browser),
                ("country", country),
                ("day_part", self._day_parts.of(hints.zone, country, now_ms)),
                ("device", device.kind),
                ("gpc", "1" if hints.gpc else ""),
                ("language", self._language(hints.languages) if hints.languages else ""),
                ("referrer", referrer_kind(hints.referrer, self._own_hosts)),
            )
            if word[1]
        )


def language(header: str) -> str:
    """The primary subtag of the language with the greatest weight (RFC 9110, section 12.5.4); "" where none is named.

    >>> language("de-AT,de;q=0.9,en;q=0.8"), language("fr;q=0.3, en;q=0.9"), language("*")
    ('de', 'en', '')
    """
    best, most = "", 0.0
    for part in header[:MAX_LANGUAGES].split(","):
        found = _LANGUAGE.fullmatch(part.strip())
        if found is not None:
            weight = float(found[2] or 1)
            if weight > most:
                best, most = found[1].lower(), weight
    return best


def permitted(purposes: int, has_gpc: bool) -> int:
    """The purposes that hold for one request: under Global Privacy Control no marketing, and nothing to be trained on.

    >>> permitted(7, True), permitted(7, False)
    (1, 7)
    """
    return purposes & ~(MARKETING | TRAINING) if has_gpc else purposes


def merged(detected: Words, said: Mapping[str, str]) -> Words:
    """Detected words, and over them what the sender has said. Privacy Control can be added to a request, never taken away.

    >>> merged((("device", "phone"), ("gpc", "1")), {"device": "tablet", "gpc": "", "page_type": "home"})
    (('device', 'tablet'), ('gpc', '1'), ('page_type', 'home'))
    """
    if not said:
        return detected
    known = dict(detected)
    known.update((name, value) for name, value in said.items() if name != "gpc" or value)
    return tuple(sorted((name, value) for name, value in known.items() if value))
