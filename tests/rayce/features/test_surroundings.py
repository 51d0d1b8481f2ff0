"""Device, country, language, part of day; by hand."""

import pytest

from rayce.decay import HOUR_MS
from rayce.features import CATEGORIES, all_features
from rayce.features.surroundings import DAY_PARTS, FIELDS, MAX_WORD, Surroundings
from rayce.profile import Profile
from tests.samples import T0, event, folded

PROFILE = folded(
    event(context={"device": "phone", "country": "DE", "language": "de-AT", "day_part": "evening"}),
    event(at=T0 + HOUR_MS, context={"device": "desktop"}),
    event(at=T0 + 7 * HOUR_MS),
    event(at=T0 + 13 * HOUR_MS, context={"page_type": "home"}),
)
EXPECTED = {"share_night": 1 / 4, "share_morning": 1 / 4, "share_afternoon": 1 / 4, "share_evening": 1 / 4}


def words(profile: Profile) -> dict[str, str]:
    return {name: CATEGORIES[name](profile, T0) for name in FIELDS}


def test_values_are_those_computed_by_hand() -> None:
    values = all_features(PROFILE, T0)
    assert {name: values[name] for name in Surroundings().numbers} == EXPECTED
    assert words(PROFILE) == {"device": "desktop", "country": "DE", "language": "de-AT", "day_part": "evening"}


def test_an_earlier_event_does_not_replace_what_a_later_one_said() -> None:
    late = folded(event(context={"device": "phone"}), event(at=T0 - 1, context={"device": "tv", "country": "AT"}))
    assert (words(late)["device"], words(late)["country"]) == ("phone", "AT")


@pytest.mark.parametrize("value", ["", 7, True, 1.5])
def test_what_is_no_word_is_not_kept(value: object) -> None:
    profile = folded(event(context={"device": "phone"}), event(at=T0 + 1, context={"device": value, "day_part": value}))
    assert (words(profile)["device"], words(profile)["day_part"]) == ("phone", "")


def test_words_are_cut() -> None:
    assert words(folded(event(context={"device": "x" * 64})))["device"] == "x" * MAX_WORD


@pytest.mark.parametrize("hour, part", [(0, 0), (5, 0), (6, 1), (11, 1), (12, 2), (17, 2), (18, 3), (23, 3)])
def test_the_part_of_day_is_by_utc_where_the_event_does_not_say(hour: int, part: int) -> None:
    values = all_features(folded(event(at=T0 + hour * HOUR_MS)), T0)
    assert [values[f"share_{name}"] for name in DAY_PARTS] == [float(i == part) for i in range(4)]
