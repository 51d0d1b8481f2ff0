"""Where a shopper came from, as a kind: the address itself is looked at and dropped."""

from collections.abc import Iterable

SEARCH, SOCIAL, MAIL, AD, INTERNAL, OTHER, DIRECT = "search", "social", "mail", "ad", "internal", "other", "direct"
MAX_HOST = 253

_WHOLE = {
    MAIL: ("mail.google.com", "mail.yahoo.com", "outlook.live.com", "outlook.office.com", "mail.proton.me", "web.de"),
    AD: ("googleads.g.doubleclick.net",),
}
_NAMES = {
    SEARCH: (
        "google",
        "bing",
        "duckduckgo",
        "ecosia",
        "qwant",
        "baidu",
        "yandex",
        "startpage",
        "kagi",
        "googlequicksearchbox",
    ),
    SOCIAL: (
        "facebook",
        "instagram",
        "tiktok",
        "pinterest",
        "reddit",
        "twitter",
        "x",
        "t",
        "linkedin",
        "youtube",
        "whatsapp",
    ),
    MAIL: ("gmx", "mail", "gm", "outlook"),
    AD: ("doubleclick", "googlesyndication", "googleadservices", "criteo", "taboola", "outbrain", "adform", "awin1"),
}
_SHORT = {"t": "t.co", "x": "x.com", "gm": "com.google.android.gm"}
"""Names too short to stand for every domain that has them: the host in whole."""
_KIND_OF = {host: kind for kind, hosts in _WHOLE.items() for host in hosts} | {
    _SHORT.get(name, name): kind for kind, names in _NAMES.items() for name in names
}


def referrer_kind(referrer: str | None, own_hosts: Iterable[str]) -> str:
    """`search`, `social`, `mail`, `ad`, `internal`, `other` or `direct` ("": no page before); None gives "" (not known).

    >>> referrer_kind("https://www.google.de/search", ["shop.de"])
    'search'
    >>> referrer_kind("https://www.shop.de/p/1", ["shop.de"]), referrer_kind("t.co", []), referrer_kind("", [])
    ('internal', 'social', 'direct')
    """
    if referrer is None:
        return ""
    host = host_of(referrer)
    if not host:
        return DIRECT if not referrer.strip() else OTHER
    if any(_same_site(host, own) for own in own_hosts):
        return INTERNAL
    if host in _KIND_OF:
        return _KIND_OF[host]
    for label in host.split(".")[-2:-4:-1]:  # next to the public suffix, be it one label or two
        if label in _KIND_OF:
            return _KIND_OF[label]
    return _KIND_OF.get(host.rpartition(".")[2], OTHER)


def host_of(address: str) -> str:
    """The host of an address or of a bare host, lower case, without port and login; "" where there is none.

    >>> host_of("https://me@WWW.shop.de:443/p?q=1"), host_of("shop.de"), host_of("not a host")
    ('www.shop.de', 'shop.de', '')
    """
    rest = address.strip().partition("://")[2] or address.strip()
    for end in "/?#":
        rest = rest.partition(end)[0]
    host = rest.rpartition("@")[2].partition(":")[0].lower().strip(".")
    return host if host and len(host) <= MAX_HOST and all(c.isalnum() or c in "-._" for c in host) else ""


def _same_site(host: str, own: str) -> bool:
    return bool(own) and (host == own or host.endswith(f".{own}") or (own.endswith(f".{host}") and "." in host))
