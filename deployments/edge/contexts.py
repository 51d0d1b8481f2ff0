"""The context of a request as the edge sees it: which headers are believed, and what a caller may say itself.

A browser is known by `Origin` or `Sec-Fetch-Site`, which scripts and servers do not send. A shop's server that asks for a
shopper says where the shopper is: it passes on the shopper's own headers, and the address as `rayce-address`; its own address
says nothing about anybody. The address is looked up and dropped: it is not logged, not kept, not passed on.
"""

from collections.abc import Mapping

from starlette.types import Scope

from rayce.circumstances import Words
from rayce.context import Detector, Hints, merged
from rayce.country import country_by_file, nowhere
from rayce.event import Scalar
from rayce.ingest import listed
from rayce.referrer import host_of
from rayce.settings import EdgeSettings, PrivacySettings

ADDRESS, ZONE, REFERRER = b"rayce-address", b"rayce-timezone", b"rayce-referrer"
_WANTED = frozenset(
    (
        b"user-agent",
        b"sec-ch-ua",
        b"sec-ch-ua-mobile",
        b"sec-ch-ua-platform",
        b"accept-language",
        b"referer",
        b"sec-gpc",
        b"x-forwarded-for",
        b"origin",
        b"sec-fetch-site",
        b"host",
        ADDRESS,
        ZONE,
        REFERRER,
    )
)
_YES = ("1", 1, True, "true")

Headers = dict[bytes, str]


class Contexts:
    """Tells the context of requests. Without a detector there is only what callers say."""

    def __init__(
        self, detector: Detector | None = None, kept: tuple[str, ...] = (), country_header: str = "", proxies: int = 0
    ) -> None:
        self._detector = detector
        self._kept = frozenset(kept)
        self._country = country_header.lower().encode()
        self._wanted = _WANTED | {self._country} if country_header else _WANTED
        self._proxies = proxies

    def of(self, scope: Scope, now_ms: int, said: Mapping[str, Scalar] | None = None) -> Words:
        """The context words of a request; those that the caller says itself count more, where they are allow-listed."""
        words = self._detected(scope, self._headers(scope), now_ms)
        return merged(words, self._said(said)) if said else words

    def of_events(self, scope: Scope, now_ms: int, zone: str = "", referrer: str | None = None) -> dict[str, Scalar]:
        """What may be kept of the context of events that a browser sends; nothing of others, which come from servers.

        A beacon has no headers of its own: it says zone and referrer in its body.
        """
        headers = self._headers(scope)
        if not _is_browser(headers):
            return {}
        if zone:
            headers[ZONE] = zone
        if referrer is not None:
            headers[REFERRER] = referrer
        return {name: word for name, word in self._detected(scope, headers, now_ms) if name in self._kept}

    def _headers(self, scope: Scope) -> Headers:
        wanted = self._wanted
        return {name: value.decode("latin-1") for name, value in scope["headers"] if name in wanted}

    def _detected(self, scope: Scope, headers: Headers, now_ms: int) -> Words:
        if self._detector is None:
            return (("gpc", "1"),) if _has_gpc(headers) else ()
        get, browser = headers.get, _is_browser(headers)
        hints = Hints(
            agent=get(b"user-agent", ""),
            brands=get(b"sec-ch-ua", ""),
            mobile=get(b"sec-ch-ua-mobile", ""),
            platform=get(b"sec-ch-ua-platform", ""),
            languages=get(b"accept-language", ""),
            # A page's own call names the page as its referrer, so only the page can say what was before it.
            referrer=get(REFERRER, None if browser else get(b"referer")),
            gpc=_has_gpc(headers),
            address=get(ADDRESS) or (self._address(scope, headers) if browser else ""),
            country=get(self._country, "") if self._country else "",
            zone=get(ZONE, ""),
        )
        return self._detector.words(hints, now_ms)

    def _address(self, scope: Scope, headers: Headers) -> str:
        if self._proxies:
            chain = headers.get(b"x-forwarded-for", "").split(",")
            return chain[-self._proxies].strip() if len(chain) >= self._proxies else ""
        client = scope.get("client")
        return str(client[0]) if client else ""

    def _said(self, said: Mapping[str, Scalar]) -> dict[str, str]:
        found = {name: str(value) for name, value in listed(said, self._kept).items() if value != ""}
        if said_privacy(said):
            found["gpc"] = "1"
        return found


NO_CONTEXTS = Contexts()


def contexts_from(edge: EdgeSettings, privacy: PrivacySettings) -> Contexts:
    """As the settings say. `InvalidSettings` where the country file cannot be read."""
    country_of = country_by_file(edge.country_file) if edge.country_file else nowhere
    own_hosts = [host for host in map(host_of, edge.cors_origins) if host]
    detector = Detector(country_of, own_hosts, edge.zone)
    return Contexts(detector, privacy.context_fields, edge.trusted_country_header, edge.proxies)


def said_privacy(said: Mapping[str, Scalar]) -> bool:
    """Whether a sender says, of one row or wish, that Global Privacy Control is on."""
    return bool(said) and said.get("gpc") in _YES


def asks_for_privacy(scope: Scope) -> bool:
    """Whether Global Privacy Control is on for the whole request (W3C GPC, `Sec-GPC`)."""
    return any(name == b"sec-gpc" and value.strip() == b"1" for name, value in scope["headers"])


def _has_gpc(headers: Headers) -> bool:
    return headers.get(b"sec-gpc", "").strip() == "1"


def _is_browser(headers: Headers) -> bool:
    return b"origin" in headers or b"sec-fetch-site" in headers
