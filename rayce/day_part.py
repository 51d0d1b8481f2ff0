"""The part of the day where the shopper is: `night`, `morning`, `afternoon`, `evening`, six hours each from midnight."""

from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import yaml

from rayce.features.surroundings import DAY_PARTS

MAX_ZONE = 64


class DayParts:
    """By the shopper's own zone; else by that of the country's capital; else by the shop's; "" where none is known.

    A zone that nobody knows counts as none; of those that were asked for, the last `remembered` are kept.
    """

    def __init__(self, shop_zone: str = "", remembered: int = 512) -> None:
        text = (files("rayce") / "country_zones.yaml").read_text(encoding="utf-8")
        self._zone_of: dict[str, str] = yaml.safe_load(text)
        self._shop_zone = shop_zone
        self._zone = lru_cache(remembered)(read_zone)

    def of(self, zone: str, country: str, now_ms: int) -> str:
        """The part of the day."""
        found = self._zone(zone) if zone else None
        if found is None:
            fallback = self._zone_of.get(country) or self._shop_zone
            found = self._zone(fallback) if fallback else None
        if found is None:
            return ""
        return DAY_PARTS[datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(found).hour // 6]


def read_zone(name: str) -> ZoneInfo | None:
    """The zone of that name in the tz database; None where there is none. Names come from strangers: nothing raises.

    >>> read_zone("Europe/Berlin"), read_zone("../etc/passwd"), read_zone("Europe")
    (zoneinfo.ZoneInfo(key='Europe/Berlin'), None, None)
    """
    if len(name) > MAX_ZONE or not name.isascii():
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # a folder, a name out of the database, no such file
        return None
