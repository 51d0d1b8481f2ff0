"""The class of a device and its browser, from the user agent and client hints. Whatever is sent, it never raises.

The user agent is parsed by ua-parser's Rust engine (docs.rs `ua-parser`; patterns of the uap-core project); client hints
(W3C User-Agent Client Hints) are believed where they are sent, as browsers freeze the user agent. An iPad that asks for
desktop pages says that it is a Mac: nobody but a script in the page could tell, so it counts as a desktop.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from ua_parser import Domain, Parser
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

MAX_AGENT = 512
"""Characters of a user agent that are looked at: the rest says nothing, and parsing takes time in proportion."""
PHONE, TABLET, DESKTOP, BOT = "phone", "tablet", "desktop", "bot"

_BOT = re.compile(r"(?<!cu)bot\b|crawl|spider|slurp|headless|lighthouse|preview|monitor", re.IGNORECASE)
_TABLET = re.compile(r"ipad|tablet|kindle|silk/|playbook|android(?!.*mobile)", re.IGNORECASE)
_PHONE = re.compile(r"iphone|ipod|windows phone|android.*mobile|mobile.*firefox|opera mini", re.IGNORECASE)
_DESKTOPS = frozenset(("Windows", "Mac OS X", "Linux", "Ubuntu", "Chrome OS", "Fedora", "Debian", "FreeBSD", "OpenBSD"))
_BRAND = re.compile(r'"([^"]{1,40})"')
_BROWSERS = (
    ("samsung", "samsung"),
    ("edge", "edge"),
    ("opera", "opera"),
    ("firefox", "firefox"),
    ("chrom", "chrome"),
    ("safari", "safari"),
)
"""A part of the browser family's name, and our word; the first that fits, as most call themselves Chrome or Safari too."""


class Device(NamedTuple):
    """`phone`, `tablet`, `desktop` or `bot`; `chrome`, `safari`, `firefox`, `edge`, `opera`, `samsung` or `other`.

    "" where it cannot be told, as of a shop's server or an app's library.
    """

    kind: str = ""
    browser: str = ""


class Devices:
    """Tells devices; the last `remembered` different ones are looked up, not parsed: shoppers share few user agents."""

    def __init__(self, remembered: int) -> None:
        self._parser = Parser(Resolver(load_lazy_builtins()))
        self.of = lru_cache(remembered)(self._of)
        """`of(user agent, sec-ch-ua, sec-ch-ua-mobile, sec-ch-ua-platform)`: the `Device`."""

    def _of(self, agent: str, brands: str = "", mobile: str = "", platform: str = "") -> Device:
        agent = agent[:MAX_AGENT]
        family, system, spider = self._parsed(agent)
        if spider or _BOT.search(agent):
            return Device(BOT, "other")
        kind = _hinted(mobile, platform) or _kind(agent, system)
        return Device(kind, _browser(family, brands) if kind else "")

    def _parsed(self, agent: str) -> tuple[str, str, bool]:
        """Family of the browser and of the operating system, and whether it is a known robot."""
        try:
            found = self._parser(agent, Domain.ALL)
        except ValueError:  # lone surrogates: nothing that a browser would send
            return "", "", False
        family = found.user_agent.family if found.user_agent else ""
        system = found.os.family if found.os else ""
        return family, system, found.device is not None and found.device.family == "Spider"


def _hinted(mobile: str, platform: str) -> str:
    """By client hints: Chromium says `?1` on phones, and names Android on tablets too."""
    if mobile == "?1":
        return PHONE
    if mobile == "?0":
        return TABLET if "android" in platform.lower() else DESKTOP if platform else ""
    return ""


def _kind(agent: str, system: str) -> str:
    if _PHONE.search(agent):
        return PHONE
    if _TABLET.search(agent):
        return TABLET
    return DESKTOP if system in _DESKTOPS and agent.startswith(("Mozilla/", "Opera/")) else ""


def _browser(family: str, brands: str) -> str:
    for name in (family, *_BRAND.findall(brands[:MAX_AGENT])):
        lower = name.lower()
        for part, word in _BROWSERS:
            if part in lower:
                return word
    return "other"
