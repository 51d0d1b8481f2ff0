"""Parts of the day where the shopper is."""

from datetime import UTC, datetime
from importlib.resources import files

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rayce.day_part import DayParts, read_zone
from rayce.features.surroundings import DAY_PARTS


def at(hour: int, minute: int = 0) -> int:
    return int(datetime(2026, 1, 15, hour, minute, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("hour", "part"), [(0, "night"), (5, "night"), (6, "morning"), (12, "afternoon"), (23, "evening")]
)
def test_each_part_has_six_hours_from_midnight(hour: int, part: str) -> None:
    assert DayParts().of("Etc/UTC", "", at(hour, 59)) == part


def test_the_shoppers_own_zone_counts_then_the_countrys_then_the_shops() -> None:
    parts = DayParts("Asia/Tokyo")
    assert parts.of("America/New_York", "DE", at(5)) == "night"  # 00:00 there
    assert parts.of("", "DE", at(5)) == "morning"  # 06:00
    assert parts.of("", "", at(5)) == "afternoon"  # 14:00
    assert parts.of("Nowhere/Land", "DE", at(5)) == "morning"
    assert DayParts().of("", "", at(5)) == ""
    assert DayParts().of("", "ZZ", at(5)) == ""


def test_summer_time_is_heeded() -> None:
    summer = int(datetime(2026, 7, 15, 4, tzinfo=UTC).timestamp() * 1000)
    winter = int(datetime(2026, 1, 15, 4, tzinfo=UTC).timestamp() * 1000)
    assert [DayParts().of("", "DE", moment) for moment in (summer, winter)] == ["morning", "night"]


def test_every_country_of_the_table_has_a_zone_that_exists() -> None:
    zones = yaml.safe_load((files("rayce") / "country_zones.yaml").read_text(encoding="utf-8"))
    assert len(zones) > 240 and "NO" in zones, "NO is Norway, not false"
    assert [zone for zone in zones.values() if read_zone(zone) is None] == []
    assert all(len(code) == 2 and code.isupper() for code in zones)


PARTS = DayParts("Europe/Berlin")


@given(st.text(max_size=80), st.text(max_size=4), st.integers(0, 4_102_444_800_000))
def test_whatever_zone_is_sent_nothing_raises(zone: str, country: str, now_ms: int) -> None:
    assert PARTS.of(zone, country, now_ms) in DAY_PARTS


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../../etc/passwd", "Europe", "", "a\0b", "x" * 500, "\ud800", "Ünited"]
)
def test_a_name_that_is_no_zone_is_none(name: str) -> None:
    assert read_zone(name) is None
