"""A country by an address, from an offline file in MaxMind's format. The address is looked up, and nothing is kept of it."""

from collections.abc import Callable
from pathlib import Path

import maxminddb

from rayce.errors import InvalidSettings

CountryOf = Callable[[str], str]
"""Two letters (ISO 3166) of an IP address; "" where it is not known."""


def country_by_file(path: str | Path) -> CountryOf:
    """Reads by memory map, so that all replicas of a node share it. `InvalidSettings` where the file is none of its kind.

    Both common shapes of records are known: `country.iso_code` (GeoLite2, GeoIP2) and `country_code` (the CC0 files of
    ip-location-db).
    """
    try:
        reader = maxminddb.open_database(path)
    except (OSError, maxminddb.InvalidDatabaseError, ValueError) as error:
        raise InvalidSettings(
            f"edge.country_file is no MaxMind database: {error}", "edge.country_file", str(path)
        ) from None

    def country_of(address: str) -> str:
        try:
            record = reader.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError):  # no address, or version 6 in a file of version 4
            return ""
        return _code(record)

    return country_of


def nowhere(_address: str) -> str:
    """Where there is no file."""
    return ""


def iso_country(text: str) -> str:
    """The two letters, if they are: content networks say `XX` for unknown and `T1` for Tor.

    >>> iso_country("de"), iso_country("XX"), iso_country("T1"), iso_country("Germany")
    ('DE', '', '', '')
    """
    code = text.strip().upper()
    return code if len(code) == 2 and code.isascii() and code.isalpha() and code != "XX" else ""


def _code(record: object) -> str:
    if not isinstance(record, dict):
        return ""
    country = record.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else record.get("country_code")
    return iso_country(code) if isinstance(code, str) else ""
