"""What a shop's server passes on of a shopper's request, so that rayce knows the circumstances: nothing that says who it is."""

from collections.abc import Mapping

PASSED_ON = (
    "user-agent",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "accept-language",
    "referer",
    "sec-gpc",
    "rayce-timezone",
)


def forwarded(headers: Mapping[str, str], address: str = "") -> dict[str, str]:
    """Of the shopper's headers those that tell device, language, referrer and privacy; and the address, for the country only.

    >>> forwarded({"User-Agent": "Mozilla/5.0", "Cookie": "secret", "Sec-GPC": "1"}, "203.0.113.7")
    {'user-agent': 'Mozilla/5.0', 'sec-gpc': '1', 'rayce-address': '203.0.113.7'}
    """
    given = {name.lower(): value for name, value in headers.items()}
    found = {name: given[name] for name in PASSED_ON if given.get(name, "").isprintable() and given.get(name)}
    if "referer" in found:  # its query may name people
        found["referer"] = found["referer"].partition("?")[0]
    return found | ({"rayce-address": address} if address and address.isprintable() else {})
